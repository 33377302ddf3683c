"""The journal of what took access away, in a file outside the database, written as the audit log tells of it.

Written behind a commit and before it is acknowledged. Each process scans the audit log from where the file
ends, under a lock on it: so what a process that was killed had committed, and what other machines did while
this one was away, is written by whoever comes next.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from flowkeys.domain.audit.taken import MARK, Line, Row, effect_of, name_of, sealed
from flowkeys.domain.keys.server_secrets import ServerSecrets
from flowkeys.domain.times import to_iso

_PART: Final = 1 << 16
_TAIL: Final = 4096
"""The last line is in so many bytes."""
_AT_ONCE: Final = 1000
_MARKED: Final = 10_000
"""Behind so many rows that end nothing a line says up to where was scanned: a start need not do it again."""


class AuditRows(Protocol):
    """What is asked of the audit log of a database, over its driver's connection."""

    def since(self, raw: Any, behind: int, limit: int) -> list[Row]:
        """Return the first sealed rows behind a number, in order."""
        ...

    def ends_since(self, raw: Any, behind: int, limit: int) -> list[Row]:
        """Return the same of those alone that may have ended something."""
        ...

    def known(self, raw: Any, lines: Sequence[Line]) -> set[str]:
        """Return the seals of those lines whose row is there, with its number and its seal."""
        ...

    def told_of(self, raw: Any, lines: Sequence[Line]) -> set[str]:
        """Return the seals of those whose row is there under another number, or waits to be sealed."""
        ...

    def last(self, raw: Any) -> int:
        """Return the number of the last row."""
        ...


class Journal:
    """Appends to the file. Any thread may use it: one at a time does."""

    def __init__(
        self,
        path: Path,
        secrets: ServerSecrets,
        rows: AuditRows,
        scanned_to: int,
        tell: Callable[[str], None],
        older: Callable[[], object],
        accepts: str = "",
    ) -> None:
        """Go on behind row `scanned_to` of the audit log.

        `tell` hears once when the file cannot be written, and `older` when the database does not know its
        last line: nothing is written then any more, until another journal takes this one's place, which
        `accepts` that line, by its seal, since they were compared.
        """
        self._path = path
        self._secrets = secrets
        self._rows = rows
        self._scanned_to = scanned_to
        self._size = -1
        self._last: Line | None = None
        self._unmarked = 0
        self._tell = tell
        self._older = older
        self._accepts = accepts
        self._failed = self._held = False
        self._lock = threading.Lock()

    def follow(self, raw: Any, given: Sequence[Row] = ()) -> None:
        """Write what the audit log tells of since; the rows of `raw` are committed.

        `given` are the rows that were sealed just now, so that they need not be read when no others came
        between.
        """
        with self._lock:
            if self._held:
                return
            if given and given[0].seq == self._scanned_to + 1:
                self._take(raw, given)
                return
            while rows := self._rows.since(raw, self._scanned_to, _AT_ONCE):
                if not self._take(raw, rows) or len(rows) < _AT_ONCE:
                    return

    def look(self, raw: Any) -> None:
        """Do the same, and see whether the log ends before what was scanned: it is an older database's."""
        with self._lock:
            if not self._held and self._rows.last(raw) < self._scanned_to:
                self._hold()
        self.follow(raw)

    def begin(self, raw: Any) -> None:
        """Begin the file with all that the log tells of, and where that ended."""
        with self._lock:
            end, self._scanned_to = self._scanned_to, 0
            while rows := self._rows.ends_since(raw, self._scanned_to, _AT_ONCE):
                told = [row for row in rows if row.seq <= end]
                if told and not self._take(raw, told):
                    return
                if len(told) < _AT_ONCE:
                    break
            self._scanned_to = end
            if (last := self._rows.since(raw, end - 1, 1)) and effect_of(last[0]) is None:
                self._take(raw, last, mark=True)

    def _take(self, raw: Any, rows: Sequence[Row], *, mark: bool = False) -> bool:
        told = [(row, effect) for row in rows if (effect := effect_of(row)) is not None]
        self._unmarked = 0 if told else self._unmarked + len(rows)
        if not told and (mark or self._unmarked >= _MARKED):
            told = [(rows[-1]._replace(action="journal.mark", subject_id=""), MARK)]
            self._unmarked = 0
        try:
            if told and not self._append(raw, told):
                self._hold()
                return False
        except OSError as error:  # what was committed holds all the same; it is tried again with the next
            if not self._failed:
                self._tell(f"{self._path} cannot be written: {error.strerror}")
            self._failed = True
            return False
        self._failed = False
        self._scanned_to = rows[-1].seq
        return True

    def _hold(self) -> None:
        self._held = True
        self._older()

    def _append(self, raw: Any, told: list[tuple[Row, str]]) -> bool:
        """Append lines; False: the database does not know the last that is there, and has to be compared."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            others = size != self._size
            if others:
                self._last = last_line(os.pread(descriptor, _TAIL, max(0, size - _TAIL)))
            if not self._is_known(raw):
                return False
            lines = []
            for row, effect in told:
                # Another process, which scanned further, may have written it.
                if others and self._last is not None and self._last.seq >= row.seq and _has(descriptor, row):
                    continue
                before = "" if self._last is None else self._last.seal
                self._last = sealed(self._line(row, effect), before, self._secrets.derive)
                lines.append(msgspec.json.encode(self._last) + b"\n")
            self._size = size
            if lines:
                whole = size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
                data = (b"" if whole else b"\n") + b"".join(lines)
                self._size = -1
                if os.write(descriptor, data) != len(data):
                    raise OSError(28, "only a part of it was written")
                os.fsync(descriptor)
                self._size = size + len(data)
        finally:
            os.close(descriptor)
        return True

    def _is_known(self, raw: Any) -> bool:
        last = self._last
        if last is None or last.seal == self._accepts:
            return True
        return bool(self._rows.known(raw, [last]) or self._rows.told_of(raw, [last]))

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


def last_line(data: bytes) -> Line | None:
    """Return the last line that can be read; None: there is none."""
    for text in reversed(data[-_TAIL:].split(b"\n")):
        try:
            return msgspec.json.decode(text, type=Line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return None


def _has(descriptor: int, row: Row) -> bool:
    name = f'"row":"{name_of(row.seal)}"'.encode()
    size = os.fstat(descriptor).st_size
    return name in os.pread(descriptor, _PART, max(0, size - _PART))
