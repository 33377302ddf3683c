"""A database that another program writes, opened to verify keys."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from flowkeys.domain.digest import ALGORITHM
from flowkeys.domain.errors import ConfigurationError, Unavailable
from flowkeys.storage.sqlite_feed import SqliteFeed
from flowkeys.storage.sqlite_lookups import SqliteLookups

_FILE: Final = "flowkeys.db"
_KNOWS_CHANGES: Final = "SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND name = 'change_key_update'"
_ANY_TOKEN: Final = "SELECT 1 FROM token LIMIT 1"  # noqa: S105 - a statement
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


def open_to_read(data_dir: Path, secret_ids: Sequence[str]) -> tuple[SqliteLookups, SqliteFeed]:
    """Open the database of a data directory for look-ups under the secrets with these ids.

    Raises:
        ConfigurationError: there is no database, it is older than this version, or no key in it was made
            under one of the secrets.
        Unavailable: it cannot be read now.
    """
    path = data_dir / _FILE
    if not path.is_file():
        raise ConfigurationError(f"There is no database {path}. Start the server once, or correct the path.")
    try:
        lookups = SqliteLookups(path, len(secret_ids), read_only=True)
    except sqlite3.Error as error:
        raise Unavailable(f"The database {path} cannot be opened.") from error
    try:
        _check(lookups.connection, path, secret_ids)
        return lookups, SqliteFeed(lookups.connection)
    except sqlite3.Error as error:
        lookups.close()
        raise Unavailable(f"The database {path} cannot be read.") from error
    except ConfigurationError:
        lookups.close()
        raise


def _check(raw: sqlite3.Connection, path: Path, secret_ids: Sequence[str]) -> None:
    if raw.execute(_KNOWS_CHANGES).fetchone() is None:
        raise ConfigurationError(f"The database {path} is of an older version. Start the server once.")
    tags = [f"{ALGORITHM}${name}$" for name in secret_ids]
    known = any(raw.execute(_TOKEN_UNDER, (tag, tag + "g")).fetchone() for tag in tags)
    if not known and raw.execute(_ANY_TOKEN).fetchone() is not None:
        raise ConfigurationError(
            f"The secret is not the server's: no key in {path} was made under it. Use the one that the "
            "server has, from FLOWKEYS_SECRET or from the file `secret` in its data directory."
        )
