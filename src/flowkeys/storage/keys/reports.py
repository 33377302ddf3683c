"""The keys of reports, quick with 100,000: each condition is answered by an index, read once."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import text

from flowkeys.domain.keys.report import UNUSED, Report
from flowkeys.storage.statement import Connection, Statement, in_json

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
            ELSE false END
        FROM api_key AS made WHERE made.workspace_id = :workspace AND made.creator_tag = tags.tag LIMIT 1
    )
)
"""
# Most keys hold none, and most that hold some were never used for any: neither is looked at closely.
_HELD: Final = "json_each(CASE WHEN json_valid(k.permissions) THEN k.permissions ELSE '[]' END) AS held"
_HELD_ON_POSTGRES: Final = "permissions_held(k.permissions) AS held(value)"
_UNUSED: Final = f"""k.permission_count > 0 AND (
    NOT EXISTS (SELECT 1 FROM permission_use WHERE key_id = k.id)
    OR EXISTS (SELECT 1 FROM {_HELD}
        WHERE NOT EXISTS (SELECT 1 FROM permission_use WHERE key_id = k.id AND permission = held.value)))"""  # noqa: S608 - of constants


def _statement(sql: str) -> Statement:
    return Statement(text(sql), postgres=text(sql.replace(_HELD, _HELD_ON_POSTGRES)))


_WHICH: Final = _statement(
    f"""SELECT k.id, held.value FROM json_each(:keys) AS wanted
        JOIN api_key AS k ON k.id = wanted.value AND k.workspace_id = :workspace
        JOIN {_HELD} ON true
        WHERE NOT EXISTS (SELECT 1 FROM permission_use WHERE key_id = k.id AND permission = held.value)
        ORDER BY 2"""  # noqa: S608 - of constants
)
_NOTE: Final = Statement(
    text(
        """INSERT INTO permission_use(workspace_id, key_id, permission, first_at)
        SELECT workspace_id, id, :permission, :now FROM api_key WHERE id = :key
        AND EXISTS (SELECT 1 FROM workspace WHERE workspace.id = api_key.workspace_id)
        ON CONFLICT (key_id, permission) DO NOTHING"""
    )
)
_SINCE: Final = Statement(text("SELECT since FROM recording WHERE what = :what"))
_RECORDED: Final = {Report.UNUSED_PERMISSIONS: "permissions"}
_CONDITIONS: Final = {
    Report.NEVER_USED: ("", "k.last_used_at IS NULL"),
    Report.UNUSED: ("", "k.last_used_at <= :since"),
    Report.NEVER_EXPIRING: ("", "k.expires_at IS NULL"),
    Report.UNBOUND: ("", "k.chatflow_count = 0"),
    Report.UNUSED_PERMISSIONS: ("", _UNUSED),
    Report.OWNER_GONE: (_GONE, "k.creator_tag IN (SELECT tag FROM gone)"),
}
_COUNT: Final = {
    report: _statement(f"{before}SELECT count(*) {_ALIVE}{condition}")
    for report, (before, condition) in _CONDITIONS.items()
}
_PAGE: Final = {
    report: _statement(f"{before}SELECT k.id {_ALIVE}{condition} ORDER BY k.seq LIMIT :limit OFFSET :offset")
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

    def since(self, report: Report) -> int | None:
        """Return from when on it is recorded what a report rests on, or None: from the beginning."""
        what = _RECORDED.get(report)
        row = None if what is None else self._connection.row(_SINCE, {"what": what})
        return row[0] if row else None

    def unused_permissions(self, workspace_id: str, key_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the permissions that keys hold and have not used, sorted."""
        found: dict[str, tuple[str, ...]] = {}
        for key_id, permission in self._connection.rows(
            _WHICH, {"workspace": workspace_id, "keys": in_json(key_ids)}
        ):
            found[key_id] = (*found.get(key_id, ()), permission)
        return found

    def note_permissions(self, used: Mapping[str, Collection[str]], now: int) -> None:
        """Note that keys, by their ids, have used permissions; what was noted before stays.

        Of a key that is gone, or whose workspace was deleted by hand, nothing is noted: others' uses are
        stored in the same transaction.
        """
        self._connection.run_many(
            _NOTE,
            [
                {"key": key_id, "permission": permission, "now": now}
                for key_id, permissions in used.items()
                for permission in permissions
            ],
        )
