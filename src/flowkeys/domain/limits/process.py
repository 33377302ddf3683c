"""Processes that count limits and quotas on one database, as they know of each other, by their rows."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from flowkeys.domain.times import SECOND

BEAT_SECONDS: Final = 10
"""How often a process says that it is there."""
DEAD_SECONDS: Final = 35
"""Who has said nothing for so long is not there any more."""

Counting = Literal["shared", "per-process"]


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A process that serves, or has."""

    id: str
    host: str
    pid: int
    identity: str
    """What no other process of the machine is called, or was since it was booted; empty: not known."""
    siblings: int
    """How many its server has in all."""
    counting: Counting | None
    """How it counts where there are several, if that was chosen."""
    started_at: int
    beat_at: int
    """By the clock that all go by who share the database (`Processes.now`)."""

    def is_there(self, now: int) -> bool:
        """Tell whether it was heard of lately; a clock that was set back makes nobody live for longer."""
        return abs(now - self.beat_at) < DEAD_SECONDS * SECOND


def several(processes: Sequence[Process], now: int) -> int:
    """Return how many count on the database, those included that are just being started."""
    there = [one for one in processes if one.is_there(now)]
    by_host: dict[tuple[str, int], int] = {}
    for one in there:
        server = one.host, one.siblings
        by_host[server] = by_host.get(server, 0) + 1
    return sum(max(count, siblings) for (_, siblings), count in by_host.items())


def objection(processes: Sequence[Process], now: int) -> str | None:
    """Return why nothing can be limited: several processes count, each by itself, and nobody chose that."""
    there = [one for one in processes if one.is_there(now)]
    number = several(there, now)
    if number < 2 or all(one.counting is not None for one in there):  # noqa: PLR2004
        return None
    hosts = ", ".join(sorted({one.host for one in there}))
    return (
        f"{number} processes serve this database ({hosts}), and each would count by itself. "
        "Set FLOWKEYS_VALKEY for all of them, so that they count together; or FLOWKEYS_LIMITS=per-process, "
        f"if each may admit every limit in full, which is up to {number} times as much."
    )
