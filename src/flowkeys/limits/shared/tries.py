"""Tries of passwords that several processes count together."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Final

from flowkeys.domain.people.pace import Pace
from flowkeys.limits.shared.away import Away
from flowkeys.limits.shared.unreadable import unreadable
from flowkeys.limits.shared.valkey import Script, Valkey

_TRIES: Final = Script("tries.lua")


class SharedTries:
    """Implements `Tries`."""

    __slots__ = ("_sent", "_valkey")

    def __init__(self, valkey: Valkey) -> None:
        """Count there; while it is away nobody is asked."""
        self._valkey = valkey
        self._sent: set[asyncio.Task[None]] = set()

    async def begin(self, names: Sequence[tuple[str, Pace]]) -> int | None:
        """Count a try, or return for how many microseconds to wait first; see `Tries`."""
        arguments: list[bytes | int] = [b"begin"]
        for _, pace in names:
            arguments += [pace.free, pace.first, pace.longest, pace.forgotten_after]
        try:
            return int(await self._valkey.run(_TRIES, [_key(name) for name, _ in names], arguments))
        except Away:
            return None

    def take_back(self, names: Iterable[str]) -> None:
        """Uncount a try."""
        keys = [_key(name) for name in names]
        if keys:
            self._send(self._valkey.run(_TRIES, keys, [b"back"]))

    def clear(self, name: str) -> None:
        """Forget the failures of a name."""
        self._send(self._delete(_key(name)))

    async def _delete(self, key: bytes) -> None:
        await self._valkey.ask("DEL", key)

    def _send(self, work: Awaitable[Any]) -> None:
        task = asyncio.get_running_loop().create_task(_quietly(work), name="flowkeys-tries")
        self._sent.add(task)
        task.add_done_callback(self._sent.discard)


def _key(name: str) -> bytes:
    """Return where a name is counted, whose account and address cannot be read there."""
    return b"{flowkeys}:tries:%b" % unreadable(name)


async def _quietly(work: Awaitable[Any]) -> None:
    try:
        await work
    except Away:
        return
