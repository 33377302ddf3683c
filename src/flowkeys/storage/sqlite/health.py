"""A look at a database file that changes nothing in it, not even when its schema is old."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import func, select

from flowkeys.domain.errors import ConfigurationError, Unavailable
from flowkeys.storage.audit.of_files import SqliteRows
from flowkeys.storage.keys.spoilt import FIND_SPOILT
from flowkeys.storage.schema import api_key, chatflow, message
from flowkeys.storage.sqlite.access import hindrance
from flowkeys.storage.sqlite.connection import connect
from flowkeys.storage.sqlite.migrate import HEAD
from flowkeys.storage.statement import Connection
from flowkeys.storage.transaction import Tables

T = TypeVar("T")


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at the file itself tells."""

    revision: str | None
    """The schema's; None when there is none yet."""
    expected_revision: str = HEAD
    journal_mode: str
    problems: tuple[str, ...]
    """What ``PRAGMA quick_check`` found; none when the file is sound."""
    size_bytes: int


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is in all workspaces."""

    keys: int
    chatflows: int
    messages: int


def check(path: Path) -> Health:
    """Examine the file; it is read whole, which takes a while when it is large.

    Raises:
        Unavailable: it cannot be opened, or it is no database.
    """
    with _opened(path) as connection:
        raw = connection.raw
        found = [row[0] for row in raw.execute("PRAGMA quick_check(5)")]
        return Health(
            revision=_revision(raw),
            journal_mode=raw.execute("PRAGMA journal_mode").fetchone()[0],
            problems=() if found == ["ok"] else tuple(found),
            size_bytes=path.stat().st_size,
        )


def require_current(path: Path) -> None:
    """Raise `ConfigurationError` when the schema is not that of this version.

    Raises:
        Unavailable: it cannot be read.
    """
    with _opened(path) as connection:
        found = _revision(connection.raw)
    if found != HEAD:
        raise ConfigurationError(
            f"The database {path} has schema {found}, and this version has {HEAD}. Start the server once."
        )


def count(path: Path) -> Counts:
    """Count what is in a database whose schema is up to date.

    Raises:
        Unavailable: it cannot be read.
    """
    with _opened(path) as connection:
        keys, chatflows, messages = (
            connection.query(select(func.count()).select_from(table))[0][0]
            for table in (api_key, chatflow, message)
        )
        return Counts(keys=keys, chatflows=chatflows, messages=messages)


def unreadable_keys(path: Path) -> list[str]:
    """Return the ids of keys whose rows were spoilt by hand, in a database whose schema is up to date.

    Raises:
        Unavailable: it cannot be read.
    """
    with _opened(path) as connection:
        return [str(key_id) for (key_id,) in connection.raw.execute(FIND_SPOILT)]


@contextmanager
def snapshot(path: Path) -> Iterator[Tables]:
    """Open a database whose schema is up to date for reading only.

    Raises:
        Unavailable: it cannot be read.
    """
    with _opened(path) as connection:
        connection.raw.execute("BEGIN")
        yield Tables(connection)


def compared(path: Path, compare: Callable[[Any, SqliteRows], T]) -> T:
    """Return what `compare` says of a connection, and of how its audit log is read.

    Raises:
        Unavailable: it cannot be read.
    """
    with _opened(path) as connection:
        return compare(connection.raw, SqliteRows())


@contextmanager
def _opened(path: Path) -> Iterator[Connection]:
    try:
        with closing(connect(path, read_only=True)) as raw:
            yield Connection(raw)
    except sqlite3.Error as error:
        why = hindrance(path, writing=False) or f"{error}."
        raise Unavailable(f"The database {path} cannot be read: {why}") from error


def _revision(raw: sqlite3.Connection) -> str | None:
    try:
        row = raw.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return None
    return row[0] if row else None
