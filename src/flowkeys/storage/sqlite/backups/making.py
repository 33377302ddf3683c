"""Making a backup, while servers read and write.

A read transaction of SQLite holds what is copied still; in WAL mode it keeps nobody from writing. What is
being made has another name until it is whole and on the disk.
"""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from flowkeys.domain.errors import ConfigurationError, Unavailable
from flowkeys.domain.times import to_iso
from flowkeys.domain.version import VERSION
from flowkeys.storage.sqlite.access import hindrance
from flowkeys.storage.sqlite.backups.looking import look
from flowkeys.storage.sqlite.backups.manifest import Manifest, Progress, digest, place_of, sync, written
from flowkeys.storage.sqlite.connection import connect

PAGES: Final = 1024
"""Copied at a time: between two steps the progress is told."""


def make(database: Path, backup: Path, now: int, progress: Progress, *, force: bool) -> Manifest:
    """Copy a database to the file `backup`, whole or not at all, and say beside it what it is.

    Raises:
        ConfigurationError: there is no database, there is such a file already and `force` is False, or the
            place cannot be written.
        Unavailable: the database cannot be read.
    """
    if not database.exists():
        raise ConfigurationError(
            f"There is no flowkeys database in {database.parent}. Set FLOWKEYS_DATA_DIR."
        )
    _require_free(backup, database, force=force)
    with _unfinished(backup) as made:
        try:
            _copy(database, made, progress)
            manifest = _described(made, now, progress)
        except sqlite3.Error as error:
            why = hindrance(database, writing=False) or f"{error}."
            raise Unavailable(f"The database {database} cannot be copied: {why}") from error
        with _unfinished(place_of(backup)) as told:
            told.write_bytes(written(manifest))
            sync(told)
            # The backup comes last: where its name is, there is what belongs to it.
            told.replace(place_of(backup))
        made.replace(backup)
        sync(backup.parent)
    return manifest


def _require_free(backup: Path, database: Path, *, force: bool) -> None:
    if backup.is_dir():
        raise ConfigurationError(f"{backup} is a folder. Name a file in it.")
    if not backup.parent.is_dir():
        raise ConfigurationError(f"There is no folder {backup.parent}. Make it, or name another.")
    if backup.exists() and backup.samefile(database):
        raise ConfigurationError(f"{backup} is the database itself. Name another file.")
    if not force:
        for path in (backup, place_of(backup)):
            if path.exists():
                raise ConfigurationError(
                    f"{path} is there already. Name another file, or write over it with --force."
                )


@contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    """Give a new file beside `path`, for its owner's eyes only, which is gone unless it was renamed.

    Two who make the same do not get in each other's way; what one leaves that was killed the next removes.
    """
    made = path.with_name(f".{path.name}.partial")
    descriptor = os.open(made, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(f"Another backup to {path} is being made: {made} is in use.") from error
        os.fchmod(descriptor, 0o600)
        os.ftruncate(descriptor, 0)
        try:
            yield made
        finally:
            with contextlib.suppress(FileNotFoundError):
                made.unlink()
    finally:
        os.close(descriptor)


def _copy(database: Path, made: Path, progress: Progress) -> None:
    """Copy every page as it was at one moment; the copy is one file, which has no WAL beside it."""
    with closing(connect(database, read_only=True)) as source, closing(sqlite3.connect(made)) as target:
        target.execute("PRAGMA journal_mode=OFF")
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM sqlite_master").fetchone()  # the moment is now
        source.backup(
            target, pages=PAGES, progress=lambda _, left, whole: progress("Copying", whole - left, whole)
        )
        source.execute("ROLLBACK")
        target.execute("PRAGMA journal_mode=DELETE")
    sync(made)


def _described(made: Path, now: int, progress: Progress) -> Manifest:
    found = look(made)
    if found.revision is None:
        raise ConfigurationError("What is there is no database of flowkeys: it has no schema.")
    return Manifest(
        made_at=to_iso(now),
        version=VERSION,
        revision=found.revision,
        keys=found.keys,
        audit_head=None if found.head is None else str(found.head),
        secret_ids=found.secret_ids,
        bytes=made.stat().st_size,
        sha256=digest(made, progress),
    )
