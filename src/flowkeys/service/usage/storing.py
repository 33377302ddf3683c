"""What was counted is stored; hours that are old become days, and days that are old go."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.ids import new_id
from flowkeys.domain.times import Clock
from flowkeys.domain.usage.usage import DAY, DAYS_KEPT, HOURS_KEPT
from flowkeys.service.ports.store import Store
from flowkeys.service.ports.usage import Batch
from flowkeys.service.recurring import Recurring, at_the_end
from flowkeys.service.usage.quotas import DAYS_OF_QUOTAS, HOURS_OF_QUOTAS

PIECE: Final = 500
"""As many rows are made older in one transaction, so that nobody waits long for the writer."""
PAUSE_SECONDS: Final = 0.05
EVERY_SECONDS: Final = 600.0
_FORGOTTEN: Final = 7 * DAY
"""A process that has stored nothing for so long is gone: it will not try again."""


Numbered = TypeVar("Numbered")
"""A batch with a number: the store adds none twice, whatever became of the first attempt."""


class Flusher(Generic[Numbered]):
    """Stores what is counted in memory, batch after batch, every few seconds and at a stop.

    A batch that could not be stored stays as it is, with its number, and is tried again before all others.
    """

    def __init__(
        self,
        name: str,
        store: Callable[[Numbered], Awaitable[None]],
        interval_seconds: float,
        tell: Callable[[str], None],
    ) -> None:
        """Hand batches to `store` every `interval_seconds`; `tell` is told why one could not be stored.

        `name` is that of the background task.
        """
        self._recurring = Recurring(name, self.flush, interval_seconds, self._keep, whole=True)
        self._store = store
        self._tell = tell
        self._recorder = new_id()
        self._number = 0
        self._batches: deque[Numbered] = deque()
        self._flushing = asyncio.Lock()
        self.failed_flushes = 0

    async def _make_up(self) -> None:
        """Make up batches, in their order, of all that was counted."""
        raise NotImplementedError

    def _lost(self) -> str:
        """Return how much waits to be stored, for people."""
        return f"{len(self._batches)} batches"

    def _all_stored(self) -> None:
        """Do what follows when no batch is left: nothing, unless there is something to do."""

    def start(self) -> None:
        """Begin to flush in the background."""
        self._recurring.start()

    async def stop(self) -> None:
        """End the background task and flush all that is left; what the store does not take is told of."""
        await self._recurring.stop()
        if not await at_the_end(self.flush):
            self._tell(f"the server stops, and what was counted since the last time is lost: {self._lost()}")

    async def flush(self) -> bool:
        """Store all that was counted up to now, batch after batch; tell whether that went well.

        What could not be stored is kept, and stored first the next time.
        """
        async with self._flushing:
            await self._make_up()
            while self._batches:
                try:
                    await self._store(self._batches[0])
                except Unavailable as error:
                    self.failed_flushes += 1
                    self._tell(str(error))
                    return False
                self._batches.popleft()
            self._all_stored()
            return True

    def _keep(self, error: Exception) -> None:
        self._tell(repr(error))  # what was counted is kept, and tried again


class UsageStore:
    """Stores usage, and keeps no more of it than is said."""

    def __init__(self, store: Store, clock: Clock, tell: Callable[[str], None]) -> None:
        """`tell` is told why old rows could not be tidied up."""
        self._tell = tell
        self._store = store
        self._clock = clock
        self._recurring = Recurring("flowkeys-usage-tidy", self.tidy, EVERY_SECONDS, self._put_off)

    async def add(self, batch: Batch) -> None:
        """Store a batch, unless it is stored already.

        Raises:
            Unavailable: the store cannot be reached. Whether the batch is stored is not known then.
        """
        now = self._clock()
        await self._store.write(lambda tx: tx.usage.add(batch, now))

    async def tidy(self, pause_seconds: float = PAUSE_SECONDS) -> int:
        """Make old hours into days and drop old days, piece by piece; return how many rows there were."""
        now = self._clock()
        hours_before = now - HOURS_KEPT - (now - HOURS_KEPT) % DAY  # whole days only
        days_before = now - DAYS_KEPT
        rows = 0
        while some := await self._store.write(lambda tx: tx.usage.roll(hours_before, PIECE)):
            rows += some
            await asyncio.sleep(pause_seconds)
        while some := await self._store.write(lambda tx: tx.usage.prune(days_before, PIECE)):
            rows += some
            await asyncio.sleep(pause_seconds)
        await self._store.write(lambda tx: tx.usage.forget_recorders(now - _FORGOTTEN))
        await self._store.write(lambda tx: tx.quotas.prune(now - HOURS_OF_QUOTAS, now - DAYS_OF_QUOTAS))
        return rows

    def start(self) -> None:
        """Begin to tidy up in the background, now and then."""
        self._recurring.start()

    async def stop(self) -> None:
        """End the background task."""
        await self._recurring.stop()

    def _put_off(self, error: Exception) -> None:
        self._tell(str(error) if isinstance(error, Unavailable) else repr(error))
