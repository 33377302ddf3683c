"""Where numbers come from: what each part of a server has to tell, whichever technology it is.

Shared limits, another database and more processes bring parts of their own; what is told of them stays.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flowkeys.domain.times import Clock
from flowkeys.domain.usage.tally import Histogram, Tally


class Calls(Protocol):
    """Counts calls."""

    tally: Tally
    failed_flushes: int

    @property
    def waiting_rows(self) -> int:
        """How many rows wait to be stored."""
        ...

    async def summed(self) -> Mapping[tuple[str, str], Sequence[int]]:
        """Return the numbers of `domain.usage.usage` since the start, by door and outcome."""
        ...


class Cached(Sized, Protocol):
    """Keeps keys."""

    generation: int
    """Grows whenever all are forgotten."""


class Lookups(Protocol):
    """Reads what is not kept."""

    keys_read: int
    chatflows_read: int


class Feed(Protocol):
    """Hears of changes."""

    lag: Histogram
    position: int
    breaks: int

    def current(self, now: int, within: int | None = ...) -> bool:
        """Tell whether all is known that was committed up to `within` microseconds before `now`."""
        ...


class Stale(Protocol):
    """Lets calls in by what was known last."""

    uses: int


class Writer(Protocol):
    """Commits."""

    commits: Histogram
    committed: int
    failures: int
    failed: bool

    @property
    def waiting(self) -> int:
        """How many units of work wait for the next commit."""
        ...


class Quotas(Sized, Protocol):
    """Keeps quotas; its size is of how many keys and customers."""

    failed_flushes: int

    @property
    def reservations(self) -> int:
        """How many runs have tokens reserved."""
        ...


class Failures(Sized, Protocol):
    """Limits failed credentials by address; its size is how many addresses it remembers."""

    refused: int


class Shared(Protocol):
    """Counts limits for several processes."""

    outages: int
    without: int

    @property
    def is_up(self) -> bool:
        """Tell whether it can be asked."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """All that is asked when somebody scrapes."""

    version: str
    clock: Clock
    calls: Calls
    keys: Cached
    most_keys: int
    """So many keys are kept at most."""
    chatflows: Sized
    lookups: Lookups
    feed: Feed
    stale: Stale
    promised_seconds: float
    """Within which a change is to hold in every process."""
    writer: Writer
    last_uses: Sized
    """Keys whose last use waits to be stored."""
    limits: Sized
    """Entries of rate limits."""
    shared: Shared | None
    """Those that several processes share; None: this one counts alone."""
    counts_apart: Callable[[], bool]
    """Whether several count, each by itself."""
    quotas: Quotas
    failures: Failures
    tries: Mapping[str, int]
    """Tries to deliver to webhooks, by result."""
    pending: Callable[[], Awaitable[tuple[int, int | None]]]
    """How many deliveries wait, and when the first was due; raises `Unavailable`."""
    database: Path | None
    """The file; None: it is elsewhere."""
    connections: Callable[[], int]
    """How many connections there are."""
