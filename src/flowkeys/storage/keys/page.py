"""A page of keys, quick with 100,000 of them.

Few matches are gathered, by what narrows most, and then sorted: that also tells how many they are. Among
many, the page is soon met by walking the index of the order, and the total is kept; a search counts it in one
pass over an index of names.
"""

import hashlib
import re
from functools import cached_property
from itertools import product
from typing import Any, Final

from sqlalchemy import bindparam, select

from flowkeys.domain.keys.api_key import Status, fold_name
from flowkeys.domain.listing import KeyQuery
from flowkeys.storage.keys import statements
from flowkeys.storage.keys.statements import Path, Shape
from flowkeys.storage.schema import key_count
from flowkeys.storage.statement import Connection, Statement, in_json

FEW: Final = 3000
"""Up to so many matches of a search are gathered and sorted."""
FEW_BOUND: Final = 1000
"""Up to so many keys of a chatflow, or of one creator, are gathered at once."""
RARE: Final = 200
"""A status that so few keys have is gathered: walking would pass by most of the others first."""

_ANY: Final = ""
"""Instead of a chatflow, in the kept counts: keys whatever they open."""
_TRIGRAM: Final = 3
_HINT = re.compile(r"(?:fl-)?[•.…*]*([0-9A-Za-z]{4})")
_COUNTS = Statement(
    select(key_count.c.status, key_count.c.total).where(
        key_count.c.workspace_id == bindparam("workspace"), key_count.c.chatflow_id == bindparam("chatflow")
    )
)


def tag_of_creator(creator_id: str | None) -> int | None:
    """Return the number that lists know a creator by: 48 bits of a hash, so that no two will share one."""
    if creator_id is None:
        return None
    return int.from_bytes(hashlib.sha256(creator_id.encode()).digest()[:6])


def fetch(connection: Connection, query: KeyQuery, now: int) -> tuple[list[int], int]:
    """Return the row numbers of the keys that the query asks for, in order, and how many match in all."""
    return _Question(connection, query, now).answer()


class _Question:
    """One query on its way: its shape, and the values that its statements take."""

    def __init__(self, connection: Connection, query: KeyQuery, now: int) -> None:
        self._connection = connection
        self._query = query
        self._searched = fold_name(query.search.strip())
        self._values: dict[str, object] = {
            "workspace": query.workspace_id,
            "chatflow": query.chatflow_id or _ANY,
            "creator": tag_of_creator(query.created_by_id),
            "now": now,
            "searched": self._searched,
            "phrase": '"' + self._searched.replace('"', '""') + '"',
        }
        hinted = self._by_hint()
        self._values["hinted"] = in_json(hinted)
        self._shape = Shape(
            sort=query.sort,
            descending=query.descending,
            status=query.status,
            of_chatflow=query.chatflow_id is not None,
            of_creator=query.created_by_id is not None,
            searched=bool(self._searched),
            hinted=bool(hinted),
            continued=False,
        )

    def answer(self) -> tuple[list[int], int]:
        """Return the page and the total."""
        if self._query.before is not None:
            return self._continued(), self._total
        path = self._narrowest()
        if path is None:
            total = self._total
            if not self._searched or total > FEW:
                return self._walk(total), total
            path = "names"
        found, total = self._connection.some(statements.gather(self._shape, path), self._values, FEW)
        if total > len(found):
            return self._walk(total), total
        query = self._query
        rows = self._rows(
            statements.pick(query.sort, descending=query.descending),
            seqs=in_json([seq for (seq,) in found]),
            limit=query.limit,
            offset=query.offset,
        )
        return [seq for (seq,) in rows], total

    def _narrowest(self) -> Path | None:
        """Return where to gather what matches, or None where many are likely: then counting comes first."""
        status = self._shape.status
        owned = self._few_owned()
        if owned is not None:
            return owned
        if self._searched:
            if self._trigrams and self._few_trigrams():
                return "trigrams"
            if self._shape.of_chatflow:
                return "chatflow"
            if self._shape.of_creator:
                return "creator"
            letter = len(self._searched) == 1 and self._searched.isascii()
            return None if status in {None, "all"} and (self._trigrams or letter) else "names"
        if self._shape.of_creator:
            return None
        if status not in {None, "all"} and self._total <= RARE:
            return "expiry" if status is Status.EXPIRED else "status"
        return None

    def _few_owned(self) -> Path | None:
        """Return the filter that leaves few keys, whatever else is asked."""
        if self._shape.of_chatflow and sum(self._kept.values()) <= FEW_BOUND:
            return "chatflow"
        if self._shape.of_creator:
            ((created,),) = self._rows(statements.COUNT_CREATED, most=FEW_BOUND + 1)
            if created <= FEW_BOUND:
                return "creator"
        return None

    @property
    def _trigrams(self) -> bool:
        """Whether the index of trigrams knows what is searched."""
        return len(self._searched) >= _TRIGRAM and "\0" not in self._searched

    def _few_trigrams(self) -> bool:
        ((found,),) = self._rows(statements.COUNT_TRIGRAMS, most=FEW + 1)
        return bool(found <= FEW)

    @cached_property
    def _kept(self) -> dict[str, int]:
        return dict(self._rows(_COUNTS))

    @cached_property
    def _total(self) -> int:
        """Return how many match: from the kept counts, as far as they know."""
        if self._searched or self._shape.of_creator or self._shape.status is Status.EXPIRED:
            return self._count(self._shape)
        match self._shape.status:
            case "all":
                return sum(self._kept.values())
            case None:
                return self._kept.get(Status.ACTIVE, 0) + self._kept.get(Status.DISABLED, 0)
            case Status.ACTIVE:
                expired = self._count(self._shape._replace(status=Status.EXPIRED))
                return self._kept.get(Status.ACTIVE, 0) - expired
            case status:
                return self._kept.get(status, 0)

    def _count(self, shape: Shape) -> int:
        ((counted,),) = self._rows(statements.count(shape))
        return int(counted)

    def _walk(self, total: int) -> list[int]:
        """Walk to the page from the end that is nearer to it."""
        query = self._query
        limit = min(query.limit, total - query.offset)
        if limit <= 0:
            return []
        after = total - query.offset - limit
        if after >= query.offset:
            rows = self._rows(statements.walk(self._shape), limit=limit, offset=query.offset)
            return [seq for (seq,) in rows]
        backwards = self._shape._replace(descending=not query.descending)
        rows = self._rows(statements.walk(backwards), limit=limit, offset=after)
        return [seq for (seq,) in reversed(rows)]

    def _continued(self) -> list[int]:
        """Return what comes after a key, newest first. Times alone do not tell: two keys may share one."""
        mark = self._rows(statements.MARK, before=self._query.before)
        if not mark:
            return []
        ((at, seq),) = mark
        statement = statements.walk(self._shape._replace(continued=True))
        query = self._query
        rows = self._rows(statement, mark_at=at, mark_seq=seq, limit=query.limit, offset=query.offset)
        return [seq for (seq,) in rows]

    def _by_hint(self) -> list[int]:
        """Return the keys with a token that ends in what is searched. Folding the search lost its case."""
        match = _HINT.fullmatch(self._searched)
        if match is None:
            return []
        cases = {"".join(letters) for letters in product(*((c, c.upper()) for c in match[1]))}
        rows = self._rows(statements.BY_HINT, hints=in_json(sorted(cases)))
        return [seq for (seq,) in rows]

    def _rows(self, statement: Statement, **values: object) -> list[Any]:
        return self._connection.rows(statement, {**self._values, **values})
