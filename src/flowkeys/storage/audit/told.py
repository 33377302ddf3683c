"""Workspaces, the change feed and the audit log within one transaction."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, func, insert, literal, or_, select, text

from flowkeys.domain.audit.chain import ChainKey
from flowkeys.domain.journal import AuditEntry, Change
from flowkeys.domain.people.workspace import Workspace
from flowkeys.storage.audit.chain import append
from flowkeys.storage.schema import audit, change, workspace
from flowkeys.storage.statement import Connection, Insertion, Row, Statement

_INSERT_WORKSPACE = Statement(insert(workspace), ["id", "name", "created_at"])
_FIND = Statement(
    select(workspace).where(
        or_(workspace.c.name == bindparam("wanted"), workspace.c.id == bindparam("wanted"))
    )
)
_ALL = Statement(select(workspace).order_by(workspace.c.created_at, workspace.c.name))
_INSERT_CHANGES = Insertion(
    lambda rows: insert(change).values(rows), [c.name for c in change.c if c.name != "seq"], by_halves=True
)
_NOTED = Statement(
    select(literal(1))
    .where(audit.c.action == bindparam("action"), audit.c.subject_id == bindparam("subject_id"))
    .limit(1)
)
_NOTED_SINCE = Statement(
    select(literal(1))
    .where(
        audit.c.workspace_id == bindparam("workspace"),
        audit.c.subject_id == bindparam("subject_id"),
        audit.c.action == bindparam("action"),
        audit.c.at >= bindparam("since"),
    )
    .limit(1)
)
_oldest = select(change.c.seq, change.c.at).order_by(change.c.seq).limit(bindparam("limit")).subquery()
# In the order in which those who follow are told: on PostgreSQL by the numbers of transactions.
_PRUNE = Statement(
    delete(change).where(
        change.c.seq
        <= select(func.max(_oldest.c.seq)).where(_oldest.c.at < bindparam("before")).scalar_subquery(),
        change.c.seq < select(func.max(change.c.seq)).scalar_subquery(),
    ),
    postgres=text(
        "WITH oldest AS (SELECT seq, xid, at FROM change ORDER BY xid, seq LIMIT :limit),"
        " last AS (SELECT seq, xid FROM oldest WHERE at < :before ORDER BY xid DESC, seq DESC LIMIT 1)"
        " DELETE FROM change c USING oldest o, last l WHERE c.seq = o.seq"
        " AND (o.xid, o.seq) <= (l.xid, l.seq) AND c.xid < (SELECT xid FROM change ORDER BY xid DESC LIMIT 1)"
    ),
)


class WorkspaceTable:
    """Implements the port `Workspaces`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, item: Workspace) -> None:
        """Add a workspace; its name must be free."""
        self._connection.run(
            _INSERT_WORKSPACE, {"id": item.id, "name": item.name, "created_at": item.created_at}
        )

    def find(self, name: str) -> Workspace | None:
        """Return a workspace by its name or id."""
        row = self._connection.row(_FIND, {"wanted": name})
        return Workspace(*row) if row else None

    def all(self) -> list[Workspace]:
        """Return every workspace, oldest first."""
        return [Workspace(*row) for row in self._connection.rows(_ALL)]


class JournalTable:
    """Implements the port `Journal`."""

    def __init__(self, connection: Connection, key: ChainKey | None = None) -> None:
        """Append to the audit log with `key`; without one, before the chain begins, unsealed."""
        self._connection = connection
        self._key = key

    def change(self, item: Change) -> None:
        """Append a row to the change feed."""
        self._connection.put_off(_insert_changes, msgspec.structs.astuple(item))

    def audit(self, entry: AuditEntry) -> None:
        """Append a row to the audit log."""
        values = msgspec.structs.asdict(entry)
        values["before"] = _json(entry.before)
        values["after"] = _json(entry.after)
        self._connection.put_off(append, (values, self._key))

    def noted(self, action: str, subject_id: str) -> bool:
        """Tell whether the audit log has an action on a subject."""
        return self._connection.row(_NOTED, {"action": action, "subject_id": subject_id}) is not None

    def noted_since(self, workspace_id: str, action: str, subject_id: str, at: int) -> bool:
        """Tell whether it has one of a workspace that was done at a time or later."""
        values = {"workspace": workspace_id, "action": action, "subject_id": subject_id, "since": at}
        return self._connection.row(_NOTED_SINCE, values) is not None

    def prune(self, before: int, limit: int) -> int:
        """Delete the oldest changes of the feed, of so many those up to the last from before a time."""
        return self._connection.run(_PRUNE, {"before": before, "limit": limit})


def _insert_changes(connection: Connection, rows: Sequence[Row]) -> None:
    connection.insert(_INSERT_CHANGES, rows)


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
