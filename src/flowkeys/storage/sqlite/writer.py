"""The one writer: a thread that commits units of work together.

Units that arrive while a commit is on its way to the disk wait for the next one and share it; the failure of
one undoes nothing of another (`batch`). Of the same work for many callers, as messages are, a batch has it
done once for all of them. A unit is acknowledged only after the commit returned, which with
``synchronous=FULL`` means after the disk has it.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Any, Final, TypeVar

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.usage.tally import Histogram
from flowkeys.storage.sqlite.batch import Batch
from flowkeys.storage.statement import Connection, Together

T = TypeVar("T")

BATCH: Final = 256
"""Units that share one commit at most."""
TURNS: Final = 5
"""So often is a batch tried again that others got in the way of; the last times nobody can."""


class _Unit:
    """A unit of work, its outcome, and who waits for it."""

    __slots__ = ("error", "future", "item", "loop", "result", "together", "work")

    def __init__(
        self,
        work: Callable[[Connection], Any],
        loop: asyncio.AbstractEventLoop,
        together: Together | None = None,
        item: Any = None,
    ) -> None:
        self.work = work
        self.together = together
        self.item = item
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None


class Writer:
    """Runs units of work on its own thread and connection."""

    def __init__(self, connect: Callable[[], Any], kind: type[Connection] = Connection) -> None:
        """Start the thread; `connect` is called there, and opens a connection of this kind."""
        self._connect = connect
        self._kind = kind
        self._waiting: SimpleQueue[list[_Unit] | None] = SimpleQueue()
        self._arriving: dict[asyncio.AbstractEventLoop, list[_Unit]] = {}
        """What loops hand over when they have gone round."""
        self._lock = threading.Lock()
        self._closing = False
        self._wanted = self._taken = 0
        self._left: list[_Unit] = []
        """What was one commit too many."""
        self._are_last = False
        self.failed = False
        """Whether the last commit failed for a reason that is the database's, such as a full disk."""
        self.commits = Histogram()
        """How long commits took that went well, in seconds, what they commit included."""
        self.committed = 0
        """Units of work in those."""
        self.failures = 0
        """Commits that did not."""
        self.after_commit: list[Callable[[], None]] = []
        """Called between a commit and its acknowledgement, in the event loop of who waits for it; not for
        what was done together."""
        self._thread = threading.Thread(target=self._run, name="flowkeys-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` and return its result once it is durable.

        Cancelling the caller does not cancel the work: it may have been committed already.

        Raises:
            Unavailable: the database cannot be written; nothing was changed.
        """
        result: T = await self._put(_Unit(work, asyncio.get_running_loop()))
        return result

    def run_together(self, work: Together, item: Any) -> asyncio.Future[None]:
        """Have `work` done for `item`, and for what others want done by it at that time, as in `run`.

        It touches nothing that is told of in the feed. When it fails for all of them, it is done again for
        each by itself.
        """
        return self._put(_Unit(partial(_alone, work, item), asyncio.get_running_loop(), work, item))

    def _put(self, unit: _Unit) -> asyncio.Future[Any]:
        """Have a unit handed over together with those that others want done before the loop has gone round.

        Else the first would be committed by itself, and all others behind it.
        """
        loop = unit.loop
        with self._lock:
            if self._closing:
                raise Unavailable("The server is stopping.")
            self._wanted += 1
            arriving = self._arriving.get(loop)
            if arriving is None:
                self._arriving[loop] = [unit]
                loop.call_soon(self._hand_over, loop)
            else:
                arriving.append(unit)
        return unit.future

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            if units := self._arriving.pop(loop, None):
                self._waiting.put(units)

    @property
    def waiting(self) -> int:
        """How many units of work wait for the next commit."""
        return self._wanted - self._taken

    def close(self) -> None:
        """Commit what is waiting, then stop."""
        with self._lock:
            self._closing = True
            for units in self._arriving.values():
                self._waiting.put(units)
            self._arriving.clear()
            self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        connection: Connection | None = None
        while batch := self._take():
            try:
                connection = connection or self._kind(self._connect())
                begun = perf_counter()
                _commit(connection, batch)
                self.committed_by(connection)
                self.commits.add(perf_counter() - begun)
                self.committed += len(batch)
                if self.failed:
                    self.failed = not self._can_write(connection)
            except self._kind.failed as error:
                self.failures += 1
                self.failed = self._kind.is_outage(error)
                if connection is not None and isinstance(error, self._kind.outlived):
                    connection.close()
                    connection = None
                for unit in batch:
                    if unit.error is None or isinstance(unit.error, self._kind.failed):
                        unit.error = error
            self._acknowledge(batch)
        if connection is not None:
            connection.close()

    def _can_write(self, connection: Connection) -> bool:
        """Tell whether the database takes changes: what was committed may have changed nothing."""
        try:
            connection.begin()
            connection.write_on_trial()
            connection.commit()
        except self._kind.failed:
            connection.roll_back()
            return False
        return True

    def committed_by(self, connection: Connection) -> None:
        """Do what follows a commit before it is acknowledged: here, nothing."""

    def _acknowledge(self, batch: list[_Unit]) -> None:
        """Wake the waiting callers: once for each event loop, not once for each unit."""
        by_loop: dict[asyncio.AbstractEventLoop, list[_Unit]] = {}
        for unit in batch:
            if self._kind.is_outage(unit.error):
                unit.error = _unavailable("The database could not be written.", unit.error)
            elif isinstance(unit.error, self._kind.held_up):
                unit.error = _unavailable("Another program holds what is to be changed.", unit.error)
            by_loop.setdefault(unit.loop, []).append(unit)
        for loop, units in by_loop.items():
            if not loop.is_closed():
                told = any(unit.together is None for unit in units)
                loop.call_soon_threadsafe(_settle, units, self.after_commit if told else ())

    def _take(self) -> list[_Unit]:
        """Wait for units; return them with all that wait behind them, or nothing at the end."""
        batch, self._left = self._left, []
        while len(batch) < BATCH and not self._are_last:
            try:
                units = self._waiting.get(block=not batch)
            except Empty:
                break
            if units is None:
                self._are_last = True
            else:
                batch += units
        batch, self._left = batch[:BATCH], batch[BATCH:]
        self._taken += len(batch)
        return batch


def _unavailable(why: str, error: BaseException | None) -> Unavailable:
    unavailable = Unavailable(why)
    unavailable.__cause__ = error
    return unavailable


def _commit(connection: Connection, batch: list[_Unit]) -> None:
    """Run the units and commit; again where what they read was changed by others meanwhile."""
    for turn in count():
        try:
            _try(connection, batch, turn)
        except connection.conflicts:
            if turn == TURNS:
                raise
            for unit in batch:
                unit.result = unit.error = None
        else:
            return


def _try(connection: Connection, batch: list[_Unit], turn: int) -> None:
    connection.begin(turn)
    try:
        if len(batch) == 1:
            batch[0].result = batch[0].work(connection)
        else:
            apart = _run_together(connection, batch, turn)
            units = connection.batch = Batch(connection)
            try:
                for unit in apart:
                    units.run(unit)
                units.end()
            finally:
                connection.batch = None
        connection.commit()
    except BaseException as error:
        connection.roll_back()
        if len(batch) == 1 and not isinstance(error, connection.failed):
            batch[0].error = error
        else:
            raise


def _run_together(connection: Connection, batch: list[_Unit], turn: int) -> list[_Unit]:
    """Run what can be done together, first in the transaction; return the units that are still to be run.

    When one of the items is at fault nothing is done yet, and each is run by itself.
    """
    items: dict[Together, list[Any]] = {}
    for unit in batch:
        if unit.together is not None:
            items.setdefault(unit.together, []).append(unit.item)
    try:
        for together, some in items.items():
            together(connection, some)
    except Exception as error:
        if connection.is_outage(error):
            raise
        connection.roll_back()
        connection.begin(turn)
        return batch
    return [unit for unit in batch if unit.together is None]


def _alone(work: Together, item: Any, connection: Connection) -> None:
    work(connection, [item])


def _settle(units: list[_Unit], first: Sequence[Callable[[], None]]) -> None:
    for call in first:
        call()
    for unit in units:
        if unit.future.done():
            continue
        if unit.error is None:
            unit.future.set_result(unit.result)
        else:
            unit.future.set_exception(unit.error)
