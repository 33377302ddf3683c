"""The rows of the change feed, on SQLite, for those who follow it over HTTP."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from flowkeys.domain.errors import Unavailable
from flowkeys.service.ports.changes import Followed
from flowkeys.storage.sqlite.feed import mark_of

_RANGE: Final = "SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) FROM change"
_BETWEEN: Final = """SELECT seq, subject, subject_id FROM change
    WHERE seq > ? AND seq <= ? AND workspace_id = ? ORDER BY seq LIMIT ?"""
_ROW: Final = "SELECT seq, subject, subject_id, workspace_id, version, at FROM change WHERE seq = ?"
_GAP: Final = """SELECT count(*) <> max(seq) - min(seq) + 1
    FROM (SELECT seq FROM change WHERE seq >= ? ORDER BY seq LIMIT 10002)"""


class SqliteChanges:
    """Implements `ChangeLog` over the connection that look-ups use, in the same thread."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        """Read the database that `raw` reads."""
        self._raw = raw

    def place_of(self, position: int) -> int:
        """Return the position: changes are numbered in their order."""
        return position

    def mark_of(self, position: int) -> str | None:
        """See `ChangeLog.mark_of`."""
        try:
            row = self._raw.execute(_ROW, (position,)).fetchone()
            if row is None or self._raw.execute(_GAP, (position,)).fetchone()[0]:
                return None
        except sqlite3.Error as error:
            raise Unavailable from error
        return mark_of(row)

    def since(self, workspace_id: str, after: int, last: int, limit: int) -> Sequence[Followed] | None:
        """See `ChangeLog.since`."""
        try:
            oldest, newest = self._raw.execute(_RANGE).fetchone()
            if after > newest or after < oldest - 1:
                return None
            rows = self._raw.execute(_BETWEEN, (after, last, workspace_id, limit + 1)).fetchall()
        except sqlite3.Error as error:
            raise Unavailable from error
        return [Followed(*row) for row in rows] if len(rows) <= limit else None
