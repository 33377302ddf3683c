"""Chatflows and bindings within one transaction."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, bindparam, case, delete, insert, literal_column, select, update
from sqlalchemy.sql.elements import ColumnElement

from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowChoice, ChatflowType, ListedChatflow
from flowkeys.domain.chatflows.code import Brought, ToolCode
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.api_key import fold_name
from flowkeys.domain.limits.rate import RateLimit
from flowkeys.domain.limits.stored import rates_from, to_store
from flowkeys.domain.listing import ChatflowQuery, Page
from flowkeys.storage.elements import json_list, listed, position, upsert
from flowkeys.storage.schema import api_key, binding, chatflow, code_approval, tool
from flowkeys.storage.statement import Connection, Row, Statement, in_json

_COLUMNS: Final = tuple(c for c in chatflow.c if c.name not in {"seq", "name_folded"})
_NAMES: Final = [c.name for c in _COLUMNS]
_WRITTEN: Final = [*_NAMES, "name_folded"]
_OF_RUNS: Final = ("id", "name", "description", "schema", "func", "export_id")

_BROUGHT: Final[tuple[ColumnElement[Any], ...]] = (
    select(json_list(code_approval.c.digest))
    .where(code_approval.c.workspace_id == chatflow.c.workspace_id)
    .scalar_subquery()
    .label("approved"),
    case(
        (
            # Literally: what is prepared by name on PostgreSQL is given the chatflow's id alone.
            position(chatflow.c.flow_data, literal_column("'customTool'")) > literal_column("0"),
            select(json_list(*(tool.c[name] for name in _OF_RUNS)))
            .where(tool.c.workspace_id == chatflow.c.workspace_id)
            .scalar_subquery(),
        ),
        else_=None,
    ).label("tools"),
)
"""What a workspace brings to a chatflow, as columns of a query of chatflows; `_brought` reads them."""

_tools: Final = msgspec.json.Decoder(list[tuple[str, str, str, str | None, str | None, str | None]])
_digests: Final = msgspec.json.Decoder(list[str])
SELECT: Final = select(*_COLUMNS, *_BROUGHT)

_INSERT = Statement(insert(chatflow), _WRITTEN)
_GET = Statement(
    SELECT.where(chatflow.c.workspace_id == bindparam("workspace"), chatflow.c.id == bindparam("chatflow"))
)
_UPDATE = Statement(
    update(chatflow).where(
        chatflow.c.workspace_id == bindparam("b_workspace"), chatflow.c.id == bindparam("b_id")
    ),
    [name for name in _WRITTEN if name not in {"id", "workspace_id", "created_at"}],
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
_BY_SEQ = Statement(
    SELECT.add_columns(chatflow.c.seq).where(chatflow.c.seq.in_(listed("seqs", BigInteger())))
)
_BIND = Statement(
    upsert(binding)
    .values(key_seq=select(api_key.c.seq).where(api_key.c.id == bindparam("b_key")).scalar_subquery())
    .on_conflict_do_nothing(),
    ["workspace_id", "key_id", "chatflow_id", "created_at", "key_seq"],
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
        """Return the chatflows that match, in the query's order, with the number of all that match."""
        from flowkeys.storage.chatflows import list as chatflow_list

        found, total = chatflow_list.fetch(self._connection, query)
        seqs = [row[0] for row in found]
        rows = self._connection.rows(_BY_SEQ, {"seqs": in_json(seqs)})
        by_seq = {row[-1]: row[:-1] for row in rows}
        return Page([with_keys(self._connection, by_seq[seq]) for seq in seqs], total)

    def listed(self, query: ChatflowQuery, keys: int) -> Page[ListedChatflow]:
        """Return the same without graphs, each with its first `keys` keys that are not revoked."""
        from flowkeys.storage.chatflows import list as chatflow_list

        return chatflow_list.listed(self._connection, query, keys)

    def choices(self, workspace_id: str, search: str, limit: int, ids: Sequence[str]) -> list[ChatflowChoice]:
        """Return those with these ids, then others whose names match; each part by name."""
        from flowkeys.storage.chatflows import list as chatflow_list

        return chatflow_list.choices(self._connection, workspace_id, search, limit, ids)

    def update(self, item: Chatflow) -> None:
        """Write every column but id, workspace and creation time."""
        self._connection.run(_UPDATE, {**_values(item), "b_workspace": item.workspace_id, "b_id": item.id})

    def delete(self, workspace_id: str, chatflow_id: str) -> None:
        """Delete a chatflow; its bindings and messages go with it."""
        self._connection.run(_DELETE, {"workspace": workspace_id, "chatflow": chatflow_id})


_LIMIT = Statement(
    update(binding).where(
        binding.c.workspace_id == bindparam("b_workspace"),
        binding.c.key_id == bindparam("b_key"),
        binding.c.chatflow_id == bindparam("b_chatflow"),
    ),
    ["rate_limits"],
)


class BindingTable:
    """Implements the port `Bindings`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, workspace_id: str, key_id: str, chatflow_id: str, at: int) -> None:
        """Bind; nothing happens when it is bound already."""
        self._connection.run(
            _BIND,
            {
                "workspace_id": workspace_id,
                "key_id": key_id,
                "chatflow_id": chatflow_id,
                "created_at": at,
                "b_key": key_id,
            },
        )

    def remove(self, workspace_id: str, key_id: str, chatflow_id: str) -> None:
        """Unbind; nothing happens when it is not bound."""
        self._connection.run(_UNBIND, {"workspace": workspace_id, "key": key_id, "chatflow": chatflow_id})

    def limit(self, workspace_id: str, key_id: str, chatflow_id: str, rates: Sequence[RateLimit]) -> None:
        """Say how often a key may call a chatflow that it is bound to."""
        values = {"b_workspace": workspace_id, "b_key": key_id, "b_chatflow": chatflow_id}
        self._connection.run(_LIMIT, {**values, "rate_limits": to_store(rates)})


def with_keys(connection: Connection, row: Row) -> Chatflow:
    """Return the chatflow of a row of `SELECT`, its bound keys read along."""
    item = without_keys(row)
    keys = connection.rows(KEY_IDS, {"workspace": item.workspace_id, "chatflow": item.id})
    return msgspec.structs.replace(item, key_ids=tuple(key_id for (key_id,) in keys))


def without_keys(row: Row) -> Chatflow:
    """Return the chatflow of a row of `SELECT`."""
    *own, approved, tools = row
    values: dict[str, Any] = dict(zip(_NAMES, own, strict=True))
    values["type"] = ChatflowType(values["type"])
    values["is_public"] = bool(values["is_public"])
    values["extras"] = msgspec.json.decode(values["extras"])
    values["credentials"] = msgspec.json.decode(values["credentials"])
    try:
        values["rate_limits"] = rates_from(values["rate_limits"])
    except (ValueError, TypeError) as error:
        raise Unavailable(
            f"The limits of the chatflow {values['id']} cannot be read: they were changed by hand."
        ) from error
    return Chatflow(**values, brought=_brought(approved, tools))


def _brought(approved: str | None, tools: str | None) -> Brought:
    """Return what the columns of `_BROUGHT` say."""
    try:
        digests = frozenset(_digests.decode(approved)) if approved else frozenset()
        of_runs = tuple(ToolCode(*each) for each in _tools.decode(tools)) if tools else ()
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Unavailable("Custom tools cannot be read: their rows were changed by hand.") from error
    return Brought(digests, of_runs)


def _values(item: Chatflow) -> dict[str, object]:
    return {
        **{name: getattr(item, name) for name in _NAMES},
        "type": item.type.value,
        "name_folded": fold_name(item.name),
        "extras": msgspec.json.encode(item.extras).decode(),
        "credentials": msgspec.json.encode(item.credentials).decode(),
        "rate_limits": to_store(item.rate_limits),
    }
