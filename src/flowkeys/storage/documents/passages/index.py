"""The full-text table as one collection sees it.

What other workspaces keep in the same table changes nothing: each word is looked up by itself, so that it
weighs (idf) what it weighs in this collection, and its scores (FTS5's bm25) are compared among themselves.
"""

import itertools
import math
import re
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final

import msgspec
from sqlalchemy import bindparam, func, select, text

from flowkeys.domain.documents.collection import Hit
from flowkeys.storage.documents.passages.likeness import START, alike, ends, resembling, slips, splits
from flowkeys.storage.documents.passages.question import Word, matching, together
from flowkeys.storage.documents.passages.terms import UNKNOWN
from flowkeys.storage.schema import collection, document, passage
from flowkeys.storage.statement import Connection, Statement

_BUDGET: Final = 3_000
"""Scores worked out for one question, at one or two microseconds each. The rarest words come first; what the
others say of the passages found by these is only whether they occur."""
_PLAIN_SCORE: Final = 0.5
"""What one of the others scores where it occurs; the rare score up to 1, as bm25 has it."""

_SMALL, _LARGE = 12, 25
"""Passages of a collection in which hardly a word occurs by chance, and of one in which it may."""
_COMPANY: Final = 5
"""Passages that a collection is weighed among, so that a word of the only passage weighs something."""
_FLOOR: Final = 0.2
"""What a word weighs at least, of the most that one can: even "key" says something among keys."""
_UNKNOWN_IN_SMALL: Final = 0.5
"""What a word weighs that is nowhere in a small collection, of what it weighs in a large one."""
_UNKNOWN_PIECE: Final = 0.3
"""The same of a piece of a run of letters: it may have been cut where two words meet."""
_LIKE, _LIKE_IN_LARGE = 0.7, 0.4
"""What it is worth to find something like a word."""
_RESEMBLING: Final = 0.6
"""The same of something that has some of its letters, in a small collection."""
_CHARACTER: Final = 0.3
"""What it is worth to find one character of two."""

_SOME, _SOME_AT_LEAST = 0.1, 3
"""Headings that may have a stop word that means something: this part of all, or so many."""
_SUBSTANTIAL, _HOLLOW = 200, 0.4
"""A passage of so many characters says something; an empty one's score is lowered by this part."""
_FOREIGN: Final = 0.7
"""What is left of the score of a document that is in another language than the question."""

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
_LANGUAGES = Statement(
    select(document.c.languages).where(document.c.collection_id == bindparam("collection")).distinct()
)
_MEMBERS = Statement(select(passage.c.seq).where(passage.c.collection_id == bindparam("collection")))
# No joins here: SQLite would run the full-text query once for each passage.
_FOUND = "FROM passage_fts WHERE passage_fts MATCH :match AND rowid BETWEEN :first AND :last"
_COUNT = Statement(text(f"SELECT count(*) {_FOUND}"))
_ROWS = Statement(text(f"SELECT rowid, 1.0 {_FOUND}"))
_SCORES = Statement(text(f"SELECT rowid, -bm25(passage_fts, 3.0, 1.0) {_FOUND}"))
_HEADING = "heading_terms : ({})"
_VOCABULARY = Statement(
    text("SELECT term FROM passage_fts_vocabulary WHERE term >= :first AND term < :last LIMIT 5000")
)
_TERMS = Statement(
    select(passage.c.heading_terms, passage.c.content_terms).where(
        passage.c.collection_id == bindparam("collection")
    )
)
_LAST_LETTER: Final = "\U0010ffff"
_LINK: Final = re.compile(r"\[[^\]\n]*\]\([^)\n]*\)")
_HIT = Statement(
    select(
        document.c.source,
        passage.c.heading,
        passage.c.content,
        passage.c.document_id,
        passage.c.position,
        document.c.languages,
        passage.c.content_terms,
    )
    .join_from(passage, document, document.c.id == passage.c.document_id)
    .where(passage.c.seq == bindparam("seq"), *_scope)
)


class Found(msgspec.Struct, frozen=True):
    """Where one word of the question occurs."""

    weight: float
    scores: dict[int, float]
    """By passage, from 0 to 1."""
    sure: float = 1.0
    """Less than 1 where only something like it was found."""
    terms: frozenset[str] = frozenset()
    """What it was found by."""


class Index:
    """The full-text table as one collection sees it."""

    hollow: frozenset[str] = frozenset()
    """Terms that nothing is like, of the question's stop words."""

    def __init__(
        self, connection: Connection, scope: dict[str, str], first: int, last: int, count: int
    ) -> None:
        self._connection = connection
        self._scope = scope
        self._range = {"first": first, "last": last}
        self._count = count
        self._terms: set[str] = set()
        self._last_time = False
        self._filling = count / (last - first + 1)
        self._members: Container[int] = range(first, last + 1)
        if self._filling < 1:  # other collections' passages lie in between
            self._members = {row for (row,) in connection.rows(_MEMBERS, scope)}

    @classmethod
    def of(cls, connection: Connection, workspace_id: str, collection_id: str) -> "Index | None":
        """Return the index of a collection, or None when it is empty or not the workspace's."""
        scope = {"workspace": workspace_id, "collection": collection_id}
        extent = connection.row(_EXTENT, scope)
        return cls(connection, scope, *extent) if extent and extent[2] else None

    def languages(self) -> list[str]:
        """Return the languages whose stems the passages are found by."""
        rows = self._connection.rows(_LANGUAGES, self._scope)
        return sorted({language for (spoken,) in rows for language in spoken.split()} - {UNKNOWN})

    def try_hard(self) -> None:
        """From now on, take what merely resembles a word; in a small collection only: what would not?"""
        self._last_time = self._count < _LARGE

    def by_size(self, small: float, large: float = 1.0) -> float:
        """Return `small` for a small collection, `large` for a large one, and in between in proportion."""
        size = min(1.0, max(0, self._count - _SMALL) / (_LARGE - _SMALL))
        return small + size * (large - small)

    def in_headings(self, words: Iterable[Word], letters: int) -> list[Word]:
        """Return those (stop) words of so many letters that some headings have, and most have not."""
        most = max(_SOME_AT_LEAST, self._count * _SOME)
        words = [word for word in words if word.is_piece or len(word.forms[0]) >= letters]
        return [word for word in words if 0 < self._estimate(_HEADING.format(word.match)) <= most]

    def look_up(self, words: Iterable[Word]) -> list[Found]:
        """Find each word: the rare wherever they occur, the others only beside these."""
        counted = sorted(((self._estimate(word.match), word) for word in words), key=lambda pair: pair[0])
        if not counted:
            return []
        totals = itertools.accumulate(count for count, _ in counted)
        rare = max(1, sum(total <= _BUDGET for total in totals))
        found = [self._found(word) for _, word in counted[:rare]]
        beside = " OR ".join(word.match for _, word in counted[:rare])
        for count, word in counted[rare:]:
            rows = self._occurs(f"({word.match}) AND ({beside})")
            scores = dict.fromkeys(rows, _PLAIN_SCORE)
            found.append(Found(self._weight(word, count), scores, terms=frozenset(word.forms)))
        return found

    def hit(self, row: int, score: float, language: str) -> tuple[Hit, frozenset[str]]:
        """Return a passage and the terms of its text.

        Its score is lowered where it says next to nothing below a fitting heading, and when it is in another
        language than the question.
        """
        values = self._connection.row(_HIT, {**self._scope, "seq": row})
        assert values is not None
        source, heading, content, document_id, position, languages, terms = values
        substance = min(1.0, len(_LINK.sub("", content)) / _SUBSTANTIAL)
        score *= 1 - _HOLLOW * (1 - substance)
        if language and language not in languages.split():
            score *= _FOREIGN
        return Hit(source, heading, content, score, document_id, position), frozenset(terms.split())

    def _found(self, word: Word) -> Found:
        scores = self._rated(word.match)
        if scores:
            return self._scored(word, scores, word.forms, 1.0)
        for match, terms, part in self._instead(word):
            if match and (scores := self._rated(match)):
                return self._scored(word, scores, terms, part)
        unknown = _UNKNOWN_PIECE if word.is_piece else self.by_size(_UNKNOWN_IN_SMALL)
        return Found(self._weight(word, 0) * unknown, {})

    def _instead(self, word: Word) -> Iterator[tuple[str, Sequence[str], float]]:
        """Yield what to look for in place of a word that is nowhere, and how much finding it is worth."""
        if word.is_piece:
            yield matching(word.others), word.others, _CHARACTER
            return
        yield matching(word.others), word.others, 1.0
        apart = self._apart(word)
        yield " OR ".join(map(together, apart)), [*itertools.chain(*apart)], 1.0
        for terms, part in self._likely(word):
            yield matching(terms), terms, part

    def _apart(self, word: Word) -> list[tuple[str, ...]]:
        """Return the words that a word may be written as."""
        forms = dict.fromkeys((word.written, word.forms[0]))
        return [parts for form in forms for parts in splits(form) if parts[-1] not in self.hollow]

    def _likely(self, word: Word) -> Iterator[tuple[list[str], float]]:
        """Yield the terms that are like a word, and how much finding them is worth."""
        part = self.by_size(_LIKE, _LIKE_IN_LARGE)
        yield self._alike(word), part
        yield [slip for slip in slips(word.written) if slip not in self.hollow], part
        yield [end for end in ends(word.written) if end not in self.hollow], part
        if not self._last_time and self._count < _LARGE:
            yield resembling(word.written, self._vocabulary()), _RESEMBLING

    def _scored(self, word: Word, scores: dict[int, float], forms: Sequence[str], part: float) -> Found:
        top = max(scores.values())
        weight = self._weight(word, len(scores))
        return Found(
            weight, {row: part * score / top for row, score in scores.items()}, part, frozenset(forms)
        )

    def _alike(self, word: Word) -> list[str]:
        """Return the terms that are like a word; the last time, wherever they have the same letters."""
        if self._last_time:
            return resembling(word.written, self._vocabulary())
        found: dict[str, None] = {}
        for form in {word.written, word.forms[0]}:
            if len(form) > START:
                terms = (term for term in self._like(form[:START]) if term not in self.hollow)
                found |= dict.fromkeys(alike(form, terms))
        return list(found)

    def _vocabulary(self) -> set[str]:
        if not self._terms:
            for row in self._connection.rows(_TERMS, self._scope):
                self._terms.update(term for terms in row for term in terms.split())
            self._terms -= self.hollow
        return self._terms

    def _weight(self, word: Word, passages: float) -> float:
        """Return the idf of a word that occurs in so many of the collection's passages."""
        company = self._count + _COMPANY
        idf = math.log(1 + (company - passages + 0.5) / (passages + 0.5))
        return word.weight * max(idf, _FLOOR * math.log(company))

    def _estimate(self, match: str) -> float:
        row = self._connection.row(_COUNT, {"match": match, **self._range})
        return row[0] * self._filling if row else 0.0

    def _like(self, start: str) -> Iterator[str]:
        """Yield terms with a beginning."""
        for (term,) in self._connection.rows(_VOCABULARY, {"first": start, "last": start + _LAST_LETTER}):
            yield term

    def _occurs(self, match: str) -> Iterable[int]:
        """Return where something occurs."""
        return self._scores(_ROWS, match)

    def _rated(self, match: str) -> dict[int, float]:
        """Return how much passages are about something, of those in which it occurs."""
        return self._scores(_SCORES, match)

    def _scores(self, statement: Statement, match: str) -> dict[int, float]:
        rows = self._connection.rows(statement, {"match": match, **self._range})
        return {row: score for row, score in rows if row in self._members}
