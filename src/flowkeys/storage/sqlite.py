"""SQLite: one writer, readers beside it, and the look-ups of the hot path.

WAL, so that readers and the writer do not wait for each other; ``synchronous=FULL``, so that what was
acknowledged survives a crash of the machine.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from sqlalchemy import bindparam, func, literal_column, select

from flowkeys.domain.api_key import KeyRecord, Status
from flowkeys.domain.chatflow import Chatflow, ChatflowAccess
from flowkeys.domain.digest import TokenDigest
from flowkeys.domain.errors import Unavailable
from flowkeys.service.ports.store import Transaction
from flowkeys.storage import chatflows
from flowkeys.storage.connection import connect
from flowkeys.storage.schema import api_key, binding, chatflow, token
from flowkeys.storage.statement import Connection, Statement
from flowkeys.storage.transaction import Tables
from flowkeys.storage.writer import Writer

T = TypeVar("T")

READERS: Final = 4


class SqliteStore:
    """Implements the port `Store` over one database file."""

    def __init__(self, path: Path) -> None:
        """Open `path`, whose schema is up to date (`migrate.upgrade`)."""
        self._path = path
        self._writer = Writer(lambda: connect(path))
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="flowkeys-reader")
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on a consistent snapshot, in a reader's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in the writer's thread; durable when this returns."""
        return await self._writer.run(lambda connection: work(Tables(connection)))

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
            raw.execute("PRAGMA query_only=ON")
            self._open.append(raw)
            connection = self._local.connection = Connection(raw)
        return connection


_bound = (
    select(func.aggregate_strings(binding.c.chatflow_id, literal_column("','")))  # type: ignore[arg-type]
    .where(binding.c.key_id == api_key.c.id)
    .scalar_subquery()
)
_ACCESS = Statement(
    select(chatflow.c.id, chatflow.c.workspace_id, chatflow.c.is_public, chatflow.c.version).where(
        chatflow.c.id == bindparam("chatflow")
    )
)
_LOAD = Statement(chatflows.SELECT.where(chatflow.c.id == bindparam("chatflow")))


class SqliteLookups:
    """Implements `KeyStore` and `ChatflowDirectory` with a connection of the calling thread's own.

    These are the two look-ups without a workspace. Each is one indexed query of a few microseconds, so it
    runs where it is called and not in another thread, which would cost ten times as much.
    """

    def __init__(self, path: Path, secrets: int) -> None:
        """Open `path` for look-ups under `secrets` server secrets."""
        self._connection = Connection(connect(path))
        self._connection.raw.execute("PRAGMA query_only=ON")
        # One statement for all secrets: digest IN (one per secret), the bindings joined in.
        self._find = Statement(
            select(
                api_key.c.id,
                api_key.c.workspace_id,
                api_key.c.name,
                api_key.c.permissions,
                api_key.c.status,
                api_key.c.expires_at,
                token.c.valid_until,
                _bound,
                token.c.digest,
                api_key.c.version,
            )
            .select_from(token.join(api_key, api_key.c.id == token.c.key_id))
            .where(token.c.digest.in_([bindparam(f"d{i}") for i in range(secrets)]))
        )
        self._parameters = [f"d{i}" for i in range(secrets)]
        self._permissions = msgspec.json.Decoder(frozenset[str])

    async def find(self, digests: Sequence[TokenDigest]) -> KeyRecord | None:
        """Return the key whose token has one of `digests`."""
        try:
            row = self._connection.row(self._find, dict(zip(self._parameters, digests, strict=True)))
        except sqlite3.Error as error:
            raise Unavailable from error
        if row is None:
            return None
        return KeyRecord(
            key_id=row[0],
            workspace_id=row[1],
            name=row[2],
            permissions=self._permissions.decode(row[3]),
            status=Status(row[4]),
            expires_at=row[5],
            valid_until=row[6],
            chatflow_ids=frozenset(row[7].split(",")) if row[7] else frozenset(),
            digest=row[8],
            version=row[9],
        )

    async def access(self, chatflow_id: str) -> ChatflowAccess | None:
        """Return what a call needs to know of a chatflow first."""
        try:
            row = self._connection.row(_ACCESS, {"chatflow": chatflow_id})
        except sqlite3.Error as error:
            raise Unavailable from error
        return ChatflowAccess(row[0], row[1], bool(row[2]), row[3]) if row else None

    async def load(self, chatflow_id: str) -> Chatflow | None:
        """Return the chatflow without its keys, of which there may be many."""
        try:
            row = self._connection.row(_LOAD, {"chatflow": chatflow_id})
            return chatflows.without_keys(row) if row else None
        except sqlite3.Error as error:
            raise Unavailable from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.raw.close()
