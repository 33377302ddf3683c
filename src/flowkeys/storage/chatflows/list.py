"""Lists of chatflows, read from an index: a row also holds its graph, which may be megabytes to read past."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, func, select

from flowkeys.domain.chatflows.chatflow import CallingKey, ChatflowChoice, ChatflowType, ListedChatflow
from flowkeys.domain.keys.api_key import Status, fold_name
from flowkeys.domain.listing import ChatflowQuery, Page
from flowkeys.storage.elements import listed as members
from flowkeys.storage.elements import position
from flowkeys.storage.schema import api_key, binding, chatflow, conversation
from flowkeys.storage.schema import key_count as kept
from flowkeys.storage.statement import Connection, Row, Statement, in_json

_c = chatflow.c

_last_call = (
    select(func.max(conversation.c.last_at))
    .where(conversation.c.workspace_id == _c.workspace_id, conversation.c.chatflow_id == _c.id)
    .scalar_subquery()
)
# From the counts that triggers keep: a chatflow may have thousands of keys.
_key_count = (
    select(func.coalesce(func.sum(kept.c.total), 0))
    .where(
        kept.c.workspace_id == _c.workspace_id,
        kept.c.chatflow_id == _c.id,
        kept.c.status != Status.REVOKED.value,
    )
    .scalar_subquery()
)
_ORDERS: Final[dict[str, ColumnElement[Any]]] = {
    "createdAt": _c.seq,
    "name": _c.name_folded,
    "updatedAt": _c.updated_at,
    "lastCallAt": func.coalesce(_last_call, 0),
}
_SHOWN: Final = (
    *(_c.seq, _c.id, _c.name, _c.type, _c.category),
    *(_c.is_public, _c.created_at, _c.updated_at, _c.version),
)
_own = _c.workspace_id == bindparam("workspace")
_CALLS = Statement(
    select(_key_count, _last_call).select_from(chatflow).where(_own, _c.id == bindparam("chatflow"))
)
_KEYS = Statement(
    select(api_key.c.id, api_key.c.name, api_key.c.status, api_key.c.expires_at)
    .select_from(binding.join(api_key, api_key.c.id == binding.c.key_id))
    .where(
        binding.c.workspace_id == bindparam("workspace"),
        binding.c.chatflow_id == bindparam("chatflow"),
        api_key.c.status != Status.REVOKED.value,
    )
    .order_by(binding.c.seq)
    .limit(bindparam("most"))
)
_MARK = Statement(select(_c.seq).where(_own, _c.id == bindparam("before")))
_choice = select(_c.id, _c.name, _c.type, _c.is_public).where(_own)
_BY_ID = Statement(_choice.where(_c.id.in_(members("ids"))).order_by(_c.name_folded, _c.seq))
_BY_NAME = Statement(
    _choice.where(position(_c.name_folded, bindparam("searched")) > 0, _c.id.not_in(members("ids")))
    .order_by(_c.name_folded, _c.seq)
    .limit(bindparam("most"))
)


def fetch(connection: Connection, query: ChatflowQuery) -> tuple[list[Row], int]:
    """Return rows of the chatflows that the query asks for, in order, and how many match.

    A row begins with the row's number. All that match are looked at, in one index: some thousands at most.
    """
    found = _matching(query)
    if query.before is not None:
        mark = connection.row(_MARK, {"workspace": query.workspace_id, "before": query.before})
        if mark is None:
            return [], _total(connection, found)
        rows = connection.query(found.where(_c.seq < mark[0]).limit(query.limit).offset(query.offset))
        return rows, _total(connection, found)
    rows = connection.query(found.limit(query.limit).offset(query.offset))
    if len(rows) < query.limit and (rows or not query.offset):  # the last page tells how many there are
        return rows, query.offset + len(rows)
    return rows, _total(connection, found)


def _total(connection: Connection, found: Select[tuple[int]]) -> int:
    ((total,),) = connection.query(found.with_only_columns(func.count()).order_by(None))
    return int(total)


def listed(connection: Connection, query: ChatflowQuery, keys: int) -> Page[ListedChatflow]:
    """Return the chatflows that the query asks for, each with its first `keys` keys that are not revoked."""
    rows, total = fetch(connection, query)
    return Page([_with_calls(connection, query.workspace_id, row, keys) for row in rows], total)


def choices(
    connection: Connection, workspace_id: str, search: str, limit: int, ids: Sequence[str]
) -> list[ChatflowChoice]:
    """Return those with these ids, then at most `limit` others whose names match; each part by name."""
    values: dict[str, object] = {"workspace": workspace_id, "ids": in_json(ids)}
    chosen = connection.rows(_BY_ID, values) if ids else []
    named = connection.rows(_BY_NAME, {**values, "searched": fold_name(search.strip()), "most": limit})
    return [
        ChatflowChoice(found_id, name, ChatflowType(kind), bool(is_public))
        for found_id, name, kind, is_public in (*chosen, *named)
    ]


def _matching(query: ChatflowQuery) -> Select[tuple[int]]:
    found = select(*_SHOWN).where(_c.workspace_id == query.workspace_id)
    if query.type is not None:
        found = found.where(_c.type == query.type)
    if searched := fold_name(query.search.strip()):
        found = found.where(position(_c.name_folded, searched) > 0)
    match query.access:
        case "public":
            found = found.where(_c.is_public)
        case "keys":
            found = found.where(~_c.is_public, _key_count > 0)
        case "closed":
            found = found.where(~_c.is_public, _key_count == 0)
    order = [_ORDERS[query.sort], _c.seq]
    return found.order_by(*((part.desc() for part in order) if query.descending else order))


def _with_calls(connection: Connection, workspace_id: str, row: Row, most: int) -> ListedChatflow:
    _, chatflow_id, name, kind, category, is_public, created_at, updated_at, version = row
    values: dict[str, object] = {"workspace": workspace_id, "chatflow": chatflow_id, "most": most}
    ((key_count, last_call_at),) = connection.rows(_CALLS, values)
    keys = connection.rows(_KEYS, values) if key_count else []
    return ListedChatflow(
        id=chatflow_id,
        name=name,
        type=ChatflowType(kind),
        category=category,
        is_public=bool(is_public),
        created_at=created_at,
        updated_at=updated_at,
        version=version,
        key_count=key_count,
        keys=tuple(CallingKey(key_id, key, Status(status), expiry) for key_id, key, status, expiry in keys),
        last_call_at=last_call_at,
    )
