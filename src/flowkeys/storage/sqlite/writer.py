"""The one writer: a thread that commits units of work together.

Units that arrive while a commit is on its way to the disk wait for the next one and share it. Each runs in
its own savepoint, so that the failure of one undoes nothing of another. A unit is acknowledged only after
the commit returned, which with ``synchronous=FULL`` means after the disk has it.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from flowkeys.domain.errors import Unavailable
from flowkeys.storage.statement import Connection

T = TypeVar("T")

_FAULTS: Final = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError)
"""Errors of a statement, not of the database: they are faults of ours, and no outage."""

BATCH: Final = 256
"""Units that share one commit at most."""


class _Unit:
    """A unit of work, its outcome, and who waits for it."""

    __slots__ = ("error", "future", "loop", "result", "work")

    def __init__(self, work: Callable[[Connection], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None


class Writer:
    """Runs units of work on its own thread and connection."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Start the thread; `connect` is called there."""
        self._connect = connect
        self._waiting: SimpleQueue[_Unit | None] = SimpleQueue()
        self._closing = False
        self.failed = False
        """Whether the last commit failed for a reason that is the database's, such as a full disk."""
        self.after_commit: list[Callable[[], None]] = []
        """Called between a commit and its acknowledgement, in the event loop of who waits for it."""
        self._thread = threading.Thread(target=self._run, name="flowkeys-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` and return its result once it is durable.

        Cancelling the caller does not cancel the work: it may have been committed already.

        Raises:
            Unavailable: the database cannot be written; nothing was changed.
        """
        if self._closing:
            raise Unavailable("The server is stopping.")
        unit = _Unit(work, asyncio.get_running_loop())
        self._waiting.put(unit)
        result: T = await unit.future
        return result

    def close(self) -> None:
        """Commit what is waiting, then stop."""
        self._closing = True
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        connection: Connection | None = None
        last = False
        while not last:
            batch, last = self._take()
            if not batch:
                continue
            try:
                connection = connection or Connection(self._connect())
                _commit(connection, batch)
                self.failed = False
            except sqlite3.Error as error:
                self.failed = not isinstance(error, _FAULTS)
                _fail(batch, error)
            _acknowledge(batch, self.after_commit)
        if connection is not None:
            connection.raw.close()

    def _take(self) -> tuple[list[_Unit], bool]:
        """Wait for a unit; return it with all that wait behind it, and whether they are the last."""
        batch: list[_Unit] = []
        unit = self._waiting.get()
        while unit is not None:
            batch.append(unit)
            if len(batch) == BATCH:
                return batch, False
            try:
                unit = self._waiting.get_nowait()
            except Empty:
                return batch, False
        return batch, True


def _commit(connection: Connection, batch: list[_Unit]) -> None:
    raw = connection.raw
    raw.execute("BEGIN IMMEDIATE")
    try:
        for unit in batch:
            if len(batch) == 1:
                unit.result = unit.work(connection)
            else:
                _run_in_savepoint(connection, unit)
        raw.execute("COMMIT")
    except BaseException as error:
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        if len(batch) == 1 and not isinstance(error, sqlite3.Error):
            batch[0].error = error
        else:
            raise


def _run_in_savepoint(connection: Connection, unit: _Unit) -> None:
    raw = connection.raw
    raw.execute("SAVEPOINT unit")
    try:
        unit.result = unit.work(connection)
    except Exception as error:
        if not raw.in_transaction:  # the disk is full, or worse: SQLite gave the whole transaction up
            raise
        raw.execute("ROLLBACK TO unit")
        unit.error = error
    raw.execute("RELEASE unit")


def _fail(batch: list[_Unit], error: sqlite3.Error) -> None:
    for unit in batch:
        if unit.error is None or isinstance(unit.error, sqlite3.Error):
            unit.error = error


def _acknowledge(batch: list[_Unit], first: list[Callable[[], None]]) -> None:
    """Wake the waiting callers: once for each event loop, not once for each unit."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Unit]] = {}
    for unit in batch:
        by_loop.setdefault(unit.loop, []).append(unit)
    for loop, units in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, units, first)


def _settle(units: list[_Unit], first: list[Callable[[], None]]) -> None:
    for call in first:
        call()
    for unit in units:
        if unit.future.done():
            continue
        if unit.error is None:
            unit.future.set_result(unit.result)
        elif isinstance(unit.error, sqlite3.Error) and not isinstance(unit.error, _FAULTS):
            unavailable = Unavailable("The database could not be written.")
            unavailable.__cause__ = unit.error
            unit.future.set_exception(unavailable)
        else:
            unit.future.set_exception(unit.error)
