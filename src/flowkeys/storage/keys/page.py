"""A page of keys, quick with 100,000 of them.

What matches is a set, put together from those that are kept of statuses, creators, chatflows, customers and
letters: that tells how many there are. Few are sorted; among many, the page is soon met by walking the index
of the order. A list without search and creator need not know the set of its keys: its total is kept.
"""

from functools import cached_property
from typing import Any, Final

from sqlalchemy import bindparam, select

from flowkeys.domain.keys.api_key import Status, fold_name
from flowkeys.domain.listing import KeyQuery
from flowkeys.storage.keys import hints, letters, sets, statements
from flowkeys.storage.keys.makers import tag_of_creator
from flowkeys.storage.keys.sets import KeySet
from flowkeys.storage.keys.statements import Shape
from flowkeys.storage.schema import key_count
from flowkeys.storage.statement import Connection, Statement, in_json

FEW: Final = 3000
"""Up to so many keys are looked at one by one, or sorted, where an index of the rows has all it takes."""
FEW_ROWS: Final = 1000
"""Up to so many rows are read, from all over the table, to be sorted."""
RARE: Final = 200
"""Where so few have a status, they are sorted: walking would pass by most of the others first."""
SAMPLE: Final = 3000
"""After so many matches of an index of trigrams it is estimated how many there are."""

_LEAST: Final = -(1 << 63)
_ALL: Final = -1
"""As a limit: none."""
_ANY: Final = ""
"""Instead of a chatflow, in the kept counts: keys whatever they open."""
_BY_TIME: Final = (Status.ACTIVE, Status.EXPIRED)
_COUNTS = Statement(
    select(key_count.c.status, key_count.c.total).where(
        key_count.c.workspace_id == bindparam("workspace"), key_count.c.chatflow_id == bindparam("chatflow")
    )
)


def fetch(connection: Connection, query: KeyQuery, now: int) -> tuple[list[int], int]:
    """Return the row numbers of the keys that the query asks for, in order, and how many match in all."""
    return _Question(connection, query, now).answer()


class _Question:
    """One query on its way: its shape, and the values that its statements take."""

    def __init__(self, connection: Connection, query: KeyQuery, now: int) -> None:
        self._connection = connection
        self._query = query
        self._searched = fold_name(query.search.strip())
        self._tag = tag_of_creator(query.created_by_id)
        self._values: dict[str, object] = {
            "workspace": query.workspace_id,
            "chatflow": query.chatflow_id or _ANY,
            "creator": self._tag,
            "now": now,
            "searched": self._searched,
            "phrase": '"' + self._searched.replace('"', '""') + '"',
        }
        self._shape = Shape(
            sort=query.sort,
            descending=query.descending,
            status=query.status,
            of_chatflow=query.chatflow_id is not None,
            of_creator=query.created_by_id is not None,
            within=None,
            is_continued=False,
        )

    def answer(self) -> tuple[list[int], int]:
        """Return the page and the total."""
        query = self._query
        kept = self._kept_total()
        total = len(self._matching) if kept is None else kept
        if query.before is not None:
            return self._continued(self._to_walk(kept)), total
        if kept is not None and query.chatflow_id is None:
            few = RARE
        else:
            few = FEW if query.sort in statements.BY_ROW else FEW_ROWS
        if total <= few:
            rows = self._rows(
                statements.pick(query.sort, descending=query.descending),
                seqs=in_json([*self._matching]),
                limit=query.limit,
                offset=query.offset,
            )
            return [seq for (seq,) in rows], total
        return self._walk(self._to_walk(kept), total), total

    def _to_walk(self, kept: int | None) -> Shape:
        """Return the shape of a walk; what it passes by is looked up in a set that the values hold."""
        shape = self._shape
        if kept is None:
            return self._within(self._matching, shape._replace(status="all", of_creator=False))
        return self._within(self._bound, shape) if shape.of_chatflow else shape

    def _within(self, among: KeySet, shape: Shape) -> Shape:
        flags = among.flags()
        if flags is None:
            self._values["seqs"] = in_json([*among])
            return shape._replace(within="list")
        self._values["flags"] = flags
        return shape._replace(within="flags")

    def _kept_total(self) -> int | None:
        """Return how many match: from the kept counts, or None where the set has to tell."""
        status = self._query.status
        query = self._query
        is_other = query.customer_id is not None or query.expires_by is not None
        if self._searched or self._shape.of_creator or is_other:
            return None
        if self._shape.of_chatflow and status in _BY_TIME:
            return None
        kept: dict[str, int] = dict(self._rows(_COUNTS))
        expired = self._rows(statements.COUNT_EXPIRED)[0][0] if status in _BY_TIME else 0
        match status:
            case "all":
                return sum(kept.values())
            case None:
                return kept.get(Status.ACTIVE, 0) + kept.get(Status.DISABLED, 0)
            case Status.EXPIRED:
                return int(expired)
            case _:
                return kept.get(status, 0) - int(expired)

    @cached_property
    def _matching(self) -> KeySet:
        """Return what matches."""
        query, connection = self._query, self._connection
        by_time = query.status in _BY_TIME
        found = sets.of_status(connection, query.workspace_id, Status.ACTIVE if by_time else query.status)
        if query.chatflow_id is not None:
            found &= self._bound
        if query.customer_id is not None:
            found &= sets.of_customer(connection, query.workspace_id, query.customer_id)
        if query.created_by_id is not None:
            found &= sets.of_creator(connection, query.workspace_id, self._tag)
        if query.expires_by is not None:
            found &= self._set(statements.ENDING, until=query.expires_by)
        if self._searched:
            found = self._named(found) | found & self._hinted
        if by_time:
            expired = self._expired(found)
            found = found & expired if query.status is Status.EXPIRED else found - expired
        return found

    @cached_property
    def _bound(self) -> KeySet:
        query = self._query
        return sets.of_chatflow(self._connection, query.workspace_id, query.chatflow_id or _ANY)

    def _named(self, among: KeySet) -> KeySet:
        """Return those of some keys whose names have what is searched."""
        searched = self._searched
        if len(searched) <= letters.LONGEST:
            return letters.find(self._connection, searched, among)
        if len(among) <= FEW:
            return self._some(statements.NAMED, among)
        if "\0" not in searched:  # where the index of trigrams would stop reading
            found = self._by_trigrams()
            if found is not None:
                return among & found
        return among - self._set(statements.NOT_NAMED)

    def _by_trigrams(self) -> KeySet | None:
        """Return what the index of trigrams finds; None where more than half of all keys are likely."""
        found = self._numbers(statements.BY_TRIGRAMS, after=_LEAST, most=SAMPLE)
        if len(found) == SAMPLE:
            if found[-1] - found[0] < 2 * SAMPLE:
                return None
            found += self._numbers(statements.BY_TRIGRAMS, after=found[-1], most=_ALL)
        return KeySet.of(found)

    @cached_property
    def _hinted(self) -> KeySet:
        """Return the keys with a token that ends in what is searched."""
        meant = hints.meant(self._searched)
        return self._set(statements.BY_HINT, hints=in_json(meant)) if meant else KeySet({})

    def _expired(self, among: KeySet) -> KeySet:
        if len(among) <= FEW:
            return self._some(statements.EXPIRED_OF, among)
        return self._set(statements.EXPIRED)

    def _walk(self, shape: Shape, total: int) -> list[int]:
        """Walk to the page from the end that is nearer to it, and never past the last that matches."""
        query = self._query
        limit = min(query.limit, total - query.offset)
        if limit <= 0:
            return []
        after = total - query.offset - limit
        if after >= query.offset:
            return self._along(shape, limit, query.offset)
        backwards = shape._replace(descending=not query.descending)
        return self._along(backwards, limit, after)[::-1]

    def _continued(self, shape: Shape) -> list[int]:
        """Return what comes after a key, newest first. Times alone do not tell: two keys may share one."""
        mark = self._rows(statements.MARK, before=self._query.before)
        if not mark:
            return []
        ((at, seq),) = mark
        query, shape = self._query, shape._replace(is_continued=True)
        return self._along(shape, query.limit, query.offset, mark_at=at, mark_seq=seq)

    def _along(self, shape: Shape, limit: int, offset: int, **values: object) -> list[int]:
        """Return what matches along the index of an order, from an offset on."""
        rows = self._rows(statements.walk(shape), **values, limit=limit, offset=offset)
        return [seq for (seq,) in rows]

    def _some(self, statement: Statement, among: KeySet) -> KeySet:
        return self._set(statement, seqs=in_json([*among]))

    def _set(self, statement: Statement, **values: object) -> KeySet:
        return KeySet.of(self._numbers(statement, **values))

    def _numbers(self, statement: Statement, **values: object) -> list[int]:
        return self._connection.numbers(statement, {**self._values, **values})[0]

    def _rows(self, statement: Statement, **values: object) -> list[Any]:
        return self._connection.rows(statement, {**self._values, **values})
