"""Chatflows and bindings within one transaction."""

from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, delete, func, insert, literal, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from flowkeys.domain.chatflow import Chatflow, ChatflowType
from flowkeys.domain.listing import ChatflowQuery, Page
from flowkeys.storage.schema import binding, chatflow
from flowkeys.storage.statement import Connection, Row, Statement

_COLUMNS: Final = tuple(c for c in chatflow.c if c.name != "seq")
_NAMES: Final = [c.name for c in _COLUMNS]
SELECT: Final = select(*_COLUMNS)

_INSERT = Statement(insert(chatflow), _NAMES)
_GET = Statement(
    SELECT.where(chatflow.c.workspace_id == bindparam("workspace"), chatflow.c.id == bindparam("chatflow"))
)
_UPDATE = Statement(
    update(chatflow).where(
        chatflow.c.workspace_id == bindparam("b_workspace"), chatflow.c.id == bindparam("b_id")
    ),
    [name for name in _NAMES if name not in {"id", "workspace_id", "created_at"}],
)
_DELETE = Statement(
    delete(chatflow).where(
        chatflow.c.workspace_id == bindparam("workspace"), chatflow.c.id == bindparam("chatflow")
    )
)
# The keys of one chatflow, the first bound first.
KEY_IDS: Final = Statement(
    select(binding.c.key_id)
    .where(binding.c.workspace_id == bindparam("workspace"), binding.c.chatflow_id == bindparam("chatflow"))
    .order_by(binding.c.seq)
)
_BIND = Statement(
    upsert(binding).on_conflict_do_nothing(), ["workspace_id", "key_id", "chatflow_id", "created_at"]
)
_UNBIND = Statement(
    delete(binding).where(
        binding.c.workspace_id == bindparam("workspace"),
        binding.c.key_id == bindparam("key"),
        binding.c.chatflow_id == bindparam("chatflow"),
    )
)


class ChatflowTable:
    """Implements the port `Chatflows`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, item: Chatflow) -> None:
        """Add a chatflow without bindings."""
        self._connection.run(_INSERT, _values(item))

    def get(self, workspace_id: str, chatflow_id: str) -> Chatflow | None:
        """Return a chatflow of the workspace with its bound keys."""
        row = self._connection.row(_GET, {"workspace": workspace_id, "chatflow": chatflow_id})
        return with_keys(self._connection, row) if row else None

    def page(self, query: ChatflowQuery) -> Page[Chatflow]:
        """Return the chatflows that match, newest first, with the number of all that match."""
        conditions = [chatflow.c.workspace_id == query.workspace_id]
        if query.type is not None:
            conditions.append(chatflow.c.type == query.type)
        if query.search:
            conditions.append(func.instr(func.lower(chatflow.c.name), func.lower(query.search)) > 0)
        counted = select(func.count()).select_from(chatflow).where(*conditions)
        total: int = self._connection.query(counted)[0][0]
        statement = SELECT.where(*conditions).order_by(chatflow.c.seq.desc())
        if query.before is not None:
            own = conditions[0]
            seen = select(chatflow.c.seq).where(own, chatflow.c.id == query.before).scalar_subquery()
            statement = statement.where(chatflow.c.seq < func.coalesce(seen, literal(0)))
        rows = self._connection.query(statement.limit(query.limit).offset(query.offset))
        return Page([with_keys(self._connection, row) for row in rows], total)

    def update(self, item: Chatflow) -> None:
        """Write every column but id, workspace and creation time."""
        self._connection.run(_UPDATE, {**_values(item), "b_workspace": item.workspace_id, "b_id": item.id})

    def delete(self, workspace_id: str, chatflow_id: str) -> None:
        """Delete a chatflow; its bindings and messages go with it."""
        self._connection.run(_DELETE, {"workspace": workspace_id, "chatflow": chatflow_id})


class BindingTable:
    """Implements the port `Bindings`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, workspace_id: str, key_id: str, chatflow_id: str, at: int) -> None:
        """Bind; nothing happens when it is bound already."""
        self._connection.run(
            _BIND,
            {"workspace_id": workspace_id, "key_id": key_id, "chatflow_id": chatflow_id, "created_at": at},
        )

    def remove(self, workspace_id: str, key_id: str, chatflow_id: str) -> None:
        """Unbind; nothing happens when it is not bound."""
        self._connection.run(_UNBIND, {"workspace": workspace_id, "key": key_id, "chatflow": chatflow_id})


def with_keys(connection: Connection, row: Row) -> Chatflow:
    """Return the chatflow of a row of `SELECT`, its bound keys read along."""
    item = without_keys(row)
    keys = connection.rows(KEY_IDS, {"workspace": item.workspace_id, "chatflow": item.id})
    return msgspec.structs.replace(item, key_ids=tuple(key_id for (key_id,) in keys))


def without_keys(row: Row) -> Chatflow:
    """Return the chatflow of a row of `SELECT`."""
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    values["type"] = ChatflowType(values["type"])
    values["is_public"] = bool(values["is_public"])
    values["extras"] = msgspec.json.decode(values["extras"])
    return Chatflow(**values)


def _values(item: Chatflow) -> dict[str, object]:
    return {
        **{name: getattr(item, name) for name in _NAMES},
        "type": item.type.value,
        "extras": msgspec.json.encode(item.extras).decode(),
    }
