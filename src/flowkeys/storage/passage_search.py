"""Searching the passages of one collection.

Ranked by FTS5's bm25, a word at a time: so each word weighs (idf) what it weighs in this collection, and what
other workspaces keep in the same full-text table changes nothing. Then relevance: a passage counts when it
holds enough of what was asked, by weight. A word that occurs nowhere in the collection weighs most, so that
"What is the capital of France?" finds nothing in documents about an API that mention a capital letter.
"""

import itertools
import math
from collections.abc import Container
from typing import Final

import msgspec
from sqlalchemy import bindparam, func, select, text

from flowkeys.domain.documents import Hit
from flowkeys.storage.question_words import Word, words_of
from flowkeys.storage.schema import collection, document, passage
from flowkeys.storage.statement import Connection, Statement

MAX_HITS: Final = 50

_BUDGET: Final = 3_000
"""Scores worked out for one question, at one or two microseconds each. The rarest words come first; what the
others say of the passages found by these is only whether they occur."""
_PLAIN_SCORE: Final = 0.5
"""What one of the others scores where it occurs; the rare score up to 1, as bm25 has it."""
_FEW, _SHARE_OF_FEW = 3, 0.5
_MANY, _SHARE_OF_MANY = 16, 0.2
"""How much of a question of few words a passage must hold, and of one of many; in between, in proportion."""
_LAGGING: Final = 0.35
"""Passages that score less than so much of the best one's are left out."""

_SUBSTANTIAL, _HOLLOW = 200, 0.4
"""A passage of so many characters says something; an empty one's score is lowered by this part."""

_scope = (
    passage.c.workspace_id == bindparam("workspace"),
    passage.c.collection_id == bindparam("collection"),
)
_EXTENT = Statement(
    select(
        *(
            select(of(passage.c.seq)).where(passage.c.collection_id == collection.c.id).scalar_subquery()
            for of in (func.min, func.max, func.count)
        )
    ).where(collection.c.workspace_id == bindparam("workspace"), collection.c.id == bindparam("collection"))
)
_MEMBERS = Statement(select(passage.c.seq).where(passage.c.collection_id == bindparam("collection")))
# No joins here: SQLite would run the full-text query once for each passage.
_FOUND = "FROM passage_fts WHERE passage_fts MATCH :match AND rowid BETWEEN :first AND :last"
_COUNT = Statement(text(f"SELECT count(*) {_FOUND}"))
_ROWS = Statement(text(f"SELECT rowid, 1.0 {_FOUND}"))
_SCORES = Statement(text(f"SELECT rowid, -bm25(passage_fts, 3.0, 1.0) {_FOUND}"))
_HIT = Statement(
    select(document.c.source, passage.c.heading, passage.c.content, passage.c.document_id, passage.c.position)
    .join_from(passage, document, document.c.id == passage.c.document_id)
    .where(passage.c.seq == bindparam("seq"), *_scope)
)


class _Found(msgspec.Struct, frozen=True):
    """Where one word of the question occurs."""

    weight: float
    scores: dict[int, float]
    """By passage, from 0 to 1."""


def search(
    connection: Connection, workspace_id: str, collection_id: str, question: str, limit: int
) -> list[Hit]:
    """Return the passages that answer `question` best, best first; none when none is relevant."""
    words = words_of(question)
    index = _Index.of(connection, workspace_id, collection_id) if words else None
    if index is None:
        return []
    found = index.look_up(words)
    needed = _share_needed(len(words)) * sum(word.weight for word in found)
    scores: dict[int, float] = {}
    shares: dict[int, float] = {}
    for word in found:
        for row, score in word.scores.items():
            scores[row] = scores.get(row, 0.0) + word.weight * score
            shares[row] = shares.get(row, 0.0) + word.weight
    relevant = [(-score, row) for row, score in scores.items() if shares[row] >= needed]
    limit = max(0, min(limit, MAX_HITS))
    hits = [index.hit(row, -score) for score, row in sorted(relevant)[: 2 * limit]]
    hits.sort(key=lambda hit: -hit.score)
    return [hit for hit in hits[:limit] if hit.score >= _LAGGING * hits[0].score]


def _share_needed(words: int) -> float:
    part = min(1.0, max(0, words - _FEW) / (_MANY - _FEW))
    return _SHARE_OF_FEW + part * (_SHARE_OF_MANY - _SHARE_OF_FEW)


class _Index:
    """The full-text table as one collection sees it."""

    def __init__(
        self, connection: Connection, scope: dict[str, str], first: int, last: int, count: int
    ) -> None:
        self._connection = connection
        self._scope = scope
        self._range = {"first": first, "last": last}
        self._count = count
        self._filling = count / (last - first + 1)
        self._members: Container[int] = range(first, last + 1)
        if self._filling < 1:  # other collections' passages lie in between
            self._members = {row for (row,) in connection.rows(_MEMBERS, scope)}

    @classmethod
    def of(cls, connection: Connection, workspace_id: str, collection_id: str) -> "_Index | None":
        """Return the index of a collection, or None when it is empty or not the workspace's."""
        scope = {"workspace": workspace_id, "collection": collection_id}
        extent = connection.row(_EXTENT, scope)
        return cls(connection, scope, *extent) if extent and extent[2] else None

    def look_up(self, words: list[Word]) -> list[_Found]:
        """Find each word: the rare wherever they occur, the others only beside these."""
        counted = sorted(((self._estimate(word), word) for word in words), key=lambda pair: pair[0])
        totals = itertools.accumulate(count for count, _ in counted)
        rare = max(1, sum(total <= _BUDGET for total in totals))
        found = [self._found(self._scores(_SCORES, word.match)) for _, word in counted[:rare]]
        beside = " OR ".join(word.match for _, word in counted[:rare])
        for count, word in counted[rare:]:
            rows = self._scores(_ROWS, f"({word.match}) AND ({beside})")
            found.append(_Found(self._weight(count), dict.fromkeys(rows, _PLAIN_SCORE)))
        return found

    def hit(self, row: int, score: float) -> Hit:
        """Return a passage; its score is lowered where it says next to nothing below a fitting heading."""
        values = self._connection.row(_HIT, {**self._scope, "seq": row})
        assert values is not None
        source, heading, content, document_id, position = values
        substance = min(1.0, len(content) / _SUBSTANTIAL)
        score *= 1 - _HOLLOW * (1 - substance)
        return Hit(source, heading, content, score, document_id, position)

    def _estimate(self, word: Word) -> float:
        row = self._connection.row(_COUNT, {"match": word.match, **self._range})
        return row[0] * self._filling if row else 0.0

    def _scores(self, statement: Statement, match: str) -> dict[int, float]:
        rows = self._connection.rows(statement, {"match": match, **self._range})
        return {row: score for row, score in rows if row in self._members}

    def _found(self, scores: dict[int, float]) -> _Found:
        top = max(scores.values(), default=1.0)
        return _Found(self._weight(len(scores)), {row: score / top for row, score in scores.items()})

    def _weight(self, passages: float) -> float:
        """Return the idf of a word that occurs in so many of the collection's passages."""
        return math.log(1 + (self._count - passages + 0.5) / (passages + 0.5))
