"""A database that another program writes, opened to verify keys."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from flowkeys.domain.errors import ConfigurationError, Unavailable
from flowkeys.domain.keys.digest import ALGORITHM, TokenHasher
from flowkeys.domain.keys.server_secrets import VERIFIES_ONLY, ServerSecrets
from flowkeys.storage.sqlite.access import hindrance
from flowkeys.storage.sqlite.feed import SqliteFeed
from flowkeys.storage.sqlite.lookups import SqliteLookups
from flowkeys.storage.sqlite.migrate import HEAD

_FILE: Final = "flowkeys.db"
_REVISION: Final = "SELECT version_num FROM alembic_version"
_ANY_TOKEN: Final = "SELECT 1 FROM token LIMIT 1"  # noqa: S105 - a statement
_NOTED: Final = "SELECT 1 FROM audit WHERE action = ? AND subject_id = ? LIMIT 1"
_TOKEN_UNDER: Final = "SELECT 1 FROM token WHERE digest > ? AND digest < ? LIMIT 1"  # noqa: S105


FileId = tuple[int, int]
"""Device and inode. One that is open is given to no other file meanwhile."""


class Files(NamedTuple):
    """Which files a database consists of; None for one that is not there."""

    database: FileId | None
    shared_memory: FileId | None
    log: FileId | None


def files_of(data_dir: Path) -> Files:
    """Return which files the database of a data directory consists of now.

    Another database means that it was replaced. Other files beside it mean that what is open follows files
    that nobody writes any more, though the database is the same: so it is after a copy was written over it
    and these were removed, and after a server removed them that took itself for the last user. They also
    come with the first user: to open them again does no harm.

    None is opened for that: to close it again would end the locks that this process has on it (POSIX).
    """
    return Files(*(_id(data_dir / f"{_FILE}{suffix}") for suffix in ("", "-shm", "-wal")))


def _id(path: Path) -> FileId | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Opened(NamedTuple):
    """A database that is open, and what verifies its keys."""

    lookups: SqliteLookups
    feed: SqliteFeed
    hasher: TokenHasher
    trusted: frozenset[str]
    """The ids of what can be no secret, and may stand among the secrets all the same."""


def open_to_read(data_dir: Path, written: ServerSecrets) -> Opened:
    """Open the database of a data directory for look-ups under the secrets that an operator wrote.

    Raises:
        ConfigurationError: there is no database, it is older than this version, something is written that
            can be no secret, or no key in the database was made under one of the secrets.
        Unavailable: it cannot be read now.
    """
    path = data_dir / _FILE
    if not path.is_file():
        raise ConfigurationError(f"There is no database {path}. Start the server once, or correct the path.")
    try:
        lookups = SqliteLookups(path, 1, read_only=True)
    except sqlite3.Error as error:
        why = hindrance(path, writing=False) or f"{error}."
        raise Unavailable(f"The database {path} cannot be opened: {why}") from error
    try:
        hasher, trusted = _hasher(lookups.connection, path, written)
        lookups.expect(len(hasher.secret_ids))
        return Opened(lookups, SqliteFeed(lookups.connection), hasher, trusted)
    except sqlite3.Error as error:
        lookups.close()
        raise Unavailable(f"The database {path} cannot be read.") from error
    except BaseException:
        lookups.close()
        raise


def _hasher(
    raw: sqlite3.Connection, path: Path, written: ServerSecrets
) -> tuple[TokenHasher, frozenset[str]]:
    if _revision(raw) < HEAD:
        raise ConfigurationError(f"The database {path} is of an older version. Start the server once.")
    earlier = set(_used(raw, written.earlier_ids))
    known = [name for name in written.earlier_ids if raw.execute(_NOTED, (VERIFIES_ONLY, name)).fetchone()]
    hasher = written.hasher(earlier, known)
    if not _used(raw, hasher.secret_ids) and raw.execute(_ANY_TOKEN).fetchone() is not None:
        raise ConfigurationError(
            f"The secret is not the server's: no key in {path} was made under it. Use the one that the "
            "server has, from FLOWKEYS_SECRET or from the file `secret` in its data directory."
        )
    return hasher, frozenset((*earlier, *known))


def _revision(raw: sqlite3.Connection) -> str:
    """Return the newest migration that has run: a number of four digits, or nothing."""
    try:
        row = raw.execute(_REVISION).fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        return ""
    return str(row[0]) if row else ""


def _used(raw: sqlite3.Connection, ids: Iterable[str]) -> list[str]:
    """Return those of `ids` under which tokens are."""
    tags = {name: f"{ALGORITHM}${name}$" for name in ids}
    return [name for name, tag in tags.items() if raw.execute(_TOKEN_UNDER, (tag, tag + "g")).fetchone()]
