"""SQLite: one writer, and readers beside it.

WAL, so that readers and the writer do not wait for each other; ``synchronous=FULL``, so that what was
acknowledged survives a crash of the machine.
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import bindparam

from flowkeys.domain.audit.chain import ChainKey
from flowkeys.domain.chatflows.chatflow import Chatflow
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.predictions.conversation import Message
from flowkeys.service.ports.store import Transaction
from flowkeys.storage.chatflows import chatflows
from flowkeys.storage.predictions.messages import add_together
from flowkeys.storage.schema import chatflow
from flowkeys.storage.sqlite.connection import connect, connect_to_write
from flowkeys.storage.sqlite.writer import Writer
from flowkeys.storage.statement import Connection, Statement
from flowkeys.storage.transaction import Tables

T = TypeVar("T")

READERS: Final = 4
LEAST_FREE_BYTES: Final = 1_000_000
"""With less on the disk, whoever asks whether it can be written gets an answer by trial."""


class Follower(Protocol):
    """Keeps, outside the database, what its audit log says (`storage.audit.journal`)."""

    def follow(self, raw: Any) -> None:
        """Keep what a connection has committed."""
        ...


class _FollowedWriter(Writer):
    """Writes, and has what took access away kept elsewhere before it is acknowledged."""

    journal: Follower | None = None

    def committed_by(self, connection: Connection) -> None:
        """Have it kept. What was committed holds, whether that could be done or not."""
        if connection.audited:
            connection.audited = False
            if self.journal is not None:
                with suppress(sqlite3.Error):  # it is read with the next
                    self.journal.follow(connection.raw)


class SqliteStore:
    """Implements the port `Store` over one database file."""

    def __init__(self, path: Path) -> None:
        """Open `path`, whose schema is up to date (`migrate.upgrade`)."""
        self._path = path
        self._writer = _FollowedWriter(lambda: connect_to_write(path))
        self.writer: Writer = self._writer
        self.after_commit = self._writer.after_commit
        """Calls of what has to happen between a commit and its acknowledgement, in the caller's loop."""
        self.audit_key: ChainKey | None = None
        """Seals the rows of the audit log; None until the chain is open (`service.audit.opening`)."""
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="flowkeys-reader")
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []

    def keep(self, journal: Follower) -> None:
        """Have `journal` kept of what is written from now on."""
        self._writer.journal = journal

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on a consistent snapshot, in a reader's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in the writer's thread; durable when this returns."""
        return await self._writer.run(lambda connection: work(Tables(connection, self.audit_key)))

    def add_messages(self, messages: Sequence[Message]) -> asyncio.Future[None]:
        """See `Store.add_messages`."""
        return self._writer.run_together(add_together, messages)

    async def check_writes(self) -> None:
        """See `Store.check_writes`."""
        if self._writer.failed or _free_bytes(self._path.parent) < LEAST_FREE_BYTES:
            await self._writer.run(Connection.write_on_trial)

    def close(self) -> None:
        """Commit what is waiting and close every connection."""
        self._writer.close()
        self._readers.shutdown(wait=True)
        for raw in self._open:
            raw.close()

    def _read(self, work: Callable[[Transaction], T]) -> T:
        try:
            connection = self._connection()
            connection.raw.execute("BEGIN")
            try:
                return work(Tables(connection))
            finally:
                connection.raw.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise Unavailable("The database could not be read.") from error

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            raw = connect(self._path)
            self._open.append(raw)  # first: whatever happens next, it is closed
            raw.execute("PRAGMA query_only=ON")
            connection = self._local.connection = Connection(raw)
        return connection


def _free_bytes(folder: Path) -> int:
    """Return what this process may still write on the disk of a folder."""
    try:
        space = os.statvfs(folder)
    except (AttributeError, OSError):  # Windows has no such call; a folder that is gone is told by the write
        return LEAST_FREE_BYTES
    return space.f_frsize * (space.f_bavail if os.geteuid() else space.f_bfree)


_LOAD = Statement(chatflows.SELECT.where(chatflow.c.id == bindparam("chatflow")))


def chatflow_loader(raw: sqlite3.Connection) -> Callable[[str], Awaitable[Chatflow | None]]:
    """Return what reads a chatflow by its id alone, without its keys, of which there may be many."""
    connection = Connection(raw)

    async def load(chatflow_id: str) -> Chatflow | None:
        try:
            row = connection.row(_LOAD, {"chatflow": chatflow_id})
            return chatflows.without_keys(row) if row else None
        except sqlite3.Error as error:
            raise Unavailable from error

    return load
