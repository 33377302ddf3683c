"""Last uses and outdated digests, kept in memory until they are flushed.

A crash loses what is not stored yet: last uses are for people to read, not for decisions. With up to
`AT_ONCE` keys in use that is one interval. With more, some are stored at each interval, those that were used
first, so that calls of a hundred thousand keys leave the processor to calls.
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Final

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.digest import TokenDigest

INTERVAL_SECONDS: Final = 2.0
AT_ONCE: Final = 2_000
"""As many last uses are stored in one interval: some tens of milliseconds of the writer's time."""

Flush = Callable[[dict[str, int], dict[str, tuple[TokenDigest, TokenDigest]]], Awaitable[None]]
"""Stores last uses (key id → time) and re-digests (key id → old, new)."""


class UsageBuffer:
    """Implements the ports `UsageRecorder` and `RecentUses`, and flushes itself."""

    def __init__(self, flush: Flush, interval_seconds: float = INTERVAL_SECONDS) -> None:
        """Keep what is recorded, and hand it to `flush` every `interval_seconds`."""
        self._flush = flush
        self._interval = interval_seconds
        self._last_used: dict[str, int] = {}
        self._on_its_way: dict[str, int] = {}
        self._outdated: dict[str, tuple[TokenDigest, TokenDigest]] = {}
        self._task: asyncio.Task[None] | None = None

    def used(self, key_id: str, at: int) -> None:
        """Note that a key was accepted."""
        self._last_used[key_id] = at

    def outdated(self, key_id: str, old: TokenDigest, new: TokenDigest) -> None:
        """Note that an accepted token is stored under an older secret."""
        self._outdated[key_id] = (old, new)

    def last_use(self, key_id: str) -> int | None:
        """Return when a key was last accepted, unless that is stored already."""
        return self._last_used.get(key_id) or self._on_its_way.get(key_id)

    def start(self) -> None:
        """Begin to flush in the background."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="flowkeys-usage")

    async def stop(self) -> None:
        """End the background task and flush all that is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        while await self.flush():
            pass

    async def flush(self) -> bool:
        """Hand over what was recorded first; keep it when the store is away. Tell whether more is left."""
        if not self._last_used and not self._outdated:
            return False
        last_used = self._on_its_way = self._take()
        outdated, self._outdated = self._outdated, {}
        stored = True
        try:
            await self._flush(last_used, outdated)
        except Unavailable:
            stored = False
            self._last_used = {**last_used, **self._last_used}
            self._outdated = {**outdated, **self._outdated}
        if self._on_its_way is last_used:
            self._on_its_way = {}
        return stored and bool(self._last_used)

    def _take(self) -> dict[str, int]:
        """Take the uses that were recorded first out of those that wait."""
        if len(self._last_used) <= AT_ONCE:
            taken, self._last_used = self._last_used, {}
            return taken
        taken = dict(islice(self._last_used.items(), AT_ONCE))
        for key_id in taken:
            del self._last_used[key_id]
        return taken

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            await asyncio.shield(self.flush())
