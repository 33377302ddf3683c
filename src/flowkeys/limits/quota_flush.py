"""What was used of quotas is stored every few seconds, and at a stop.

A crash loses what came since: so much may be used once more. Batches have numbers, so that none is added
twice, whatever became of the first attempt.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.ids import new_id
from flowkeys.limits.quotas import MemoryQuotas
from flowkeys.service.ports.quotas import QuotaBatch

Store = Callable[[QuotaBatch], Awaitable[None]]


class QuotaFlush:
    """Stores what was counted."""

    def __init__(
        self, quotas: MemoryQuotas, store: Store, interval_seconds: float, tell: Callable[[str], None]
    ) -> None:
        """Hand what was counted to `store` every `interval_seconds`; `tell` is told why it could not be."""
        self._quotas = quotas
        self._store = store
        self._interval = interval_seconds
        self._tell = tell
        self._recorder = new_id()
        self._number = 0
        self._batches: deque[QuotaBatch] = deque()
        self._flushing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self.failed_flushes = 0

    def __len__(self) -> int:
        """Return how many keys and customers are kept."""
        return len(self._quotas)

    @property
    def reservations(self) -> int:
        """How many runs have tokens reserved."""
        return self._quotas.reservations

    def start(self) -> None:
        """Begin to store in the background."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="flowkeys-quotas")

    async def stop(self) -> None:
        """End the background task and store all that is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()

    async def flush(self) -> bool:
        """Store all that was counted up to now, batch after batch; tell whether that went well.

        What could not be stored is kept, and stored first the next time.
        """
        async with self._flushing:
            self._quotas.expire()
            for spendings, crossings in self._quotas.unstored():
                self._number += 1
                self._batches.append(QuotaBatch(self._recorder, self._number, spendings, crossings))
            while self._batches:
                try:
                    await self._store(self._batches[0])
                except Unavailable as error:
                    self.failed_flushes += 1
                    self._tell(str(error))
                    return False
                self._batches.popleft()
            self._quotas.forget()
            return True

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await asyncio.shield(self.flush())
            except Exception as error:  # noqa: BLE001 - whatever it is, what was counted is kept and tried again
                self._tell(repr(error))
