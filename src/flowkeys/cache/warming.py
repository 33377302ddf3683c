"""Reading keys ahead: after the start, a little at a time, so that nobody waits for it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Final, Protocol

from flowkeys.cache.keys import KeyCache
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.digest import TokenHasher
from flowkeys.domain.times import Clock
from flowkeys.service.ports.verification import Unreadable

_BATCH: Final = 100
_PAUSE_SECONDS: Final = 0.001
_AGAIN_SECONDS: Final = 5.0


Batch = list[tuple[bytes, KeyRecord | Unreadable]]
Batches = Iterator[Batch] | AsyncIterator[Batch]


class KeysAhead(Protocol):
    """Reads tokens whose digest begins with `tag`: the digest's bytes and the record."""

    def ahead(self, tag: str, batch: int) -> Batches:
        """Return all of them, in batches.

        Raises:
            Unavailable: the store cannot be reached.
        """
        ...


class Log(Protocol):
    """Where it is said what nobody waits for."""

    def warning(self, event: str, **facts: object) -> object:
        """Log what an operator should look at."""
        ...

    def error(self, event: str, **facts: object) -> object:
        """Log what should not have happened."""
        ...


class Warming:
    """Fills a cache once, and again whenever all of it was forgotten."""

    def __init__(
        self,
        cache: KeyCache,
        store: KeysAhead,
        hasher: TokenHasher,
        clock: Clock,
        log: Log,
        of_key: Callable[[str, str], Batch] | None,
    ) -> None:
        """Read those keys ahead whose digests are under the newest secret of `hasher`.

        `of_key` reads at once those of a key that changed. Where that cannot be done, what is not in memory
        is looked up.
        """
        self._cache = cache
        self._store = store
        self._clock = clock
        self._log = log
        self._told: str | None = None
        """The key that cannot be read and was logged."""
        self._tag = hasher.newest_tag
        self._of_key = of_key if len(hasher.secret_ids) == 1 else None
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
                except Exception as error:  # noqa: BLE001 - a task that ends does so in silence
                    self._log.error("warming_failed", exc_info=error)
                    filled = -1
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _fill(self, generation: int) -> None:
        self._cache.begin_reading(self._clock())
        unreadable: str | None = None
        async for batch in _each(self._store.ahead(self._tag, _BATCH)):
            for digest, record in batch:
                if isinstance(record, Unreadable):
                    unreadable = unreadable or record.key_id
                    self._tell(unreadable)
                elif not self._cache.warm(digest, record, self._clock()):
                    return
            await asyncio.sleep(_PAUSE_SECONDS)
            if self._cache.generation != generation:
                return
        if self._of_key is not None and unreadable is None:
            self._cache.end_reading(partial(self._of_key, self._tag))
        else:
            self._cache.keep_some()

    def _tell(self, key_id: str) -> None:
        """Log a key that cannot be read, once, and no other: `flowkeys doctor` names them."""
        if key_id != self._told:
            self._told = key_id
            self._log.warning("unreadable_key", key_id=key_id)


async def _each(batches: Batches) -> AsyncIterator[Batch]:
    if isinstance(batches, AsyncIterator):
        async for batch in batches:
            yield batch
    else:
        for batch in batches:
            yield batch
