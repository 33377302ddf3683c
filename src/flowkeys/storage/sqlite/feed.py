"""The feed of changes, on SQLite: what other connections committed, in this process and in others.

SQLite has no messages, but it counts: ``PRAGMA data_version`` of one connection is another number after any
other connection committed. It is asked when a decision is due and the last answer is older than the bound,
so that no decision ever rests on older knowledge, however busy the event loop is.
"""

import secrets
import sqlite3
import time
from collections.abc import Sequence
from typing import Final

from flowkeys.domain.times import SECOND
from flowkeys.domain.usage.tally import Histogram
from flowkeys.service.ports.verification import ChangeListener

PROMISED_MS: Final = 20
"""So long after it was acknowledged a change holds in every process of the machine, unless told otherwise."""
_PARTS: Final = 4
"""So many times within the promise it is asked what changed; the rest is for the commit to be seen."""
BOUND_MICROSECONDS: Final = PROMISED_MS * 1000 // _PARTS
"""So old may be what a decision rests on, with that promise."""
_AT_ONCE: Final = 10_000
"""With more changes than this, listeners forget everything."""

_SINCE: Final = """SELECT seq, subject, subject_id, workspace_id, version, at FROM change
    WHERE seq >= ? ORDER BY seq LIMIT ?"""
_NEWEST: Final = "SELECT coalesce(max(seq), 0) FROM change"

_Row = tuple[int, str, str, str, int, int]


def mark_of(row: _Row) -> str:
    """Return what tells a change from every other, of another database's with the same number, too."""
    return ":".join(str(part) for part in row)


class SqliteFeed:
    """Implements `ChangeFeed` over the connection that look-ups use, in the same thread."""

    def __init__(
        self, raw: sqlite3.Connection, promised_ms: int = PROMISED_MS, *, keeps: bool = False
    ) -> None:
        """Follow the changes of the database that `raw` reads; each holds within `promised_ms`.

        With `keeps` listeners need not forget what they know when it cannot be read, until it can again.
        """
        self._raw = raw
        self._keeps = keeps
        self._bound = promised_ms * 1000 // _PARTS
        self._listeners: Sequence[ChangeListener] = ()
        self._version = -1
        self._checked = self._last_checked = 0
        self._broken = False
        self.position = 0
        """The last change that listeners were told of."""
        self._last: _Row | None = None
        self.breaks = 0
        """How often it could not be read, so that everything was forgotten."""
        self.lag = Histogram()
        """For how long, in seconds, a decision may have rested on what was so before a change: at most from
        when the change was begun, its commit included, until the last decision that did not know of it."""
        self.epoch = secrets.token_hex(8)
        """Another one in each process, and behind a restore: what came before may be another database's."""
        self._begin()

    @property
    def place(self) -> int:
        """Up to where is told."""
        return self.position

    @property
    def mark(self) -> str | None:
        """What the last change was, all of it: whoever has the same one has the same ones before it."""
        return None if self._last is None else mark_of(self._last)

    def tell(self, *listeners: ChangeListener) -> None:
        """Tell `listeners` from now on."""
        self._listeners = (*self._listeners, *listeners)

    def current(self, now: int, within: int | None = None) -> bool:
        """Tell whether listeners know all that was committed up to `within` microseconds before `now`.

        Unless it is asked for more, that is a part of the promise.
        """
        return 0 <= now - self._checked < (self._bound if within is None else within) or self._ask(now)

    def age(self, now: int) -> int:
        """Return how old, in microseconds, the last is that listeners know."""
        return now - self._last_checked

    def catch_up(self) -> None:
        """Read what was changed, now: after a commit of this process, before anybody hears of it."""
        try:
            self._read()
        except sqlite3.Error:
            self._break()

    def _ask(self, now: int) -> bool:
        try:
            version = self._raw.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version or self._broken:
                self._read()
                self._version = version
        except sqlite3.Error:
            self._break()
            return False
        self._checked = self._last_checked = now
        self._broken = False
        return True

    def _begin(self) -> None:
        """Go on from the newest change."""
        self.position = self._raw.execute(_NEWEST).fetchone()[0]
        self._last = self._raw.execute(_SINCE, (self.position, 1)).fetchone()

    def _read(self) -> None:
        """Tell of what was added, or to forget everything when what is there does not follow what was there.

        So it is after a backup was restored, which has the same positions for other changes, and when rows
        were deleted.
        """
        rows: list[_Row] = self._raw.execute(_SINCE, (self.position, _AT_ONCE + 2)).fetchall()
        if self._last is not None:
            follows = bool(rows) and rows[0] == self._last
            rows = rows[1:]
        else:
            follows = True
        if not follows or len(rows) > _AT_ONCE or (rows and rows[-1][0] != self.position + len(rows)):
            self._begin()
            self.epoch = secrets.token_hex(8)
            for listener in self._listeners:
                listener.forget()
            return
        believed = min(time.time_ns() // 1000, self._checked + self._bound)
        for row in rows:
            for listener in self._listeners:
                listener.changed(row[1], row[2], row[0])
            self.position, self._last = row[0], row
            self.lag.add(max(0, believed - row[5]) / SECOND)

    def _break(self) -> None:
        """Trust nothing that was kept until the feed works again."""
        self._checked = 0
        self.breaks += not self._broken
        self._broken = True
        if not self._keeps:
            for listener in self._listeners:
                listener.forget()
