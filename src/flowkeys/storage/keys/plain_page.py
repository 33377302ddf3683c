"""A page of keys as PostgreSQL is asked for it: one question for the page, and one for how many match.

It puts indexes together by itself, and knows from its statistics whether many names have what is searched:
then it walks along the index of the order, and else it looks into the one of trigrams first.
"""

import re
from functools import cache
from itertools import product
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    func,
    literal_column,
    nulls_first,
    nulls_last,
    or_,
    select,
    text,
    tuple_,
)

from flowkeys.domain.keys.api_key import Status, fold_name
from flowkeys.domain.listing import KeyQuery, KeySort
from flowkeys.storage.elements import listed
from flowkeys.storage.keys.makers import tag_of_creator
from flowkeys.storage.schema import api_key, binding, token
from flowkeys.storage.statement import Connection, Statement, in_json

_HINT: Final = re.compile(r"(?:fl-)?[•.…*]*([0-9A-Za-z]{4})")
_MEANT: Final = re.compile(r"[\\%_]")
"""Characters that mean something in a pattern."""
# What is searched, and how old statistics are, differ from question to question: no plan is for all of them.
_PLAN: Final = Statement(text("SET LOCAL plan_cache_mode = force_custom_plan"))

_k = api_key.c
_expiry: ColumnElement[Any] = func.coalesce(_k.expires_at, literal_column("9223372036854775807"))
_ORDER: Final[dict[KeySort, ColumnElement[Any]]] = {
    "createdAt": _k.created_at,
    "keyName": _k.name_folded,
    "status": _k.status,
    "lastUsedAt": _k.last_used_at,
    "updatedAt": _k.updated_at,
    "expiresAt": _expiry,
    "hint": _k.hint,
    "permissions": _k.permission_count,
    "chatFlows": _k.chatflow_count,
    "createdBy": _k.creator_folded,
}
_MARK: Final = Statement(
    select(_k.created_at, _k.seq).where(
        _k.workspace_id == bindparam("workspace"), _k.id == bindparam("before")
    )
)


class _Shape(NamedTuple):
    """What a question consists of, without its values."""

    status: str | None
    of_chatflow: bool
    of_customer: bool
    of_creator: bool
    is_ending: bool
    is_searched: bool
    is_hint: bool


def fetch(connection: Connection, query: KeyQuery, now: int) -> tuple[list[int], int]:
    """Return the row numbers of the keys that the query asks for, in order, and how many match in all."""
    searched = fold_name(query.search.strip())
    hint = _HINT.fullmatch(searched)
    shape = _Shape(
        status=query.status,
        of_chatflow=query.chatflow_id is not None,
        of_customer=query.customer_id is not None,
        of_creator=query.created_by_id is not None,
        is_ending=query.expires_by is not None,
        is_searched=bool(searched),
        is_hint=hint is not None,
    )
    values: dict[str, object] = {
        "workspace": query.workspace_id,
        "chatflow": query.chatflow_id,
        "customer": query.customer_id,
        "creator": tag_of_creator(query.created_by_id),
        "now": now,
        "until": query.expires_by,
        "pattern": f"%{_MEANT.sub(lambda found: chr(92) + found[0], searched)}%",
        "hints": in_json(_cases(hint[1])) if hint else "[]",
        "limit": query.limit,
        "offset": query.offset,
    }
    connection.run(_PLAN, {})
    ((total,),) = connection.rows(_count(shape), values)
    is_continued = query.before is not None
    if is_continued:
        mark = connection.row(_MARK, {**values, "before": query.before})
        if mark is None:
            return [], int(total)
        values["mark_at"], values["mark_seq"] = mark
    elif query.offset >= total:
        return [], int(total)
    rows = connection.rows(_page(shape, query.sort, query.descending, is_continued), values)
    return [seq for (seq,) in rows], int(total)


def _cases(letters: str) -> list[str]:
    """Return the ends of tokens that are meant. Folding the search lost its case."""
    return sorted({"".join(each) for each in product(*((c, c.upper()) for c in letters))})


@cache
def _count(shape: _Shape) -> Statement:
    return Statement(_matching(select(func.count()), shape))


@cache
def _page(shape: _Shape, sort: KeySort, descending: bool, is_continued: bool) -> Statement:
    found = _matching(select(_k.seq), shape)
    if is_continued:
        found = found.where(
            tuple_(_k.created_at, _k.seq) < tuple_(bindparam("mark_at"), bindparam("mark_seq"))
        )
    by = _ORDER[sort]
    if sort == "lastUsedAt":
        order = [nulls_last(by.desc()) if descending else nulls_first(by.asc())]
    else:
        order = [by.desc() if descending else by.asc()]
    order.append(_k.seq.desc() if descending else _k.seq.asc())
    return Statement(found.order_by(*order).limit(bindparam("limit")).offset(bindparam("offset")))


def _matching(found: Select[Any], shape: _Shape) -> Select[Any]:
    found = found.select_from(api_key).where(_k.workspace_id == bindparam("workspace"), *_status(shape))
    if shape.of_chatflow:
        bound = select(binding.c.key_seq).where(
            binding.c.workspace_id == bindparam("workspace"), binding.c.chatflow_id == bindparam("chatflow")
        )
        found = found.where(_k.seq.in_(bound))
    if shape.of_customer:
        found = found.where(_k.customer_id == bindparam("customer"))
    if shape.of_creator:
        found = found.where(_k.creator_tag == bindparam("creator"))
    if shape.is_ending:
        found = found.where(_expiry > bindparam("now"), _expiry <= bindparam("until"))
    if shape.is_searched:
        named = _k.name_folded.like(bindparam("pattern"))
        found = found.where(or_(named, _k.id.in_(_hinted())) if shape.is_hint else named)
    return found


def _hinted() -> Select[Any]:
    """Return the keys with a token that ends in what is searched."""
    return select(token.c.key_id).where(
        token.c.hint.in_(listed("hints")), token.c.workspace_id == bindparam("workspace")
    )


def _status(shape: _Shape) -> list[ColumnElement[bool]]:
    match shape.status:
        case "all":
            return []
        case None:
            return [_k.status < Status.REVOKED.value]
        case Status.EXPIRED:
            return [_k.status == Status.ACTIVE.value, _expiry <= bindparam("now")]
        case Status.ACTIVE:
            return [_k.status == Status.ACTIVE.value, _expiry > bindparam("now")]
        case _:
            return [_k.status == shape.status]
