"""The statements of a page of keys: one for each shape of question, compiled once.

Each order has an index that also holds status, expiry and creator, so that skipping what does not match, or
what lies before the page, reads no row. Which index is used is written down (``INDEXED BY``): SQLite would
guess it.
"""

from functools import cache
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    column,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    union_all,
)

from flowkeys.domain.keys.api_key import Status
from flowkeys.domain.listing import KeySort
from flowkeys.storage.schema import api_key, token
from flowkeys.storage.statement import Statement, listed

Path = Literal["names", "trigrams", "chatflow", "creator", "status", "expiry"]
"""Where a search for few keys begins, or a count."""


class Shape(NamedTuple):
    """What a question consists of, without its values."""

    sort: KeySort
    descending: bool
    status: Status | Literal["all"] | None
    of_chatflow: bool
    of_creator: bool
    searched: bool
    hinted: bool
    """Whether the search is the end of some token."""
    continued: bool
    """Whether only what is older than a key is asked for."""


_seq: ColumnElement[int] = column("seq")
_status: ColumnElement[str] = column("status")
_name: ColumnElement[str] = column("name_folded")
_creator: ColumnElement[str] = column("creator_tag")
_workspace = column("workspace_id") == bindparam("workspace")
# Keys without expiry come last, as the latest to expire.
_expiry: ColumnElement[Any] = func.coalesce(column("expires_at"), literal_column("9223372036854775807"))
_ORDER: Final[dict[KeySort, tuple[ColumnElement[Any], str]]] = {
    "createdAt": (column("created_at"), "ix_api_key_created"),
    "keyName": (_name, "ix_api_key_name"),
    "status": (_status, "ix_api_key_status"),
    "lastUsedAt": (column("last_used_at"), "ix_api_key_last_used"),
    "updatedAt": (column("updated_at"), "ix_api_key_updated"),
    "expiresAt": (_expiry, "ix_api_key_expiry"),
    "hint": (column("hint"), "ix_api_key_hint"),
    "permissions": (column("permission_count"), "ix_api_key_permissions"),
    "chatFlows": (column("chatflow_count"), "ix_api_key_chatflows"),
    "createdBy": (column("creator_folded"), "ix_api_key_creator_name"),
}
_BOUND: Final = (
    "SELECT key_seq FROM binding INDEXED BY ix_binding_keys "
    "WHERE workspace_id = :workspace AND chatflow_id = :chatflow"
)
_START: Final[dict[Path, str]] = {
    "names": "INDEXED BY ix_api_key_search",
    "trigrams": "NOT INDEXED",
    "creator": "INDEXED BY ix_api_key_creator",
    "status": "INDEXED BY ix_api_key_status",
    "expiry": "INDEXED BY ix_api_key_expiry",
}
_OF_CHATFLOW: Final = (
    select(literal_column("1"))
    .select_from(text("binding INDEXED BY ix_binding_keys"))
    .where(
        _workspace,
        column("chatflow_id") == bindparam("chatflow"),
        column("key_seq") == literal_column("api_key.seq"),
    )
    .exists()
)
_hinted = listed("hinted")
_phrase = text("key_name_fts MATCH :phrase")
_matching: Select[tuple[int]] = select(column("rowid")).select_from(text("key_name_fts")).where(_phrase)

# The trigrams of a search tell soon whether few names can match.
COUNT_TRIGRAMS: Final = Statement(
    select(func.count()).select_from(_matching.limit(bindparam("most")).subquery())
)
# Those whom a chatflow or a creator has may be few; counting goes no further than to know that they are not.
COUNT_CREATED: Final = Statement(
    select(func.count()).select_from(
        select(literal_column("1"))
        .select_from(text("api_key INDEXED BY ix_api_key_creator"))
        .where(_workspace, _creator == bindparam("creator"))
        .limit(bindparam("most"))
        .subquery()
    )
)
# Keys by the end of a token.
BY_HINT: Final = Statement(
    select(api_key.c.seq)
    .select_from(token.join(api_key, api_key.c.id == token.c.key_id))
    .where(
        token.c.hint.in_(listed("hints")),
        token.c.workspace_id == bindparam("workspace"),
    )
)
MARK: Final = Statement(
    select(api_key.c.created_at, api_key.c.seq).where(
        api_key.c.workspace_id == bindparam("workspace"), api_key.c.id == bindparam("before")
    )
)


@cache
def walk(shape: Shape) -> Statement:
    """Return the statement for one page of row numbers, along the index of the order."""
    found = _from(f"INDEXED BY {_ORDER[shape.sort][1]}", _seq).where(*_conditions(shape))
    return _page(found, shape.sort, descending=shape.descending)


@cache
def count(shape: Shape) -> Statement:
    """Return the statement that counts what matches, without reading rows."""
    path: Path = "names" if shape.searched else "expiry"
    if shape.of_chatflow:
        path = "chatflow"
    elif shape.of_creator:
        path = "creator"
    return Statement(_begin(path, func.count()).where(*_conditions(shape, path)))


@cache
def gather(shape: Shape, path: Path) -> Statement:
    """Return the statement for the row numbers of all that match, in no order."""
    return Statement(_begin(path, _seq).where(*_conditions(shape, path)))


@cache
def pick(sort: KeySort, *, descending: bool) -> Statement:
    """Return the statement for one page of some keys, given by their row numbers."""
    some = _from("NOT INDEXED", _seq).where(_seq.in_(listed("seqs")))
    return _page(some, sort, descending=descending)


def _page(found: Select[Any], sort: KeySort, *, descending: bool) -> Statement:
    by = _ORDER[sort][0]
    order = (by.desc(), _seq.desc()) if descending else (by.asc(), _seq.asc())
    return Statement(found.order_by(*order).limit(bindparam("limit")).offset(bindparam("offset")))


def _from(index: str, *columns: ColumnElement[Any]) -> Select[Any]:
    return select(*columns).select_from(text(f"api_key {index}"))


def _begin(path: Path, *columns: ColumnElement[Any]) -> Select[Any]:
    if path != "chatflow":
        return _from(_START[path], *columns)
    # Both indexes are read in the order of the rows. The bindings are the workspace's own, and so their keys.
    return select(*columns).select_from(text(f"({_BOUND}) CROSS JOIN api_key INDEXED BY ix_api_key_row"))


def _conditions(shape: Shape, path: Path | None = None) -> list[ColumnElement[bool]]:
    conditions = _of_status(shape.status)
    if path != "chatflow":
        conditions.append(_workspace)
    if shape.of_chatflow:
        conditions.append(_seq == column("key_seq") if path == "chatflow" else _OF_CHATFLOW)
        if shape.sort == "chatFlows" and path is None:  # walking begins behind those that open none
            conditions.append(column("chatflow_count") > 0)
    if shape.of_creator:
        conditions.append(_creator == bindparam("creator"))
    if shape.searched:
        conditions.append(_named(shape, by_trigrams=path == "trigrams"))
    if shape.continued:
        mark = tuple_(bindparam("mark_at"), bindparam("mark_seq"))
        conditions.append(tuple_(column("created_at"), _seq) < mark)
    return conditions


def _of_status(status: Status | Literal["all"] | None) -> list[ColumnElement[bool]]:
    match status:
        case "all":
            return []
        case None:  # not revoked: a range, for the index that begins with the status
            return [_status < Status.REVOKED.value]
        case Status.EXPIRED:
            return [_status == Status.ACTIVE.value, _expiry <= bindparam("now")]
        case Status.ACTIVE:
            return [_status == Status.ACTIVE.value, _expiry > bindparam("now")]
        case _:
            return [_status == status.value]


def _named(shape: Shape, *, by_trigrams: bool) -> ColumnElement[bool]:
    if by_trigrams:
        return _seq.in_(union_all(_matching, _hinted) if shape.hinted else _matching)
    named = func.instr(_name, bindparam("searched")) > 0
    return or_(named, _seq.in_(_hinted)) if shape.hinted else named
