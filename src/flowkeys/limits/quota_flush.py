"""What was used of quotas is stored every few seconds, and at a stop.

A crash loses what came since: so much may be used once more. Batches have numbers, so that none is added
twice, whatever became of the first attempt.
"""

from collections.abc import Awaitable, Callable

from flowkeys.limits.quotas import MemoryQuotas
from flowkeys.service.ports.quotas import QuotaBatch
from flowkeys.service.usage.storing import Flusher

Store = Callable[[QuotaBatch], Awaitable[None]]


class QuotaFlush(Flusher[QuotaBatch]):
    """Stores what was counted."""

    def __init__(
        self, quotas: MemoryQuotas, store: Store, interval_seconds: float, tell: Callable[[str], None]
    ) -> None:
        """Hand what was counted to `store` every `interval_seconds`; `tell` is told why it could not be."""
        super().__init__("flowkeys-quotas", store, interval_seconds, tell)
        self._quotas = quotas

    def __len__(self) -> int:
        """Return how many keys and customers are kept."""
        return len(self._quotas)

    @property
    def reservations(self) -> int:
        """How many runs have tokens reserved."""
        return self._quotas.reservations

    async def _make_up(self) -> None:
        self._quotas.expire()
        for spendings, crossings in self._quotas.unstored():
            self._number += 1
            self._batches.append(QuotaBatch(self._recorder, self._number, spendings, crossings))

    def _all_stored(self) -> None:
        self._quotas.forget()
