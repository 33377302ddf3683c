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
from flowkeys.storage.elements import listed
from flowkeys.storage.keys.sets import FLAGGED
from flowkeys.storage.schema import api_key, token
from flowkeys.storage.statement import Statement, as_list


class Shape(NamedTuple):
    """What a walk along the index of an order consists of, without its values."""

    sort: KeySort
    descending: bool
    status: Status | Literal["all"] | None
    of_chatflow: bool
    of_creator: bool
    within: Literal["flags", "list"] | None
    """How a set is given that only keys are asked for of."""
    is_continued: bool
    """Whether only what is older than a key is asked for."""


_seq: ColumnElement[int] = column("seq")
_status: ColumnElement[str] = column("status")
_name: ColumnElement[str] = column("name_folded")
_workspace_id: ColumnElement[str] = column("workspace_id")
_workspace = _workspace_id == bindparam("workspace")
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
BY_ROW: Final[frozenset[KeySort]] = frozenset({"keyName", "status", "expiresAt"})
"""What the index by row number holds of what keys are sorted by."""
_named = func.instr(_name, bindparam("searched")) > 0
_some = _seq.in_(listed("seqs"))

# Keys by a part of the name: by trigrams, the next so many in the order of the rows; some keys; or all that
# have not got it.
_next = (
    select(column("rowid"))
    .select_from(text("key_name_fts"))
    .where(text("key_name_fts MATCH :phrase"), column("rowid") > bindparam("after"))
    .order_by(column("rowid"))
    .limit(bindparam("most"))
    .subquery()
)
BY_TRIGRAMS: Final = Statement(select(as_list(_next.c.rowid)))
_BY_ROW = text("api_key INDEXED BY ix_api_key_row")
NAMED: Final = Statement(select(as_list(_seq)).select_from(_BY_ROW).where(_some, _named))
NOT_NAMED: Final = Statement(
    select(as_list(_seq)).select_from(text("api_key INDEXED BY ix_api_key_name")).where(_workspace, ~_named)
)
# Keys by the end of a token.
BY_HINT: Final = Statement(
    select(as_list(api_key.c.seq))
    .select_from(token.join(api_key, api_key.c.id == token.c.key_id))
    .where(
        token.c.hint.in_(listed("hints")),
        token.c.workspace_id == bindparam("workspace"),
    )
)
_expired = (_status == Status.ACTIVE.value, _expiry <= bindparam("now"))
_BY_EXPIRY = text("api_key INDEXED BY ix_api_key_expiry")
COUNT_EXPIRED: Final = Statement(select(func.count()).select_from(_BY_EXPIRY).where(_workspace, *_expired))
EXPIRED: Final = Statement(select(as_list(_seq)).select_from(_BY_EXPIRY).where(_workspace, *_expired))
ENDING: Final = Statement(
    select(as_list(_seq))
    .select_from(_BY_EXPIRY)
    .where(_workspace, _expiry > bindparam("now"), _expiry <= bindparam("until"))
)
EXPIRED_OF: Final = Statement(select(as_list(_seq)).select_from(_BY_ROW).where(_some, *_expired))
MARK: Final = Statement(
    select(api_key.c.created_at, api_key.c.seq).where(
        api_key.c.workspace_id == bindparam("workspace"), api_key.c.id == bindparam("before")
    )
)


@cache
def walk(shape: Shape) -> Statement:
    """Return the statement for a page of row numbers along the index of the order.

    Where it can, it says at which end of the workspace the walk begins, and not where it ends: to compare
    that costs as much as all else that is done for a key which is passed by. Whoever asks for no more keys
    than there are does not get to the next workspace.
    """
    found = _from(f"INDEXED BY {_ORDER[shape.sort][1]}").where(*_conditions(shape))
    if _is_sought(shape):
        found = found.where(_workspace)
    elif shape.descending:
        found = found.where(_workspace_id <= bindparam("workspace")).order_by(_workspace_id.desc())
    else:
        found = found.where(_workspace_id >= bindparam("workspace")).order_by(_workspace_id)
    return _page(_ordered(found, shape.sort, descending=shape.descending))


def _is_sought(shape: Shape) -> bool:
    """Tell whether the index finds more than the workspace: what is asked for lies in one piece of it."""
    of_order = shape.sort in {"status", "expiresAt"} and shape.status != "all"
    return of_order or shape.is_continued or _has_some(shape)


def _has_some(shape: Shape) -> bool:
    return shape.of_chatflow and shape.sort == "chatFlows"


@cache
def pick(sort: KeySort, *, descending: bool) -> Statement:
    """Return the statement for one page of some keys, given by their row numbers."""
    index = "INDEXED BY ix_api_key_row" if sort in BY_ROW else "NOT INDEXED"
    return _page(_ordered(_from(index).where(_some), sort, descending=descending))


def _page(found: Select[Any]) -> Statement:
    return Statement(found.limit(bindparam("limit")).offset(bindparam("offset")))


def _ordered(found: Select[Any], sort: KeySort, *, descending: bool) -> Select[Any]:
    by = _ORDER[sort][0]
    return found.order_by(*((by.desc(), _seq.desc()) if descending else (by.asc(), _seq.asc())))


def _from(index: str) -> Select[Any]:
    return select(_seq).select_from(text(f"api_key {index}"))


def _conditions(shape: Shape) -> list[ColumnElement[bool]]:
    conditions = _of_status(shape.status)
    if _has_some(shape):  # walking begins behind those that open none
        conditions.append(column("chatflow_count") > 0)
    if shape.of_creator:
        conditions.append(column("creator_tag") == bindparam("creator"))
    if shape.within == "flags":
        flag = func.substr(bindparam("flags"), _seq, literal_column("1"))
        conditions += [flag == literal_column(f"x'{FLAGGED.hex()}'"), _seq > literal_column("0")]
    elif shape.within == "list":
        conditions.append(_some)
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
