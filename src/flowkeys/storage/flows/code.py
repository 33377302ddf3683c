"""What is approved of code, and custom tools, within one transaction."""

from collections.abc import Iterable
from typing import Final

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from flowkeys.domain.chatflows.code import CustomTool
from flowkeys.storage.elements import upsert
from flowkeys.storage.schema import code_approval, tool
from flowkeys.storage.statement import Connection, Row, Statement

_MOST: Final = 1000
_COLUMNS: Final = tuple(c for c in tool.c if c.name != "seq")
_NAMES: Final = [c.name for c in _COLUMNS]
_APPROVE = Statement(
    upsert(code_approval).on_conflict_do_nothing(), ["workspace_id", "digest", "approved_at"]
)
_WITHDRAW = Statement(
    delete(code_approval).where(
        code_approval.c.workspace_id == bindparam("workspace"), code_approval.c.digest == bindparam("digest")
    )
)
_APPROVED = Statement(
    select(code_approval.c.digest).where(code_approval.c.workspace_id == bindparam("workspace"))
)
_OF_TOOL: Final = tool.c.workspace_id == bindparam("b_workspace"), tool.c.id == bindparam("b_id")
_INSERT = Statement(insert(tool), _NAMES)
_GET = Statement(select(*_COLUMNS).where(*_OF_TOOL))
_ALL = Statement(
    select(*_COLUMNS).where(tool.c.workspace_id == bindparam("workspace")).order_by(tool.c.seq).limit(_MOST)
)
_UPDATE = Statement(
    update(tool).where(*_OF_TOOL),
    [name for name in _NAMES if name not in {"id", "workspace_id", "created_at"}],
)
_DELETE = Statement(delete(tool).where(*_OF_TOOL))


class CodeTable:
    """Implements the port `Code`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def approved(self, workspace_id: str) -> frozenset[str]:
        """Return the digests of approved code."""
        rows = self._connection.rows(_APPROVED, {"workspace": workspace_id})
        return frozenset(digest for (digest,) in rows)

    def approve(self, workspace_id: str, digests: Iterable[str], at: int) -> None:
        """Approve code; nothing happens to what is approved already."""
        for digest in digests:
            values = {"workspace_id": workspace_id, "digest": digest, "approved_at": at}
            self._connection.run(_APPROVE, values)

    def withdraw(self, workspace_id: str, digests: Iterable[str]) -> None:
        """Approve code no longer."""
        for digest in digests:
            self._connection.run(_WITHDRAW, {"workspace": workspace_id, "digest": digest})


class ToolTable:
    """Implements the port `CustomTools`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, item: CustomTool) -> None:
        """Add a tool."""
        self._connection.run(_INSERT, msgspec.structs.asdict(item))

    def get(self, workspace_id: str, tool_id: str) -> CustomTool | None:
        """Return a tool of the workspace."""
        row = self._connection.row(_GET, {"b_workspace": workspace_id, "b_id": tool_id})
        return _tool(row) if row else None

    def all(self, workspace_id: str) -> list[CustomTool]:
        """Return the tools of the workspace, the first made first."""
        return [_tool(row) for row in self._connection.rows(_ALL, {"workspace": workspace_id})]

    def update(self, item: CustomTool) -> None:
        """Write every column but id, workspace and creation time."""
        values = {"b_workspace": item.workspace_id, "b_id": item.id}
        self._connection.run(_UPDATE, {**msgspec.structs.asdict(item), **values})

    def delete(self, workspace_id: str, tool_id: str) -> None:
        """Delete a tool."""
        self._connection.run(_DELETE, {"b_workspace": workspace_id, "b_id": tool_id})


def _tool(row: Row) -> CustomTool:
    return CustomTool(**dict(zip(_NAMES, row, strict=True)))
