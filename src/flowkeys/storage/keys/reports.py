"""The keys of reports, quick with 100,000: each condition is answered by an index, read once."""

from typing import Final

from sqlalchemy import text

from flowkeys.domain.keys.report import UNUSED, Report
from flowkeys.storage.statement import Connection, Statement

_ALIVE: Final = (
    "FROM api_key AS k WHERE k.workspace_id = :workspace AND k.status = 'active'"
    " AND (k.expires_at IS NULL OR k.expires_at > :now) AND "
)
# Creators are few: each is looked at once, by the index that has them, and not once for each key.
_GONE: Final = """
WITH RECURSIVE tags(tag) AS (
    SELECT min(creator_tag) FROM api_key WHERE workspace_id = :workspace
    UNION ALL SELECT (
        SELECT min(creator_tag) FROM api_key WHERE workspace_id = :workspace AND creator_tag > tags.tag
    ) FROM tags WHERE tag IS NOT NULL
), gone(tag) AS (
    SELECT tag FROM tags WHERE tag IS NOT NULL AND (
        SELECT CASE made.created_by_type
            WHEN 'person' THEN NOT EXISTS (
                SELECT 1 FROM person WHERE workspace_id = :workspace AND id = made.created_by_id
            )
            WHEN 'key' THEN NOT EXISTS (
                SELECT 1 FROM api_key AS maker WHERE maker.workspace_id = :workspace
                    AND maker.id = made.created_by_id AND maker.status = 'active'
                    AND (maker.expires_at IS NULL OR maker.expires_at > :now)
            )
            ELSE 0 END
        FROM api_key AS made WHERE made.workspace_id = :workspace AND made.creator_tag = tags.tag LIMIT 1
    )
)
"""
_CONDITIONS: Final = {
    Report.NEVER_USED: ("", "k.last_used_at IS NULL"),
    Report.UNUSED: ("", "k.last_used_at <= :since"),
    Report.NEVER_EXPIRING: ("", "k.expires_at IS NULL"),
    Report.UNBOUND: ("", "k.chatflow_count = 0"),
    Report.OWNER_GONE: (_GONE, "k.creator_tag IN (SELECT tag FROM gone)"),
}
_COUNT: Final = {
    report: Statement(text(f"{before}SELECT count(*) {_ALIVE}{condition}"))
    for report, (before, condition) in _CONDITIONS.items()
}
_PAGE: Final = {
    report: Statement(
        text(f"{before}SELECT k.id {_ALIVE}{condition} ORDER BY k.seq LIMIT :limit OFFSET :offset")
    )
    for report, (before, condition) in _CONDITIONS.items()
}


class KeyReportTable:
    """Implements the port `KeyReports`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def fetch(
        self, workspace_id: str, report: Report, now: int, limit: int, offset: int
    ) -> tuple[list[str], int]:
        """Return the ids of a report's keys, the first made first, and how many there are in all."""
        values = {"workspace": workspace_id, "now": now, "since": now - UNUSED}
        counted = self._connection.row(_COUNT[report], values)
        part = {**values, "limit": limit, "offset": offset}
        rows = self._connection.rows(_PAGE[report], part) if limit else []
        return [row[0] for row in rows], counted[0] if counted else 0
