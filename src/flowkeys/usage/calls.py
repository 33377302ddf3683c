"""Calls, counted in memory until they are stored: a look-up and an increment for each.

What a crash loses is what was counted since the last flush.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Final

from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.terms import Terms
from flowkeys.domain.times import SECOND, Clock
from flowkeys.domain.usage.latency import BOUNDS
from flowkeys.domain.usage.tally import Tally
from flowkeys.domain.usage.tokens import NO_TOKENS, ModelTokens
from flowkeys.domain.usage.usage import (
    BYTES_IN,
    BYTES_OUT,
    HOUR,
    TOKENS_ESTIMATED,
    TOKENS_IN,
    TOKENS_OUT,
    Counted,
    Door,
)
from flowkeys.service.ports.usage import Batch, Waiting
from flowkeys.service.usage.storing import Flusher
from flowkeys.usage.hour import TOOK_SECONDS, Cell, Hour, Kind, add_totals, new_cell

AT_ONCE: Final = 500
"""As many rows are stored in one transaction: some milliseconds of the writer's time."""
MOST: Final = 100_000
"""So many kinds of calls are told apart while they wait; of what comes then only the workspace is kept. They
take 50 MB, and a store that is away for long takes no more."""
_PREDICTION: Final = Door.PREDICTION.value
_UNKNOWN: Final = "\n"
"""Stands for the key in what is counted without one; followed by the workspace where a table is full."""

Store = Callable[[Batch], Awaitable[None]]
"""Stores a batch, unless it is stored already."""


class CallCounter(Flusher[Batch]):
    """Implements the ports `CallRecorder` and `LiveUsage`, and flushes itself.

    Everything happens in the event loop's thread.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        interval_seconds: float,
        tell: Callable[[str], None],
        ticks: Callable[[], float] = perf_counter,
    ) -> None:
        """Hand what was counted to `store` every `interval_seconds`.

        `tell` is told why something could not be stored; `ticks` is what calls are timed by.
        """
        super().__init__("flowkeys-calls", store, interval_seconds, tell)
        self._clock = clock
        self._ticks = ticks
        self._hour = Hour(0)
        self._cells = self._hour.cells
        self._turns_at = 0.0
        """When, in `ticks`, another hour begins."""
        self._ended: list[Hour] = []
        self._kept = 0
        """How many cells are in those."""
        self.totals: dict[tuple[str, str], Cell] = {}
        """By door and outcome, since the start, of what is in no hour any more; nobody's calls included."""
        self._summing = asyncio.Lock()
        """Held while totals are summed up: then no hour is taken away."""
        self.tally = Tally()

    def count(
        self,
        door: str,
        outcome: str,
        record: KeyRecord | None,
        chatflow_id: str = "",
        started: float = 0.0,
    ) -> None:
        """Count a call that has ended now; see `CallRecorder`."""
        ended = self._ticks()
        if ended >= self._turns_at:
            self._turn(ended)
        kind = (
            (_UNKNOWN, chatflow_id, outcome, door, "")
            if record is None
            else (
                record.identity,
                chatflow_id,
                outcome,
                door,
                "" if record.terms is None else _customer(record.terms),
            )
        )
        cell = self._cells.get(kind)
        if cell is None:
            cell = self._new(kind, "" if record is None else record.workspace_id)
        seconds = ended - started
        cell[bisect_left(BOUNDS, seconds)] += 1
        cell[TOOK_SECONDS] += seconds

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
        """Count a prediction that was let in; see `CallRecorder`."""
        ended = self._ticks()
        if ended >= self._turns_at:
            self._turn(ended)
        kind = (
            (_UNKNOWN, chatflow_id, outcome, _PREDICTION, "")
            if record is None
            else (
                record.identity,
                chatflow_id,
                outcome,
                _PREDICTION,
                "" if record.terms is None else _customer(record.terms),
            )
        )
        cell = self._cells.get(kind)
        if cell is None:
            cell = self._new(kind, workspace_id)
        seconds = ended - started
        cell[bisect_left(BOUNDS, seconds)] += 1
        cell[TOOK_SECONDS] += seconds
        cell[TOKENS_IN] += tokens[0]
        cell[TOKENS_OUT] += tokens[1]
        cell[TOKENS_ESTIMATED] += tokens[2]
        cell[BYTES_IN] += sizes[0]
        cell[BYTES_OUT] += sizes[1]

    def waiting(self, workspace_id: str) -> Waiting:
        """Return what waits of one workspace's. It is read later, in the thread that reads what is stored."""
        hours = [(hour, *hour.copied()) for hour in (*self._ended, self._hour)]

        def counted() -> list[Counted]:
            found = []
            for hour, kinds, cells in hours:
                of = hour.workspaces
                pairs = zip(kinds, cells, strict=True)
                found += hour.counted(pair for pair in pairs if of[pair[0]] == workspace_id)
            return found

        return Waiting(self._recorder, self._number, tuple(self._batches), counted)

    def totals_now(self) -> dict[tuple[str, str], Cell]:
        """Return what was counted since the start, by door and outcome."""
        found = {kind: list(cell) for kind, cell in self.totals.items()}
        for hour in (*self._ended, self._hour):
            add_totals(found, hour.cells.items())
        return found

    async def summed(self) -> dict[tuple[str, str], Cell]:
        """Return what `totals_now` does, and let calls go on meanwhile, however many kinds there are.

        What is counted meanwhile may be in it or not; what was counted before is.
        """
        async with self._summing:
            found = {kind: list(cell) for kind, cell in self.totals.items()}
            for kinds, cells in [hour.copied() for hour in (*self._ended, self._hour)]:
                for begin in range(0, len(kinds), AT_ONCE):
                    some = slice(begin, begin + AT_ONCE)
                    add_totals(found, zip(kinds[some], cells[some], strict=True))
                    await asyncio.sleep(0)
        return found

    @property
    def waiting_rows(self) -> int:
        """How many rows wait to be stored."""
        hours = (*self._ended, self._hour)
        return sum(len(hour.cells) for hour in hours) + sum(len(batch.counted) for batch in self._batches)

    def _new(self, kind: Kind, workspace_id: str) -> Cell:
        """Return the cell of the first call of a kind; of one too many, that of its workspace."""
        hour = self._hour
        if len(hour.cells) + self._kept >= MOST:
            kind = (_UNKNOWN + workspace_id, "", *kind[2:4], "")
            known = hour.cells.get(kind)
            if known is not None:
                return known
        hour.workspaces[kind] = workspace_id
        cell = hour.cells[kind] = new_cell()
        return cell

    def _turn(self, ticks: float) -> None:
        """Begin another hour if it is time, and find out when the next one begins.

        That is asked for at each flush too: clocks are set, and this counts from one of them.
        """
        now = self._clock()
        time = now - now % HOUR
        if time != self._hour.time:
            self._end(time)
        self._turns_at = ticks + (time + HOUR - now) / SECOND

    def _end(self, time: int) -> None:
        """Count in another hour from now on, the one of `time`."""
        if self._cells:
            self._ended.append(self._hour)
            self._kept += len(self._cells)
        self._hour = Hour(time)
        self._cells = self._hour.cells

    async def _make_up(self) -> None:
        async with self._summing:
            await self._take()

    async def _take(self) -> None:
        """Make up batches of what was counted, unless too many wait already; calls go on meanwhile.

        At any moment what was counted is in a batch, or in an hour: whoever asks finds it, and finds it once.
        """
        if len(self._batches) * AT_ONCE >= MOST:
            self._turn(self._ticks())
            return
        self._end(self._hour.time)
        self._turn(self._ticks())
        hours, self._kept = list(self._ended), 0
        for hour in hours:
            while hour.cells:
                self._take_some(hour)
                await asyncio.sleep(0)
            self._ended.remove(hour)

    def _take_some(self, hour: Hour) -> None:
        """Make a batch of some of what was counted within an hour in which nothing is counted any more."""
        some = [hour.cells.popitem() for _ in range(min(AT_ONCE, len(hour.cells)))]
        add_totals(self.totals, some)
        counted = tuple(hour.counted(some))
        if counted:
            self._number += 1
            self._batches.append(Batch(self._recorder, self._number, counted))


def _customer(terms: Terms) -> str:
    return "" if terms.customer is None else terms.customer.id
