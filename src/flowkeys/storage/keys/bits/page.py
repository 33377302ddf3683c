"""A page of keys on PostgreSQL, quick with 100,000 of them.

What matches is a set, put together from those of `bits`: that tells how many there are. Few are sorted; among
many, the page is soon met by walking the index of the order, which passes by what is not in the set. `page`
does the same on SQLite, with what triggers keep there.
"""

from functools import cached_property
from typing import Final

from flowkeys.domain.keys.api_key import ApiKey, Status, fold_name
from flowkeys.domain.listing import KeyQuery, Page
from flowkeys.storage.keys import hints, stored
from flowkeys.storage.keys.bits import bits, statements
from flowkeys.storage.keys.bits.bits import Key
from flowkeys.storage.keys.bits.remembered import Kept, Remembered
from flowkeys.storage.keys.makers import tag_of_creator
from flowkeys.storage.keys.sets import KeySet
from flowkeys.storage.keys.statements import MARK
from flowkeys.storage.statement import Connection, Query, Row, Statement

FEW: Final = 1000
"""Up to so many keys are read to be sorted, or looked at one by one."""
_PAIRS: Final = 6
"""So many pairs of letters of what is searched tell enough of where it may be."""
_BY_TIME: Final = (Status.ACTIVE, Status.EXPIRED)
_NAMED: Final = "named:"
"""The beginning of what the keys are remembered as whose names have a text: of no mark in the database."""


def fetch(connection: Connection, query: KeyQuery, now: int) -> Page[ApiKey]:
    """Return the page that the query asks for, with how many keys match in all."""
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
        self._found: dict[Statement, list[Row]] = {}
        """What was asked for together with the sets."""

    def answer(self) -> Page[ApiKey]:
        """Return the page and the total."""
        query = self._query
        matching = self._matching()
        total = len(matching)
        if query.before is not None:
            return Page(self._continued(matching), total)
        limit = min(query.limit, total - query.offset)
        if limit <= 0:
            return Page([], total)
        if total <= FEW:
            return Page(self._keys(statements.pick(query.sort, query.descending), seqs=[*matching]), total)
        after = total - query.offset - limit
        if after >= query.offset:
            return Page(self._walk(matching, limit, query.offset, descending=query.descending), total)
        # From the end that is nearer, and never past the last that matches.
        return Page(self._walk(matching, limit, after, descending=not query.descending)[::-1], total)

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
        more = self._more()
        known, found = bits.find(self._connection, query.workspace_id, marks, more)
        self._found = {statement: rows for (statement, _), rows in zip(more, found, strict=True)}
        matching = self._read(known, statuses, wanted) - known.unread
        new = [key.seq for key in known.keys if self._is_wanted(key)]
        return matching | KeySet.of(new) if new else matching

    def _more(self) -> list[Query]:
        """Return what is asked for together with the sets."""
        query = self._query
        more: list[Query] = []
        if query.status in _BY_TIME:
            more.append((statements.ENDED_SINCE, {**self._values, "now": self._now}))
        if query.expires_by is not None:
            more.append((statements.ENDING, {**self._values, "after": self._now, "until": query.expires_by}))
        if meant := hints.meant(self._searched):
            more.append((statements.HINTED, {**self._values, "hints": meant}))
        if query.before is not None:
            more.append((MARK, {**self._values, "before": query.before}))
        return more

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
            found &= self._set(statements.ENDING)
        if self._searched:
            found = self._named(found, known) | found & self._hinted
        return found

    def _expired(self, expired: KeySet, until: int) -> KeySet:
        """Return the keys that have expired, by what sets say and what time did since; it may go back."""
        since = self._set(statements.ENDED_SINCE)
        return expired | since if until <= self._now else expired - since

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

    def _named(self, found: KeySet, known: bits.Known) -> KeySet:
        """Return those of some keys whose names have what is searched.

        Which keys' names have it is remembered, but of those that had changed by then: their names are not
        those that the sets are of.
        """
        if not _is_text(self._searched):
            return KeySet({})
        likely = known.sets[self._letters[0]]
        for mark in self._letters[1:]:
            likely &= known.sets[mark]
        if len(self._searched) <= bits.LONGEST:
            return found & likely
        remembered: Remembered = self._connection.remembered
        name = self._query.workspace_id, _NAMED + self._searched
        kept = remembered.get(known.version, name)
        if kept is not None and not kept.without - known.unread:
            return found & kept.keys
        few = found & likely
        if len(few) <= FEW < len(likely):
            return self._compared(few)
        kept = Kept(self._compared(likely), known.unread)
        remembered.put(known.version, name, kept)
        return found & kept.keys

    def _compared(self, likely: KeySet) -> KeySet:
        """Return those whose names have what is searched, of some whose names have its letters."""
        flags = likely.packed()
        if flags is None or len(likely) <= FEW:
            found = self._rows(statements.NAMED_OF, seqs=[*likely])
        else:
            values = {**self._values, "flags": flags, "last": len(flags) * 8 - 1}
            _, found, _ = self._connection.several(
                [(statements.WALK, {}), (statements.NAMED_AMONG, values), (statements.ANY_PLAN, {})]
            )
        return KeySet.of(found[0][0] or [])

    @cached_property
    def _hinted(self) -> KeySet:
        """Return the keys with a token that ends in what is searched."""
        return KeySet.of([seq for (seq,) in self._found.get(statements.HINTED, ())])

    def _continued(self, matching: KeySet) -> list[ApiKey]:
        """Return what comes after a key, newest first. Times alone do not tell: two keys may share one."""
        mark = self._found[MARK]
        if not mark:
            return []
        ((at, seq),) = mark
        query = self._query
        return self._walk(matching, query.limit, query.offset, descending=True, mark_at=at, mark_seq=seq)

    def _walk(
        self, matching: KeySet, limit: int, offset: int, *, descending: bool, **mark: object
    ) -> list[ApiKey]:
        """Return what matches along the index of the order, from an offset on."""
        flags = matching.packed()
        if flags is None:
            among: dict[str, object] = {"seqs": [*matching]}
        else:
            among = {"flags": flags, "last": len(flags) * 8 - 1}
        statement = statements.along(self._query.sort, descending, flags is not None, bool(mark))
        return self._keys(statement, is_along=True, **among, **mark, limit=limit, offset=offset)

    def _keys(self, statement: Statement, *, is_along: bool = False, **values: object) -> list[ApiKey]:
        """Return the keys that a statement picks, in its order."""
        picking: list[Query] = [(statement, {**self._values, **values})]
        if is_along:
            picking = [(statements.WALK, {}), *picking, (statements.ANY_PLAN, {})]
        reading = [(each, self._values) for each in statements.READ_PAGE]
        *picked, rows, of_bindings, of_rotations = self._connection.several([*picking, *reading])
        ((seqs,),) = picked[1 if is_along else 0]
        by_seq = {row[-1]: row[:-1] for row in rows}
        found = [by_seq[seq] for seq in map(int, filter(None, seqs[1:-1].split(",")))]
        return stored.keys(self._connection, found, of_bindings, of_rotations)

    def _set(self, statement: Statement) -> KeySet:
        return KeySet.of(self._found[statement][0][0] or [])

    def _rows(self, statement: Statement, **values: object) -> list[Row]:
        return self._connection.rows(statement, {**self._values, **values})


def _is_text(value: str) -> bool:
    """Tell whether the database can have a text; what is no text at all is an error here as on SQLite."""
    return b"\0" not in value.encode()
