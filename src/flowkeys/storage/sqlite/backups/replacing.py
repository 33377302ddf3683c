"""Putting a backup in the place of a database that nobody has open."""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.times import SECOND
from flowkeys.storage.sqlite.backups.manifest import Progress, digest, sync
from flowkeys.storage.sqlite.migrate import locked

_BESIDE: Final = ("-wal", "-shm", "-journal")
_IN_USE: Final = 128
"""Of the file -shm: each connection of a process holds this byte while it has the database open
(https://www.sqlite.org/walformat.html, "WAL-Index File Locks")."""


def replace(
    database: Path,
    backup: Path,
    now: int,
    progress: Progress,
    check: Callable[[Path, str], None],
    *,
    force: bool,
) -> Path | None:
    """Put a copy of `backup` in the database's place; return where the old database is now, or None.

    `check` is called with the copy, and its SHA-256, before anything is replaced, and raises where it is not
    to be used. With `force` a database that is there is kept under another name; without, nothing is done.

    Raises:
        ConfigurationError: a server or another program has the database open, or one is there.
    """
    if database.exists() and not force:
        raise ConfigurationError(
            f"There is a database already: {database}. With --force it is kept, under another name, and the "
            "backup takes its place."
        )
    made = database.with_name(f".{database.name}.restoring")
    with locked(database):
        _require_unused(database)
        os.close(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        try:
            check(made, digest(backup, progress, made))
            with alone(database):
                kept = _set_aside(database, now)
                made.replace(database)
                sync(database.parent)
        finally:
            with contextlib.suppress(FileNotFoundError):
                made.unlink()
    return kept


def _require_unused(database: Path) -> None:
    with alone(database):
        pass


@contextmanager
def alone(database: Path) -> Iterator[None]:
    """Have a database for oneself alone, in one file; one that is damaged is looked at from the outside.

    Raises:
        ConfigurationError: somebody has it open.
    """
    if not database.exists():
        yield
        return
    if _is_open(database):
        raise ConfigurationError(_in_use(database))
    with ExitStack() as held:
        try:
            raw = held.enter_context(closing(sqlite3.connect(database, isolation_level=None, timeout=0)))
            # What is in the WAL goes into the file, which can only be done by who is alone.
            (mode,) = raw.execute("PRAGMA journal_mode").fetchone()
            raw.execute("PRAGMA journal_mode=DELETE")
            held.callback(_set_back, raw, database, database.stat().st_ino, mode)
            raw.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise ConfigurationError(_in_use(database)) from error
        except sqlite3.DatabaseError:
            pass  # it is damaged, which may be why a backup is restored
        yield


def _set_back(raw: sqlite3.Connection, database: Path, inode: int, mode: str) -> None:
    """Have a database that is still there in the mode that it was in: its server expects that."""
    with contextlib.suppress(sqlite3.Error, OSError):
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        if database.stat().st_ino == inode:
            raw.execute(f"PRAGMA journal_mode={mode}")


def _in_use(database: Path) -> str:
    return (
        f"{database} is in use: a server, a command, or a program with the library has it open. Stop it "
        "first. Nothing was changed."
    )


def _is_open(database: Path) -> bool:
    """Tell whether a process has it open, without a look at what is in it."""
    try:
        descriptor = os.open(f"{database}-shm", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _IN_USE)
    except (BlockingIOError, PermissionError):
        return True
    finally:
        os.close(descriptor)
    return False


def _set_aside(database: Path, now: int) -> Path | None:
    """Give the database another name, and what belongs to it, also where that is all that is left."""
    there = [end for end in ("", *_BESIDE) if Path(f"{database}{end}").exists()]
    if not there:
        return None
    at = datetime.fromtimestamp(now / SECOND, UTC)
    stem = f"{database.name}.before-restore-{at:%Y%m%dT%H%M%SZ}"
    kept, number = database.with_name(stem), 1
    while kept.exists():
        number += 1
        kept = database.with_name(f"{stem}-{number}")
    for end in there:
        Path(f"{database}{end}").rename(f"{kept}{end}")
    return kept if kept.exists() else None
