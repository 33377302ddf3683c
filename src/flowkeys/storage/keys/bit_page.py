"""A page of keys on PostgreSQL, quick with 100,000 of them.

What matches is a set, put together from those of `bits`: that tells how many there are. Few are sorted; among
many, the page is soon met by walking the index of the order, which passes by what is not in the set. `page`
does the same on SQLite, with what triggers keep there.
"""

from functools import cache, cached_property
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

from flowkeys.domain.keys.api_key import Status, fold_name
from flowkeys.domain.listing import KeyQuery, KeySort
from flowkeys.storage.keys import bits, hints
from flowkeys.storage.keys.bits import Key
from flowkeys.storage.keys.makers import tag_of_creator
from flowkeys.storage.keys.sets import KeySet
from flowkeys.storage.keys.statements import MARK
from flowkeys.storage.schema import api_key, token
from flowkeys.storage.statement import Connection, Row, Statement

FEW: Final = 1000
"""Up to so many keys are read to be sorted, or looked at one by one."""
_PAIRS: Final = 6
"""So many pairs of letters of what is searched tell enough of where it may be."""
_BY_TIME: Final = (Status.ACTIVE, Status.EXPIRED)

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
_WALK, _ANY_PLAN = (
    Statement(
        text(
            "SELECT "
            + ", ".join([_ALONE, *(f"set_config('enable_{plan}', '{way}', true)" for plan in _PLANS)])
        )
    )
    for way in ("off", "on")
)
_HINTED: Final = Statement(
    select(_k.seq)
    .select_from(token.join(api_key, _k.id == token.c.key_id))
    .where(
        text("token.hint = ANY(CAST(:hints AS text[]))"),
        token.c.workspace_id == bindparam("workspace"),
    )
)
_numbers: Final = func.array_agg(_k.seq)
_NAMED_OF: Final = Statement(select(_numbers).where(_some, _named))
_NAMED_AMONG: Final = Statement(select(_numbers).where(_flagged_and_named))
_ENDING: Final = Statement(
    select(_numbers).where(_own, _expiry > bindparam("after"), _expiry <= bindparam("until"))
)


def fetch(connection: Connection, query: KeyQuery, now: int) -> tuple[list[int], int]:
    """Return the row numbers of the keys that the query asks for, in order, and how many match in all."""
    return _Question(connection, query, now).answer()


class _Question:
    """One query on its way: what is searched, and the sets that it needs."""

    def __init__(self, connection: Connection, query: KeyQuery, now: int) -> None:
        self._connection = connection
        self._query = query
        self._now = now
        self._searched = fold_name(query.search.strip())
        self._tag = tag_of_creator(query.created_by_id)
        self._values: dict[str, object] = {
            "workspace": query.workspace_id,
            "searched": self._searched,
            "limit": query.limit,
            "offset": query.offset,
        }

    def answer(self) -> tuple[list[int], int]:
        """Return the page and the total."""
        query = self._query
        matching = self._matching()
        total = len(matching)
        if query.before is not None:
            return self._continued(matching), total
        limit = min(query.limit, total - query.offset)
        if limit <= 0:
            return [], total
        if total <= FEW:
            found = self._rows(_pick(query.sort, query.descending), seqs=[*matching])
            return [seq for (seq,) in found], total
        after = total - query.offset - limit
        if after >= query.offset:
            return self._walk(matching, limit, query.offset, descending=query.descending), total
        # From the end that is nearer, and never past the last that matches.
        return self._walk(matching, limit, after, descending=not query.descending)[::-1], total

    def _matching(self) -> KeySet:
        """Return what matches: of what was read into the sets, and of what changed since."""
        query = self._query
        wanted = [bits.of_chatflow(query.chatflow_id)] if query.chatflow_id is not None else []
        if query.customer_id is not None:
            wanted.append(bits.of_customer(query.customer_id))
        if query.created_by_id is not None:
            wanted.append(bits.of_creator(self._tag))
        statuses = bits.statuses(query.status)
        timed = [bits.EXPIRED] if query.status in _BY_TIME else []
        marks = [*statuses, *wanted, *self._letters, *timed]
        known = bits.find(self._connection, query.workspace_id, marks)
        found = self._read(known, statuses, wanted) - known.unread
        new = [key.seq for key in known.keys if self._is_wanted(key)]
        return found | KeySet.of(new) if new else found

    def _read(self, known: bits.Known, statuses: list[str], wanted: list[str]) -> KeySet:
        """Return what matches of the keys that did not change since the sets were written."""
        query, sets = self._query, known.sets
        found = sets[statuses[0]]
        for status in statuses[1:]:
            found |= sets[status]
        for mark in wanted:
            found &= sets[mark]
        if query.status in _BY_TIME:
            expired = self._expired(sets[bits.EXPIRED], known.until)
            found = found & expired if query.status is Status.EXPIRED else found - expired
        if query.expires_by is not None:
            found &= self._ending(self._now, query.expires_by)
        if self._searched:
            likely = found
            for mark in self._letters:
                likely &= sets[mark]
            found = self._named(likely) | found & self._hinted
        return found

    def _expired(self, expired: KeySet, until: int) -> KeySet:
        """Return the keys that have expired, by what sets say and what time did since; it may go back."""
        if until <= self._now:
            return expired | self._ending(until, self._now)
        return expired - self._ending(self._now, until)

    def _is_wanted(self, key: Key) -> bool:
        """Tell whether a key matches, as its row has it."""
        query = self._query
        return (
            key.workspace_id == query.workspace_id
            and self._has_status(key)
            and (query.chatflow_id is None or query.chatflow_id in (key.chatflow_ids or ()))
            and (query.customer_id is None or query.customer_id == key.customer_id)
            and (query.created_by_id is None or self._tag == key.creator_tag)
            and (query.expires_by is None or self._now < key.ends() <= query.expires_by)
            and (self._searched in key.name_folded or key.seq in self._hinted)
        )

    def _has_status(self, key: Key) -> bool:
        status = self._query.status
        if status == "all":
            return True
        if status is None:
            return key.status != Status.REVOKED
        if status in _BY_TIME:
            has_expired = key.ends() <= self._now
            return key.status == Status.ACTIVE and has_expired == (status is Status.EXPIRED)
        return key.status == status

    @cached_property
    def _letters(self) -> list[str]:
        """Return marks without which no name has what is searched."""
        if not self._searched or not _is_text(self._searched):
            return []
        # Letters with accents before all others, blanks and hyphens last: few names have the former.
        return sorted(bits.of_text(self._searched), reverse=True)[:_PAIRS]

    def _named(self, likely: KeySet) -> KeySet:
        """Return those whose names have what is searched, of some whose names have its letters."""
        if not _is_text(self._searched):
            return KeySet({})
        if len(self._searched) <= bits.LONGEST:
            return likely
        flags = likely.packed()
        if flags is None or len(likely) <= FEW:
            return self._set(_NAMED_OF, seqs=[*likely])
        return KeySet.of(self._along_index(_NAMED_AMONG, flags=flags, last=len(flags) * 8 - 1)[0][0] or [])

    @cached_property
    def _hinted(self) -> KeySet:
        """Return the keys with a token that ends in what is searched."""
        meant = hints.meant(self._searched)
        if not meant:
            return KeySet({})
        return KeySet.of([seq for (seq,) in self._rows(_HINTED, hints=meant)])

    def _ending(self, after: int, until: int) -> KeySet:
        return self._set(_ENDING, after=after, until=until)

    def _continued(self, matching: KeySet) -> list[int]:
        """Return what comes after a key, newest first. Times alone do not tell: two keys may share one."""
        mark = self._rows(MARK, before=self._query.before)
        if not mark:
            return []
        ((at, seq),) = mark
        query = self._query
        return self._walk(matching, query.limit, query.offset, descending=True, mark_at=at, mark_seq=seq)

    def _walk(
        self, matching: KeySet, limit: int, offset: int, *, descending: bool, **mark: object
    ) -> list[int]:
        """Return what matches along the index of the order, from an offset on."""
        flags = matching.packed()
        if flags is None:
            among: dict[str, object] = {"seqs": [*matching]}
        else:
            among = {"flags": flags, "last": len(flags) * 8 - 1}
        statement = _along(self._query.sort, descending, flags is not None, bool(mark))
        found = self._along_index(statement, **among, **mark, limit=limit, offset=offset)
        return [seq for (seq,) in found]

    def _along_index(self, statement: Statement, **values: object) -> list[Row]:
        _, found, _ = self._connection.several(
            [(_WALK, {}), (statement, {**self._values, **values}), (_ANY_PLAN, {})]
        )
        return found

    def _set(self, statement: Statement, **values: object) -> KeySet:
        return KeySet.of(self._rows(statement, **values)[0][0] or [])

    def _rows(self, statement: Statement, **values: object) -> list[Row]:
        return self._connection.rows(statement, {**self._values, **values})


def _is_text(value: str) -> bool:
    """Tell whether the database can have a text; what is no text at all is an error here as on SQLite."""
    return b"\0" not in value.encode()


@cache
def _pick(sort: KeySort, descending: bool) -> Statement:
    """Return the statement for one page of some keys, given by their row numbers."""
    return _page(select(_k.seq).where(_some), sort, descending=descending)


@cache
def _along(sort: KeySort, descending: bool, is_flagged: bool, is_continued: bool) -> Statement:
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
    return Statement(found.order_by(*order).limit(bindparam("limit")).offset(bindparam("offset")))
