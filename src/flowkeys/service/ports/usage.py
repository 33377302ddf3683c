"""Usage: counted in memory on the way, stored by one writer, and read with what is not stored yet."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

import msgspec

from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.usage.tally import Tally
from flowkeys.domain.usage.tokens import NO_TOKENS, ModelTokens
from flowkeys.domain.usage.usage import Counted, Period


class CallRecorder(Protocol):
    """Counts calls, in memory: never blocks, never writes, takes well under a microsecond."""

    tally: Tally
    """What else was asked."""

    def count(
        self,
        door: str,
        outcome: str,
        record: KeyRecord | None,
        chatflow_id: str = "",
        started: float = 0.0,
    ) -> None:
        """Count a call that has ended now and began at `started` (`time.perf_counter`).

        `record` is its key's, if that is known; `chatflow_id` what it called, if that is its key's to call.
        """
        ...

    def count_run(
        self,
        outcome: str,
        record: KeyRecord | None,
        workspace_id: str,
        chatflow_id: str,
        started: float,
        *,
        tokens: ModelTokens = NO_TOKENS,
        sizes: tuple[int, int] = (0, 0),
    ) -> None:
        """Count a prediction that was let in, with a key or, on a public chatflow, without one.

        `tokens` are those that models read and wrote; `sizes` the bytes of the body
        that was sent and of the answer.
        """
        ...


class Batch(msgspec.Struct, frozen=True):
    """What is stored in one transaction: once, however often it is tried."""

    recorder: str
    """Which process counted."""
    number: int
    """Grows by one with each of its batches."""
    counted: Sequence[Counted]


class Waiting(msgspec.Struct, frozen=True):
    """What a process has counted and has not seen stored."""

    recorder: str
    last_number: int
    """Of the batches that were made up."""
    batches: Sequence[Batch]
    """Which may be stored already."""
    counted: Callable[[], Iterable[Counted]]
    """Returns what was in no batch, in whichever thread; later calls of the same kinds may be in it."""


class LiveUsage(Protocol):
    """Tells what is counted and not stored."""

    def waiting(self, workspace_id: str) -> Waiting:
        """Return what waits of one workspace's."""
        ...


class UsageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Whose usage is asked for: a workspace's, or that of one key, chatflow or customer in it."""

    workspace_id: str
    period: Period
    key_id: str | None = None
    chatflow_id: str | None = None
    customer_id: str | None = None

    def takes(self, counted: Counted) -> bool:
        """Tell whether something that was counted is asked for."""
        return (
            self.period.first <= counted.time < self.period.end
            and self.key_id in {None, counted.key_id}
            and self.chatflow_id in {None, counted.chatflow_id}
            and self.customer_id in {None, counted.customer_id}
        )


class Usage(Protocol):
    """Usage within one transaction."""

    def add(self, batch: Batch, now: int) -> None:
        """Add up what was counted, unless this batch was added before."""
        ...

    def begin(self, recorder: str, number: int, now: int) -> bool:
        """Note that a process's batch, of whatever it counted, is added; tell whether it was not before."""
        ...

    def added(self, recorder: str) -> int:
        """Return the number of the last batch of a process that was added; 0: none."""
        ...

    def sums(self, query: UsageQuery) -> list[tuple[int, str, Sequence[int]]]:
        """Return (step, outcome, numbers) of what was counted in a period."""
        ...

    def by_key(self, query: UsageQuery, most: int, also: Collection[str]) -> dict[str, tuple[int, int]]:
        """Return how many calls keys made, and how many of them ended well; no call is none's.

        Of the `most` keys that made most, and of those in `also`; others may be there too.
        """
        ...

    def by_chatflow(self, query: UsageQuery) -> dict[str, tuple[int, int]]:
        """Return how many calls each chatflow got, and how many of them ended well."""
        ...

    def failing(self, query: UsageQuery) -> list[tuple[str, str, int]]:
        """Return (key id, outcome, calls) of a workspace's calls that did not end well; nobody's left out."""
        ...

    def any(self, workspace_id: str) -> bool:
        """Tell whether any call of a workspace was ever counted, as far as that is kept."""
        ...

    def names(
        self, workspace_id: str, key_ids: Sequence[str], chatflow_ids: Sequence[str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return the names of those keys and chatflows that the workspace has."""
        ...

    def roll(self, before: int, most: int) -> int:
        """Make hours that ended before a time into days, some rows; return how many there were."""
        ...

    def prune(self, before: int, most: int) -> int:
        """Delete days that began before a time, some rows; return how many there were."""
        ...

    def forget_recorders(self, before: int) -> None:
        """Forget the processes that stored nothing since a time."""
        ...
