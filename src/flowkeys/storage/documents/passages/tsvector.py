"""The passages of one collection as PostgreSQL finds them: by a ``tsvector`` of the terms made in Python.

Words are looked for by the same expressions as on SQLite, translated here; and weighed by the same formula
(bm25, as FTS5 has it), worked out here, since PostgreSQL's own ranking knows nothing of how rare a word is.
"""

import math
import re
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise, permutations
from typing import Final

from sqlalchemy import text

from flowkeys.storage.documents.passages.index import Index
from flowkeys.storage.statement import Statement

_TOKEN: Final = re.compile(r'"([^"]*)"|NEAR\(([^)]*), (\d+)\)|(heading_terms :)|(OR|AND|[()])')
_QUOTED: Final = re.compile(r'"([^"]*)"')
_OPERATORS: Final = {"OR": "|", "AND": "&", "(": "(", ")": ")"}
_K1, _B = 1.2, 0.75
_USUAL: Final = 60.0
"""Terms of a usual passage: a collection of scraps is no measure of how long one should be."""
_HEADING: Final = 3.0
"""What a word in a heading counts, of one in the text: as FTS5 is told."""

_FOUND: Final = """FROM passage WHERE terms @@ CAST(:match AS tsquery)
    AND workspace_id = :workspace AND collection_id = :collection"""
_COUNT: Final = Statement(text(f"SELECT count(*) {_FOUND}"))
_ROWS: Final = Statement(text(f"SELECT seq {_FOUND}"))
_TERMS: Final = Statement(text(f"SELECT seq, heading_terms, content_terms {_FOUND}"))
_SIZE: Final = Statement(
    text("SELECT avg(terms_count)::float8 FROM passage WHERE collection_id = :collection")
)
_VOCABULARY: Final = Statement(
    text(
        """SELECT DISTINCT lexeme FROM passage, unnest(terms) AS term(lexeme, positions, weights)
        WHERE workspace_id = :workspace AND collection_id = :collection AND terms @@ CAST(:match AS tsquery)
            AND starts_with(lexeme, :start) LIMIT 5000"""
    )
)


class TsvectorIndex(Index):
    """See `Index`."""

    def _estimate(self, match: str) -> float:
        row = self._connection.row(_COUNT, {**self._scope, "match": to_tsquery(match)})
        return float(row[0]) if row else 0.0

    def _occurs(self, match: str) -> list[int]:
        rows = self._connection.rows(_ROWS, {**self._scope, "match": to_tsquery(match)})
        return [seq for (seq,) in rows]

    def _rated(self, match: str) -> dict[int, float]:
        rows = self._connection.rows(_TERMS, {**self._scope, "match": to_tsquery(match)})
        texts = {seq: (heading.split(), content.split()) for seq, heading, content in rows}
        scores = dict.fromkeys(texts, 0.0)
        words = [] if "NEAR(" in match else _QUOTED.findall(match)
        for word in words:
            counts = {
                seq: _HEADING * heading.count(word) + content.count(word)
                for seq, (heading, content) in texts.items()
            }
            found = sum(map(bool, counts.values()))
            idf = max(1e-6, math.log((self._count - found + 0.5) / (found + 0.5)))
            for seq, count in counts.items():
                scores[seq] += idf * self._part(count, sum(map(len, texts[seq])))
        return {seq: score or self._part(1, sum(map(len, texts[seq]))) for seq, score in scores.items()}

    def _like(self, start: str) -> Iterator[str]:
        match = f"{_lexeme(start)}:*"
        for (term,) in self._connection.rows(_VOCABULARY, {**self._scope, "match": match, "start": start}):
            yield term

    def _part(self, count: float, size: int) -> float:
        return count * (_K1 + 1) / (count + _K1 * (1 - _B + _B * size / self._size))

    @cached_property
    def _size(self) -> float:
        """Terms of a passage, on the average."""
        row = self._connection.row(_SIZE, {"collection": self._scope["collection"]})
        return max(_USUAL, row[0] or 0.0) if row else _USUAL


def to_tsquery(match: str) -> str:
    """Return what finds the same as an expression of FTS5's that `question` writes."""
    parts, of_heading = [], ""
    for found in _TOKEN.finditer(match):
        word, near, between, heading, operator = found.groups()
        if word is not None:
            parts.append(_lexeme(word) + of_heading)
        elif near is not None:
            parts.append(_near(_QUOTED.findall(near), int(between)))
        elif heading is not None:
            of_heading = ":A"
        else:
            parts.append(_OPERATORS[operator])
    return " ".join(parts)


def _near(words: list[str], between: int) -> str:
    """Return what finds words beside each other in whatever order, with so many others in between."""
    pairs = (
        " | ".join(
            f"({_lexeme(one)} <{distance}> {_lexeme(other)})"
            for one, other in permutations(pair)
            for distance in range(1, between + 2)
        )
        for pair in pairwise(words)
    )
    return f"({' & '.join(f'({pair})' for pair in pairs)})"


def _lexeme(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
