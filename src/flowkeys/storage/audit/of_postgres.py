"""What the journal asks of an audit log on PostgreSQL, where rows are sealed behind their commit.

A crash of the machine may undo that sealing, and no commit (docs/adr/0044-postgresql.md): the rows are sealed
again then, perhaps in another order. So a row counts as known by what it says, too.
"""

from collections.abc import Sequence
from typing import Any, Final

from flowkeys.domain.audit.taken import ACTIONS, Line, Row, name_of
from flowkeys.domain.times import from_iso

# Of most rows what was before and after is not asked for: it may be long.
_SINCE: Final = (
    "SELECT seq, at, workspace_id, action, subject_id, CASE action WHEN 'key.update' THEN before END,"
    " CASE action WHEN 'key.update' THEN after END, seal FROM audit"
    " WHERE seq > %s AND seal IS NOT NULL ORDER BY seq LIMIT %s"
)
_ENDS: Final = _SINCE.replace(" ORDER", " AND action = ANY(%s) ORDER")
_SEALS: Final = "SELECT seq, seal FROM audit WHERE seq = ANY(%s)"
_THERE: Final = (
    "EXISTS (SELECT 1 FROM {} a WHERE a.workspace_id = line.workspace_id AND a.subject_id = line.subject_id"
    " AND a.action = line.action AND a.at >= line.at AND a.at < line.at + 1000)"  # lines have milliseconds
)
_TOLD: Final = (
    "SELECT line.n FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[])"  # noqa: S608 - of constants
    " WITH ORDINALITY AS line (workspace_id, subject_id, action, at, n)"
    f" WHERE {_THERE.format('audit')} OR {_THERE.format('audit_unsealed')}"
)
_LAST: Final = "SELECT max(seq) FROM audit"


class PostgresRows:
    """Implements `AuditRows`."""

    def since(self, raw: Any, behind: int, limit: int) -> list[Row]:
        """See `AuditRows`."""
        return [Row(*row) for row in raw.execute(_SINCE, (behind, limit)).fetchall()]

    def ends_since(self, raw: Any, behind: int, limit: int) -> list[Row]:
        """See `AuditRows`."""
        found = raw.execute(_ENDS, (behind, sorted(ACTIONS), limit)).fetchall()
        return [Row(*row) for row in found]

    def known(self, raw: Any, lines: Sequence[Line]) -> set[str]:
        """See `AuditRows`."""
        seals = dict(raw.execute(_SEALS, ([line.seq for line in lines],)).fetchall())
        return {
            line.seal
            for line in lines
            if isinstance(seal := seals.get(line.seq), bytes) and name_of(seal) == line.row
        }

    def told_of(self, raw: Any, lines: Sequence[Line]) -> set[str]:
        """See `AuditRows`."""
        if not lines:
            return set()
        values = (
            [line.workspace for line in lines],
            [line.id for line in lines],
            [line.action for line in lines],
            [from_iso(line.at) or 0 for line in lines],
        )
        return {lines[number - 1].seal for (number,) in raw.execute(_TOLD, values).fetchall()}

    def last(self, raw: Any) -> int:
        """See `AuditRows`."""
        return raw.execute(_LAST).fetchone()[0] or 0
