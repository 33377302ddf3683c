"""A look at a PostgreSQL database that changes nothing in it, not even when its schema is old."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import msgspec
import psycopg
from sqlalchemy import func, select, text

from flowkeys.domain.errors import ConfigurationError, Unavailable
from flowkeys.storage.audit.of_postgres import PostgresRows
from flowkeys.storage.keys.keys import KeyTable
from flowkeys.storage.keys.records import RecordReader
from flowkeys.storage.keys.spoilt import SPOILT
from flowkeys.storage.postgres.connecting import connect, named, why_not
from flowkeys.storage.postgres.connection import PostgresConnection
from flowkeys.storage.postgres.lookups import EVERY, POSITION
from flowkeys.storage.postgres.migrate import COPYING, revision, unfinished
from flowkeys.storage.schema import api_key, chatflow, message
from flowkeys.storage.sqlite.health import Counts
from flowkeys.storage.sqlite.migrate import HEAD
from flowkeys.storage.statement import Statement
from flowkeys.storage.transaction import Tables

T = TypeVar("T")

_IDS = Statement(text("SELECT workspace_id, id FROM api_key ORDER BY workspace_id, seq"))


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at the database tells."""

    revision: str | None
    """The schema's; None when there is none yet."""
    expected_revision: str = HEAD
    server: str
    """Its version."""
    size_bytes: int
    is_pooled: bool
    """Whether a pooler is in between."""

    @property
    def is_unfinished(self) -> bool:
        """Whether it is being filled by ``flowkeys copy``."""
        return self.revision == COPYING


def check(url: str) -> Health:
    """Look at the database.

    Raises:
        Unavailable: it cannot be used.
    """
    with _opened(url) as connection:
        raw = connection.raw
        return Health(
            revision=revision(raw),
            server=raw.info.parameter_status("server_version") or "",
            size_bytes=raw.execute("SELECT pg_database_size(current_database())").fetchone()[0],
            is_pooled=raw.is_pooled,
        )


def require_current(url: str) -> None:
    """Raise `ConfigurationError` when the schema is not that of this version.

    Raises:
        Unavailable: it cannot be read.
    """
    found = check(url).revision
    if found == COPYING:
        raise ConfigurationError(unfinished(url))
    if found != HEAD:
        raise ConfigurationError(
            f"The database {named(url)} has schema {found}, and this version has {HEAD}. "
            "Start the server once."
        )


def count(url: str) -> Counts:
    """Count what is in a database whose schema is up to date.

    Raises:
        Unavailable: it cannot be read.
    """
    with _opened(url) as connection:
        keys, chatflows, messages = (
            connection.query(select(func.count()).select_from(table))[0][0]
            for table in (api_key, chatflow, message)
        )
        return Counts(keys=keys, chatflows=chatflows, messages=messages)


def unreadable_keys(url: str) -> list[str]:
    """Return the ids of keys whose rows were spoilt by hand, in a database whose schema is up to date.

    Raises:
        Unavailable: it cannot be read.
    """
    with _opened(url) as connection:
        connection.begin_reading()
        keys = Tables(connection).keys
        spoilt: list[str] = []
        whose: dict[str, list[str]] = {}
        for workspace_id, key_id in connection.rows(_IDS):
            whose.setdefault(workspace_id, []).append(key_id)
        for workspace_id, ids in whose.items():
            for some in (ids[at : at + 500] for at in range(0, len(ids), 500)):
                if not _can_read(keys, workspace_id, some):
                    spoilt += [one for one in some if not _can_read(keys, workspace_id, [one])]
        return list(dict.fromkeys([*spoilt, *_unverifiable(connection)]))


@contextmanager
def snapshot(url: str) -> Iterator[Tables]:
    """Open a database whose schema is up to date for reading only.

    Raises:
        Unavailable: it cannot be read.
    """
    with _opened(url) as connection:
        connection.begin_reading()
        yield Tables(connection)


def compared(url: str, compare: Callable[[Any, PostgresRows], T]) -> T:
    """Return what `compare` says of a connection, and of how its audit log is read.

    Raises:
        Unavailable: it cannot be read.
    """
    with _opened(url) as connection:
        return compare(connection.raw, PostgresRows())


@contextmanager
def opened(url: str) -> Iterator[Any]:
    """Give a driver's connection, on which nothing has begun.

    Raises:
        Unavailable: there is none, or what is asked on it fails.
    """
    with _opened(url) as connection:
        yield connection.raw


def _unverifiable(connection: PostgresConnection) -> Iterator[str]:
    """Yield the ids of keys that verification cannot read, since limits of their customers are spoilt."""
    read = RecordReader()
    with connection.raw.cursor("each") as cursor:
        cursor.itersize = 1000
        for row in cursor.execute(EVERY):
            try:
                read([*row[:POSITION], 0, *row[POSITION + 1 :]])
            except SPOILT:
                yield row[0]


def _can_read(keys: KeyTable, workspace_id: str, ids: list[str]) -> bool:
    try:
        keys.some(workspace_id, ids)
    except Unavailable:
        return False
    return True


@contextmanager
def _opened(url: str) -> Iterator[PostgresConnection]:
    try:
        connection = PostgresConnection(partial(connect, url))
        try:
            yield connection
        finally:
            connection.close()
    except psycopg.Error as error:
        raise Unavailable(why_not(url, error)) from error
