"""Searching the passages of one collection.

Each word of the question counts by how rare it is in the collection (idf), and by how much a passage is about
it (bm25). Then relevance: a passage counts when it holds enough of what was asked, by weight. A word that
occurs nowhere weighs most, so that "What is the capital of France?" finds nothing in documents about an API
that mention a capital letter, but no more than a passage with two words of three can do without. The smaller
the collection, the less does it mean that a word is missing: few words are there by chance either.

The figures below were chosen on one half of the questions in `bench/documents`.
"""

import math
from collections.abc import Sequence
from typing import Final

from msgspec import structs

from flowkeys.domain.documents.collection import Hit
from flowkeys.storage.documents.passages.index import Found, Index
from flowkeys.storage.documents.passages.languages import hollow_terms
from flowkeys.storage.documents.passages.question import Asked, Word, read
from flowkeys.storage.documents.passages.terms import ABOVE, own_words
from flowkeys.storage.statement import Connection

MAX_HITS: Final = 50

_FEW, _SHARE_OF_FEW = 3, 0.3
_MANY, _SHARE_OF_MANY = 16, 0.2
"""How much of a question of few words a passage must hold, and of one of many; in between, in proportion."""
_ALONE: Final = 0.45
"""The same of one that holds a single word: more than one of two, of which the other is nowhere."""
_TELLING: Final = 1.01
"""A word says more than the others of a question that weighs so many times what they do on average."""
_IN_SMALL: Final = 0.5
"""In a small collection, this part of it is enough."""
_MISSING: Final = 1.3
"""A word that is nowhere weighs at most so many times what the rarest word weighs that is somewhere."""
_BEHIND: Final = 0.6
"""Passages that hold less than this part of what the best one holds are left out."""
_LETTERS, _LETTERS_ALONE = 4, 3
"""Letters of a stop word that may mean something where a heading has it, beside other words and without."""
_HEADED: Final = 0.5
"""What is added to a passage whose heading and the question are the same words."""
_HIGHER: Final = 0.7
"""The part of it where a heading further up is."""
_UNSAID: Final = 0.15
"""What is taken away from a passage whose headings alone say it."""
_BESIDE: Final = 0.5
"""What a stop word weighs that a heading has."""
_LAGGING: Final = 0.35
"""Passages that score less than so much of the best one's are left out."""
_CANDIDATES: Final = 5
"""Passages that are looked at closely, for each that is wanted."""


def search(
    connection: Connection, workspace_id: str, collection_id: str, question: str, limit: int
) -> list[Hit]:
    """Return the passages that answer `question` best, best first; none when none is relevant."""
    kind = _kind(connection)
    index = kind.of(connection, workspace_id, collection_id) if question.strip() else None
    limit = max(0, min(limit, MAX_HITS))
    if index is None or not limit:
        return []
    asked = read(question, index.languages())
    index.hollow = hollow_terms(asked.language)
    headed = index.in_headings(asked.stop_words, _LETTERS if asked.words else _LETTERS_ALONE)
    if hits := _find(index, asked, asked.words, headed, limit):
        return hits
    index.try_hard()
    return _find(index, asked, (*asked.words, *headed), (), limit, is_last=True)


def _kind(connection: Connection) -> type[Index]:
    if not connection.is_postgres:
        return Index
    from flowkeys.storage.documents.passages.tsvector import TsvectorIndex

    return TsvectorIndex


def _find(
    index: Index,
    asked: Asked,
    words: Sequence[Word],
    beside: Sequence[Word],
    limit: int,
    *,
    is_last: bool = False,
) -> list[Hit]:
    """Search by `words`; those `beside` them only add to the scores.

    The last time, a single word is enough where all of them are known and no passage has two, if it says more
    than the others.
    """
    found = index.look_up(words)
    known = max((word.weight for word in found if word.scores), default=0.0)
    total = sum(word.weight if word.scores else min(word.weight, _MISSING * known) for word in found)
    scores: dict[int, float] = {}
    shares: dict[int, float] = {}
    counts: dict[int, int] = {}
    for word in found:
        for row, score in word.scores.items():
            scores[row] = scores.get(row, 0.0) + word.weight * score
            counts[row] = counts.get(row, 0) + 1
            shares[row] = shares.get(row, 0.0) + word.weight * word.sure / total
    for word in index.look_up(beside):
        for row, score in word.scores.items():
            if row in scores:
                scores[row] += _BESIDE * word.weight * score
    needed = max(_share_needed(index, len(words)), _BEHIND * max(shares.values(), default=0.0))
    alone = max(needed, _ALONE * index.by_size(_IN_SMALL))
    all_known = is_last and all(word.scores and word.sure == 1.0 for word in found)
    telling = _TELLING / len(found) if all_known and found else math.inf
    likely = [
        (-scores[row] * math.sqrt(share), row)
        for row, share in shares.items()
        if share * (1 + _HEADED) >= needed
    ]
    hits = []
    for score, row in sorted(likely)[: _CANDIDATES * limit]:
        hit, terms = index.hit(row, -score, asked.language)
        said = sum(word.weight for word in found if not terms.isdisjoint(word.terms)) / total
        more = 1 + _HEADED * _in_headings(hit.heading, found, total, asked.language)
        if shares[row] * more >= (alone if counts[row] == 1 and shares[row] < telling else needed):
            hits.append(structs.replace(hit, score=hit.score * more * (1 - _UNSAID * (1 - said))))
    hits.sort(key=lambda hit: -hit.score)
    return [hit for hit in hits[:limit] if hit.score >= _LAGGING * hits[0].score]


def _in_headings(heading: str, found: Sequence[Found], total: float, language: str) -> float:
    """Return how much a question is the same as a passage's own heading, or somewhat less as one above it."""
    *above, own = (_in_heading(part, found, total, language) for part in heading.split(ABOVE))
    return max(own, _HIGHER * max(above, default=0.0))


def _in_heading(heading: str, found: Sequence[Found], total: float, language: str) -> float:
    """Return how much of a question and of a heading's own words are the same."""
    own = own_words(heading, language)
    named = [word for word in found if any(terms & word.terms for terms in own)]
    held = sum(any(terms & word.terms for word in named) for terms in own)
    return held / len(own) * min(1.0, sum(word.weight for word in named) / total) if own else 0.0


def _share_needed(index: Index, words: int) -> float:
    """Return how much of a question a passage must hold, by weight."""
    part = min(1.0, max(0, words - _FEW) / (_MANY - _FEW))
    share = _SHARE_OF_FEW + part * (_SHARE_OF_MANY - _SHARE_OF_FEW)
    return share * index.by_size(_IN_SMALL)
