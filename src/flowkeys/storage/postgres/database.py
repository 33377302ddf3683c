"""PostgreSQL as a store: one connection that writes, one for what is only added, and some that read."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import psycopg

from flowkeys.domain.audit.chain import ChainKey
from flowkeys.domain.audit.taken import Row
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.predictions.conversation import Message
from flowkeys.service.ports.store import Transaction
from flowkeys.storage.keys.bits import bits
from flowkeys.storage.keys.bits.remembered import Remembered
from flowkeys.storage.postgres.connecting import connect
from flowkeys.storage.postgres.connection import PostgresConnection
from flowkeys.storage.postgres.sealing import seal
from flowkeys.storage.predictions.messages import add_together
from flowkeys.storage.sqlite.writer import Writer
from flowkeys.storage.statement import Connection
from flowkeys.storage.transaction import Tables

T = TypeVar("T")

READERS: Final = 4


def _now() -> int:
    return time.time_ns() // 1000


class Follower(Protocol):
    """Keeps, outside the database, what its audit log says (`storage.audit.journal`)."""

    def follow(self, raw: Any, given: Sequence[Row] = ()) -> None:
        """Keep what a connection has committed; `given` are rows that it sealed just now."""
        ...

    def look(self, raw: Any) -> None:
        """Keep what any connection has, and see whether the log ends before what is kept."""
        ...


class _Appending(PostgresConnection):
    """A connection for what depends on nothing that is there, and waits for nobody."""

    __slots__ = ()

    def begin(self, turn: int = 0) -> None:
        """Begin to add."""
        del turn
        self.begin_appending()


class _SealingWriter(Writer):
    """Writes, and has what was written to the audit log sealed before it is acknowledged."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self.audit_key: ChainKey | None = None
        self.unsealed = True
        """Whether rows may wait to be sealed; at first those of a process that ended."""
        self.journal: Follower | None = None
        super().__init__(lambda: connect, PostgresConnection)

    def committed_by(self, connection: Connection) -> None:
        """Seal; what cannot be sealed now, as the database is away, is sealed by whoever writes next."""
        if self.audit_key is None or not self.unsealed:
            return
        try:
            sealed = seal(connection.raw, self.audit_key)
            if self.journal is not None and (sealed or connection.audited):  # others may have sealed ours
                self.journal.follow(connection.raw, sealed)
        except psycopg.Error:
            return
        self.unsealed = connection.audited = False


class PostgresStore:
    """Implements the port `Store` over one database."""

    def __init__(self, url: str) -> None:
        """Use the database at `url`, whose schema is up to date (`migrate.upgrade`)."""
        open_one = partial(connect, url)
        self._writer = _SealingWriter(open_one)
        self.writer: Writer = self._writer
        self._appender = Writer(lambda: open_one, _Appending)
        self.after_commit = self._writer.after_commit
        """Calls of what has to happen between a commit and its acknowledgement, in the caller's loop."""
        self._open = open_one
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="flowkeys-reader")
        self._local = threading.local()
        self._opened: list[PostgresConnection] = []
        self._written = 0
        """Units since the sets were brought up to date that lists go by."""
        self._remembered = Remembered()
        self._is_reading_keys = False
        self._is_closed = False

    @property
    def audit_key(self) -> ChainKey | None:
        """Seals the rows of the audit log; None until the chain is open (`service.audit.opening`)."""
        return self._writer.audit_key

    @audit_key.setter
    def audit_key(self, key: ChainKey | None) -> None:
        self._writer.audit_key = key

    def keep(self, journal: Follower) -> None:
        """Have `journal` kept of what is written from now on."""
        self._writer.journal = journal

    async def follow(self) -> None:
        """Have kept what other processes wrote.

        Raises:
            Unavailable: the database cannot be read.
        """
        if (journal := self._writer.journal) is not None:
            await self._in_reader(lambda connection: journal.look(connection.raw))

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on a consistent snapshot, in a reader's thread."""
        return await self._in_reader(lambda connection: work(Tables(connection)))

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in the writer's thread; durable when this returns.

        It may be run again, when others changed what it read.
        """
        result = await self._writer.run(partial(self._write, work))
        self._written += 1
        if self._written >= bits.DUE:
            self._read_keys_soon()
        return result

    def add_messages(self, messages: Sequence[Message]) -> asyncio.Future[None]:
        """See `Store.add_messages`."""
        return self._appender.run_together(add_together, messages)

    async def check_writes(self) -> None:
        """See `Store.check_writes`."""
        if self._writer.failed or self._appender.failed:
            await self._writer.run(lambda connection: connection.write_on_trial())

    def close(self) -> None:
        """Commit what is waiting and close every connection. Sets of keys are left as far as they are."""
        self._is_closed = True
        self._appender.close()
        self._writer.close()
        self._readers.shutdown(wait=True)
        for connection in self._opened:
            connection.close()

    def _write(self, work: Callable[[Transaction], T], connection: Connection) -> T:
        self._writer.unsealed = True
        return work(Tables(connection, self._writer.audit_key))

    async def _in_reader(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            connection = self._reader()
            connection.begin_reading()
            try:
                return work(connection)
            finally:
                connection.roll_back()
                if connection.is_behind:
                    connection.is_behind = False
                    self._read_keys_soon()
        except psycopg.Error as error:
            raise Unavailable("The database could not be read.") from error

    def _reader(self) -> PostgresConnection:
        connection: PostgresConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = PostgresConnection(self._open, self._remembered)
            self._opened.append(connection)
        return connection

    def _read_keys_soon(self) -> None:
        """Have a reader's thread bring the sets up to date that lists go by, unless one is at it."""
        self._written = 0
        if not self._is_reading_keys:
            self._is_reading_keys = True
            try:
                self._readers.submit(self._read_keys)
            except RuntimeError:  # the store is being closed
                self._is_reading_keys = False

    def _read_keys(self) -> None:
        try:
            connection = self._reader()
            is_left = True
            while is_left and not self._is_closed:
                try:
                    is_left = connection.begin_reading_keys() and bits.read_new(connection, _now())
                    connection.commit()
                finally:
                    connection.roll_back()
        except psycopg.Error:
            pass  # lists look at what is left; whoever comes next reads it
        finally:
            self._is_reading_keys = False
