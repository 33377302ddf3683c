"""The journal of what took access away, in a file of the data directory, and the head of the audit log.

Written behind a commit and before it is acknowledged. Each process scans the audit log from where the file
ends, under a lock on it: so what a process that was killed had committed is written by whoever comes next.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from flowkeys.domain.audit.taken import Found, Line, Row, effect_of, missing_in, name_of, read, sealed
from flowkeys.domain.keys.server_secrets import ServerSecrets
from flowkeys.domain.times import to_iso
from flowkeys.storage.sqlite.database import JOURNAL as NAME

_PART: Final = 1 << 16
_TAIL: Final = 4096
"""The last line is in so many bytes."""
_NEW: Final = (
    "SELECT seq, at, workspace_id, action, subject_id, before, after, seal FROM audit "
    "WHERE seq > ? AND seal IS NOT NULL ORDER BY seq"
)
_LAST: Final = "SELECT max(seq) FROM audit"


class Journal:
    """Appends to the file; used in the thread of the writer alone."""

    def __init__(
        self, path: Path, secrets: ServerSecrets, scanned_to: int, tell: Callable[[str], None]
    ) -> None:
        """Go on behind row `scanned_to` of the audit log; `tell` hears once when that cannot be written."""
        self._path = path
        self._secrets = secrets
        self._scanned_to = scanned_to
        self._size = -1
        self._before = ""
        self._tell = tell
        self._failed = False

    def follow(self, raw: Any) -> None:
        """Write what the audit log tells of since; the rows of `raw` are committed."""
        rows = [Row(*row) for row in raw.execute(_NEW, (self._scanned_to,))]
        if not rows:
            return
        told = [(row, effect) for row in rows if (effect := effect_of(row)) is not None]
        try:
            if told:
                self._append(told)
        except OSError as error:  # what was committed holds all the same; it is tried again with the next
            if not self._failed:
                self._tell(f"{self._path} cannot be written: {error.strerror}")
            self._failed = True
            return
        self._failed = False
        self._scanned_to = rows[-1].seq

    def _append(self, told: list[tuple[Row, str]]) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            last = None
            if size != self._size:
                last, self._before = self._tail(descriptor, size)
            lines = []
            for row, effect in told:
                # Another process, which scanned further, may have written it.
                if last is not None and last.seq >= row.seq and _has(descriptor, row):
                    continue
                line = sealed(self._line(row, effect), self._before, self._secrets.derive)
                self._before = line.seal
                lines.append(msgspec.json.encode(line) + b"\n")
            if lines:
                whole = size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
                data = (b"" if whole else b"\n") + b"".join(lines)
                self._size = -1
                if os.write(descriptor, data) != len(data):
                    raise OSError(28, "only a part of it was written")
                os.fsync(descriptor)
                self._size = size + len(data)
            else:
                self._size = size
        finally:
            os.close(descriptor)

    def _tail(self, descriptor: int, size: int) -> tuple[Line | None, str]:
        for text in reversed(os.pread(descriptor, _TAIL, max(0, size - _TAIL)).split(b"\n")):
            try:
                line = msgspec.json.decode(text, type=Line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            return line, line.seal
        return None, ""

    def _line(self, row: Row, effect: str) -> Line:
        return Line(
            at=to_iso(row.at),
            action=row.action,
            id=row.subject_id,
            effect=effect,
            workspace=row.workspace_id,
            seq=row.seq,
            row=name_of(row.seal),
            secret=self._secrets.ids[0],
        )


def _has(descriptor: int, row: Row) -> bool:
    name = f'"row":"{name_of(row.seal)}"'.encode()
    size = os.fstat(descriptor).st_size
    return name in os.pread(descriptor, _PART, max(0, size - _PART))


class Compared(NamedTuple):
    """A journal beside a database."""

    found: Found
    missing: list[Line]
    """What it tells of and the database does not know, unless that was settled."""
    goes_on_from: int
    """The row of the audit log behind which it goes on."""


def compare(folder: Path, raw: sqlite3.Connection, secrets: ServerSecrets, *, whole: bool) -> Compared:
    """Compare the journal of a data directory with a database.

    Unless the `whole` file is asked for, its end is enough where the database knows the last line: what is
    before it happened before, or was settled.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with (folder / NAME).open("rb") as file:
            if not whole and file.seek(0, os.SEEK_END) > _PART:
                file.seek(-_PART, os.SEEK_END)
                end = read(file.read().partition(b"\n")[2], secrets.derive, is_tail=True)
                if end.lines and _knows(raw, end.lines[-1]):
                    return Compared(end, [], end.lines[-1].seq)
            file.seek(0)
            found = read(file.read(), secrets.derive)
    except FileNotFoundError:
        found = Found((), (), 0)
    if found.lines and _knows(raw, found.lines[-1]):
        return Compared(found, [], found.lines[-1].seq)
    missing = missing_in(found.lines, [line for line in found.lines if _knows(raw, line)])
    return Compared(found, missing, raw.execute(_LAST).fetchone()[0] or 0)


def _knows(raw: sqlite3.Connection, line: Line) -> bool:
    row = raw.execute("SELECT seal FROM audit WHERE seq = ?", (line.seq,)).fetchone()
    return bool(row) and isinstance(row[0], bytes) and name_of(row[0]) == line.row
