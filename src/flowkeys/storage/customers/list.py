"""Lists of customers, read from one index: their rows also hold the operator's own, to read past."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, func, nulls_first, nulls_last, or_, select

from flowkeys.domain.customers.customer import CustomerStatus
from flowkeys.domain.keys.api_key import fold_name
from flowkeys.domain.listing import CustomerQuery
from flowkeys.storage.elements import position
from flowkeys.storage.schema import customer
from flowkeys.storage.statement import Connection, Statement

_c = customer.c
_ORDERS: Final[dict[str, ColumnElement[Any]]] = {
    "createdAt": _c.seq,
    "name": _c.name_folded,
    "externalId": _c.external_id,
    "status": _c.status,
    "keys": _c.key_count,
    "updatedAt": _c.updated_at,
}
_MARK = Statement(
    select(_c.seq).where(_c.workspace_id == bindparam("workspace"), _c.id == bindparam("before"))
)


def fetch(connection: Connection, query: CustomerQuery) -> tuple[list[int], int]:
    """Return the row numbers of the customers that the query asks for, in order, and how many match."""
    found = _matching(query)
    picked = found.limit(query.limit).offset(query.offset)
    if query.before is not None:
        mark = connection.row(_MARK, {"workspace": query.workspace_id, "before": query.before})
        if mark is None:
            return [], _total(connection, found)
        picked = picked.where(_c.seq < mark[0])
    seqs = [seq for (seq,) in connection.query(picked)]
    if query.before is None and len(seqs) < query.limit and (seqs or not query.offset):
        return seqs, query.offset + len(seqs)  # the last page tells how many there are
    return seqs, _total(connection, found)


def _total(connection: Connection, found: Select[tuple[int]]) -> int:
    ((total,),) = connection.query(found.with_only_columns(func.count()).order_by(None))
    return int(total)


def _matching(query: CustomerQuery) -> Select[tuple[int]]:
    found = select(_c.seq).where(_c.workspace_id == query.workspace_id)
    if query.external_id is not None:
        found = found.where(_c.external_id == query.external_id)
    if query.status is None:
        found = found.where(_c.status != CustomerStatus.REVOKED.value)
    elif query.status != "all":
        found = found.where(_c.status == query.status)
    if searched := query.search.strip():
        by_name = position(_c.name_folded, fold_name(searched)) > 0
        # External ids are not kept folded: what is searched is compared as it is, and whatever ASCII's case.
        by_id = position(func.lower(_c.external_id), searched.lower()) > 0
        found = found.where(or_(by_name, by_id, position(_c.external_id, searched) > 0))
    by = _ORDERS[query.sort]
    if query.sort == "externalId":  # those without one come before the others, on both databases
        first = nulls_last(by.desc()) if query.descending else nulls_first(by.asc())
    else:
        first = by.desc() if query.descending else by.asc()
    return found.order_by(first, _c.seq.desc() if query.descending else _c.seq.asc())
