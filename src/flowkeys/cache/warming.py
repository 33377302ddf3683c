"""Reading keys ahead: after the start, a little at a time, so that nobody waits for it."""

import asyncio
from collections.abc import Iterator
from typing import Final, Protocol

from flowkeys.cache.keys import KeyCache
from flowkeys.domain.api_key import KeyRecord
from flowkeys.domain.errors import Unavailable

_BATCH: Final = 100
_PAUSE_SECONDS: Final = 0.001
_AGAIN_SECONDS: Final = 5.0


class KeysAhead(Protocol):
    """Reads all tokens whose digest begins with `tag`: the digest's bytes and the record."""

    def ahead(self, tag: str, batch: int) -> Iterator[list[tuple[bytes, KeyRecord]]]:
        """Return them in batches.

        Raises:
            Unavailable: the store cannot be reached.
        """
        ...


class Warming:
    """Fills a cache once, and again whenever all of it was forgotten."""

    def __init__(self, cache: KeyCache, store: KeysAhead, tag: str) -> None:
        """Read those keys ahead whose digests begin with `tag`: the newest secret's."""
        self._cache = cache
        self._store = store
        self._tag = tag
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin in the background."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="flowkeys-warming")

    async def stop(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        filled = -1
        while True:
            if filled != self._cache.generation:
                filled = self._cache.generation
                try:
                    await self._fill(filled)
                except Unavailable:
                    filled = -1  # whoever asks for a key hears of it; try again
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _fill(self, generation: int) -> None:
        for batch in self._store.ahead(self._tag, _BATCH):
            for digest, record in batch:
                if not self._cache.warm(digest, record):
                    return
            await asyncio.sleep(_PAUSE_SECONDS)
            if self._cache.generation != generation:
                return
