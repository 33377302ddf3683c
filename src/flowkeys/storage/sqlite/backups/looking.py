"""A look into a database that may have the schema of another version."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import msgspec

from flowkeys.domain.audit.chain import Head
from flowkeys.domain.audit.taken import Line
from flowkeys.domain.audit.verification import Verified
from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.server_secrets import ServerSecrets
from flowkeys.service.audit.checking import check_chain
from flowkeys.storage.audit.comparing import compare
from flowkeys.storage.audit.of_files import SqliteRows
from flowkeys.storage.sqlite.connection import connect
from flowkeys.storage.statement import Connection
from flowkeys.storage.transaction import Tables


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What a database says of itself, as far as its schema can say it."""

    revision: str | None
    """None: it is none of flowkeys."""
    keys: int = 0
    head: Head | None = None
    """Where its audit log ends; None: it has no row that is sealed."""
    secret_ids: tuple[str, ...] = ()
    """Under which keys were made."""


def look(path: Path) -> Look:
    """Look into it. Nothing is changed.

    Raises:
        sqlite3.Error: it is no database, or it cannot be read.
    """
    with closing(connect(path, read_only=True)) as raw:
        raw.execute("SELECT 1 FROM sqlite_master").fetchone()  # an error, of what is no database
        revision: str | None = None
        head: Head | None = None
        secret_ids: tuple[str, ...] = ()
        try:
            (revision,) = raw.execute("SELECT version_num FROM alembic_version").fetchone()
            (keys,) = raw.execute("SELECT count(*) FROM api_key").fetchone()
        except (sqlite3.OperationalError, TypeError):
            return Look(revision=revision)
        with suppress(sqlite3.OperationalError):  # before the log was sealed
            last = raw.execute("SELECT seq, seal FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
            head = Head(*last) if last and last[1] else None
        with suppress(sqlite3.OperationalError):  # before keys had several tokens
            secret_ids = tuple(Tables(Connection(raw)).keys.secrets())
        return Look(revision=revision, keys=keys, head=head, secret_ids=secret_ids)


def examine(path: Path) -> tuple[Look, list[str]]:
    """Look into a backup, which is read whole; return what SQLite finds wrong with it, too.

    Raises:
        ConfigurationError: it is no database that can be read.
    """
    try:
        with closing(connect(path, read_only=True)) as raw:
            wrong = [row[0] for row in raw.execute("PRAGMA integrity_check(5)")]
        return look(path), [] if wrong == ["ok"] else wrong
    except sqlite3.Error as error:
        raise ConfigurationError(f"The backup is no database that can be read: {error}.") from error


def unknown(path: Path, journal: Path, secrets: ServerSecrets) -> list[Line]:
    """Return what a journal of revocations tells of and this database does not know."""
    with closing(connect(path, read_only=True)) as raw, suppress(sqlite3.Error, OSError):
        return compare(journal, raw, SqliteRows(), secrets, whole=False).missing
    return []


def chain(path: Path, secrets: ServerSecrets, kept: Head | None) -> Verified | None:
    """Verify its audit log; None: it is older than the chain, or cannot be read."""
    with closing(connect(path, read_only=True)) as raw:
        try:
            return check_chain(Tables(Connection(raw)), secrets, kept)
        except sqlite3.Error:
            return None
