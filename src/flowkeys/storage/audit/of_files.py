"""What the journal asks of an audit log on SQLite: rows are sealed in the transaction that writes them."""

from collections.abc import Sequence
from typing import Any, Final

from flowkeys.domain.audit.taken import ACTIONS, Line, Row, name_of

_SINCE: Final = (
    "SELECT seq, at, workspace_id, action, subject_id, before, after, seal FROM audit "
    "WHERE seq > ? AND seal IS NOT NULL ORDER BY seq LIMIT ?"
)
_ENDS: Final = _SINCE.replace(" ORDER", f" AND action IN ({', '.join(map(repr, sorted(ACTIONS)))}) ORDER")
_SEAL: Final = "SELECT seal FROM audit WHERE seq = ?"
_LAST: Final = "SELECT max(seq) FROM audit"


class SqliteRows:
    """Implements `AuditRows`."""

    def since(self, raw: Any, behind: int, limit: int) -> list[Row]:
        """See `AuditRows`."""
        return [Row(*row) for row in raw.execute(_SINCE, (behind, limit))]

    def ends_since(self, raw: Any, behind: int, limit: int) -> list[Row]:
        """See `AuditRows`."""
        return [Row(*row) for row in raw.execute(_ENDS, (behind, limit))]

    def known(self, raw: Any, lines: Sequence[Line]) -> set[str]:
        """See `AuditRows`."""
        return {line.seal for line in lines if _knows(raw, line)}

    def told_of(self, raw: Any, lines: Sequence[Line]) -> set[str]:
        """Return nothing: a row has the seal that it was committed with."""
        del raw, lines
        return set()

    def last(self, raw: Any) -> int:
        """See `AuditRows`."""
        return raw.execute(_LAST).fetchone()[0] or 0


def _knows(raw: Any, line: Line) -> bool:
    row = raw.execute(_SEAL, (line.seq,)).fetchone()
    return bool(row) and isinstance(row[0], bytes) and name_of(row[0]) == line.row
