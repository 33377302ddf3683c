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
    select,
    text,
    tuple_,
)

from flowkeys.domain.keys.api_key import Status
from flowkeys.domain.listing import KeySort
from flowkeys.storage.schema import api_key, token
from flowkeys.storage.statement import Statement, listed


class Shape(NamedTuple):
    """What a walk along the index of an order consists of, without its values."""

    sort: KeySort
    descending: bool
    status: Status | Literal["all"] | None
    of_chatflow: bool
    of_creator: bool
    is_picked: bool
    """Whether the walk itself picks the page; else its rows are looked up in a set."""
    is_named: bool
    """Whether only keys are asked for whose names have what is searched."""
    is_continued: bool
    """Whether only what is older than a key is asked for."""


_seq: ColumnElement[int] = column("seq")
_status: ColumnElement[str] = column("status")
_name: ColumnElement[str] = column("name_folded")
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
_named = func.instr(_name, bindparam("searched")) > 0
_some = _seq.in_(listed("seqs"))

# Keys by a part of the name: by trigrams, in the order of the rows; some keys; or all that have not got it.
BY_TRIGRAMS: Final = Statement(
    select(column("rowid"))
    .select_from(text("key_name_fts"))
    .where(text("key_name_fts MATCH :phrase"))
    .order_by(column("rowid"))
)
_BY_ROW = text("api_key INDEXED BY ix_api_key_row")
NAMED: Final = Statement(select(_seq).select_from(_BY_ROW).where(_some, _named))
NOT_NAMED: Final = Statement(
    select(_seq).select_from(text("api_key INDEXED BY ix_api_key_name")).where(_workspace, ~_named)
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
_expired = (_status == Status.ACTIVE.value, _expiry <= bindparam("now"))
_BY_EXPIRY = text("api_key INDEXED BY ix_api_key_expiry")
COUNT_EXPIRED: Final = Statement(select(func.count()).select_from(_BY_EXPIRY).where(_workspace, *_expired))
EXPIRED: Final = Statement(select(_seq).select_from(_BY_EXPIRY).where(_workspace, *_expired))
EXPIRED_OF: Final = Statement(select(_seq).select_from(_BY_ROW).where(_some, *_expired))
MARK: Final = Statement(
    select(api_key.c.created_at, api_key.c.seq).where(
        api_key.c.workspace_id == bindparam("workspace"), api_key.c.id == bindparam("before")
    )
)


@cache
def walk(shape: Shape) -> Statement:
    """Return the statement for row numbers along the index of the order: for a page of them, if picked."""
    found = _from(f"INDEXED BY {_ORDER[shape.sort][1]}").where(_workspace, *_conditions(shape))
    ordered = _ordered(found, shape.sort, descending=shape.descending)
    return _page(ordered) if shape.is_picked else Statement(ordered)


@cache
def pick(sort: KeySort, *, descending: bool) -> Statement:
    """Return the statement for one page of some keys, given by their row numbers."""
    return _page(_ordered(_from("NOT INDEXED").where(_some), sort, descending=descending))


def _page(found: Select[Any]) -> Statement:
    return Statement(found.limit(bindparam("limit")).offset(bindparam("offset")))


def _ordered(found: Select[Any], sort: KeySort, *, descending: bool) -> Select[Any]:
    by = _ORDER[sort][0]
    return found.order_by(*((by.desc(), _seq.desc()) if descending else (by.asc(), _seq.asc())))


def _from(index: str) -> Select[Any]:
    return select(_seq).select_from(text(f"api_key {index}"))


def _conditions(shape: Shape) -> list[ColumnElement[bool]]:
    conditions = _of_status(shape.status)
    if shape.of_chatflow and shape.sort == "chatFlows":  # walking begins behind those that open none
        conditions.append(column("chatflow_count") > 0)
    if shape.of_creator:
        conditions.append(column("creator_tag") == bindparam("creator"))
    if shape.is_named and shape.sort == "keyName":  # names that have it lie close together
        conditions.append(_named)
    if shape.is_continued:
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
            return [*_expired]
        case Status.ACTIVE:
            return [_status == Status.ACTIVE.value, _expiry > bindparam("now")]
        case _:
            return [_status == status.value]
