"""The statements of a page of keys on PostgreSQL: each is compiled once.

Those that pick a page leave its row numbers in a setting of the transaction, where those that read the page
find them: one question for all of it.
"""

from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    TextClause,
    bindparam,
    func,
    literal_column,
    nulls_first,
    nulls_last,
    select,
    text,
    tuple_,
)

from flowkeys.domain.listing import KeySort
from flowkeys.storage.keys import rotations, stored
from flowkeys.storage.schema import api_key, binding, token
from flowkeys.storage.statement import Statement

_PAGE: Final = "flowkeys.page"

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
_own: Final = _k.workspace_id == bindparam("workspace")
_some: Final = text("api_key.seq = ANY(CAST(:seqs AS bigint[]))")
_on_page: Final = text(f"api_key.seq = ANY(CAST(current_setting('{_PAGE}') AS bigint[]))")
# A row number behind the last flag has none: it must not be asked for.
_IN_FLAGS: Final = "api_key.seq BETWEEN 0 AND :last"
_FLAG: Final = "get_bit(:flags, api_key.seq) = 1"
_flagged: Final = text(f"CASE WHEN {_IN_FLAGS} THEN {_FLAG} ELSE false END")
_named: Final = func.strpos(_k.name_folded, bindparam("searched")) > 0
# In one condition, so that names are compared of what is flagged alone: of two conditions the database begins
# with what it believes to be cheaper, the names of all keys.
_flagged_and_named: Final = text(
    f"CASE WHEN ({_IN_FLAGS}) IS NOT TRUE THEN false WHEN {_FLAG}"
    " THEN strpos(api_key.name_folded, :searched) > 0 ELSE false END"
)
# Walking along an index is all that is wanted: the database would rather sort what it thinks is little, or
# read every row. What comes behind that is planned as ever, but for one process: it is done before others
# have started.
_PLANS: Final = ("sort", "incremental_sort", "bitmapscan", "seqscan")
_ALONE: Final = "set_config('max_parallel_workers_per_gather', '0', true)"
WALK, ANY_PLAN = (
    Statement(
        text(
            "SELECT "
            + ", ".join([_ALONE, *(f"set_config('enable_{plan}', '{way}', true)" for plan in _PLANS)])
        )
    )
    for way in ("off", "on")
)
"""What is said before and behind statements that go along an index."""

HINTED: Final = Statement(
    select(_k.seq)
    .select_from(token.join(api_key, _k.id == token.c.key_id))
    .where(
        text("token.hint = ANY(CAST(:hints AS text[]))"),
        token.c.workspace_id == bindparam("workspace"),
    )
)
_numbers: Final = func.array_agg(_k.seq)
NAMED_OF: Final = Statement(select(_numbers).where(_some, _named))
NAMED_AMONG: Final = Statement(select(_numbers).where(_own, _flagged_and_named))
ENDING: Final = Statement(
    select(_numbers).where(_own, _expiry > bindparam("after"), _expiry <= bindparam("until"))
)
_until: Final = "coalesce((SELECT max(until) FROM key_expired), 0)"
ENDED_SINCE: Final = Statement(
    select(_numbers).where(
        _own,
        _expiry > text(f"least({_until}, CAST(:now AS bigint))"),
        _expiry <= text(f"greatest({_until}, CAST(:now AS bigint))"),
    )
)
"""What expires between now and the time up to which sets say it, whichever comes first."""

READ_PAGE: Final = (
    Statement(stored.SELECT.add_columns(_k.seq).where(_on_page, _own)),
    Statement(
        stored.BOUND_OF_ANY.where(binding.c.key_id.in_(select(_k.id).where(_on_page).scalar_subquery()))
    ),
    Statement(
        rotations.LAST_OF_ANY.where(token.c.key_id.in_(select(_k.id).where(_on_page).scalar_subquery()))
    ),
)
"""The rows of the page's keys, each with its row number behind it; their chatflows; their rotations."""


@cache
def pick(sort: KeySort, descending: bool) -> Statement:
    """Return the statement for one page of some keys, given by their row numbers."""
    return _page(select(_k.seq).where(_some), sort, descending=descending)


@cache
def along(sort: KeySort, descending: bool, is_flagged: bool, is_continued: bool) -> Statement:
    """Return the statement for a page of row numbers along the index of the order."""
    among: TextClause = _flagged if is_flagged else _some
    found = select(_k.seq).where(_own, among)
    if is_continued:
        found = found.where(
            tuple_(_k.created_at, _k.seq) < tuple_(bindparam("mark_at"), bindparam("mark_seq"))
        )
    return _page(found, sort, descending=descending)


def _page(found: Select[Any], sort: KeySort, *, descending: bool) -> Statement:
    by = _ORDER[sort]
    if sort == "lastUsedAt":
        first = nulls_last(by.desc()) if descending else nulls_first(by.asc())
    else:
        first = by.desc() if descending else by.asc()
    order = (first, _k.seq.desc() if descending else _k.seq.asc())
    page = found.order_by(*order).limit(bindparam("limit")).offset(bindparam("offset"))
    numbers = func.array(page.scalar_subquery())
    return Statement(select(func.set_config(_PAGE, numbers.op("::")(text("text")), text("true"))))
