"""Opening a connection to an SQLite file."""

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Final

_BUSY_SECONDS: Final = 5.0


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the database; transactions are begun and ended by hand."""
    mode = "ro" if read_only else "rwc"
    if not read_only:
        _make(path)
    raw = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        for pragma in ("foreign_keys=ON", "synchronous=FULL", "temp_store=MEMORY", "cache_size=-8000"):
            raw.execute(f"PRAGMA {pragma}")
        if not read_only:
            raw.execute("PRAGMA journal_mode=WAL")
    except sqlite3.Error:  # what is there is no database; its descriptor is not kept
        raw.close()
        raise
    return raw


def connect_to_write(path: Path) -> sqlite3.Connection:
    """Open the database for the writer, which waits for others by itself: see `Connection.begin`."""
    raw = connect(path)
    raw.execute("PRAGMA busy_timeout=0")
    return raw


def _make(path: Path) -> None:
    """Make the file, for its owner's eyes only; SQLite gives its other files the same mode.

    One that exists is never opened here: closing it again would end the locks that SQLite holds on it in
    this process (POSIX: all locks of a process on a file end when it closes any descriptor of it).
    """
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
