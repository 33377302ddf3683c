"""Searching the passages of one collection."""

import re
from typing import Final

from sqlalchemy import text

from flowkeys.domain.documents import Hit
from flowkeys.storage.statement import Connection, Statement

_WORD: Final = re.compile(r"[^\W_]+")
_SEARCH = Statement(
    text("""
    SELECT d.source, p.heading, p.content, -bm25(passage_fts, 3.0, 1.0) AS score, p.document_id, p.position
    FROM passage_fts
    JOIN passage p ON p.seq = passage_fts.rowid
    JOIN document d ON d.id = p.document_id
    WHERE passage_fts MATCH :words AND p.collection_id = :collection AND p.workspace_id = :workspace
    ORDER BY score DESC LIMIT :limit
    """)
)


def search(
    connection: Connection, workspace_id: str, collection_id: str, question: str, limit: int
) -> list[Hit]:
    """Return the passages that answer `question` best, best first."""
    words = list(dict.fromkeys(_WORD.findall(question.casefold())))[:24]
    if not words:
        return []
    rows = connection.rows(
        _SEARCH,
        {
            "words": " OR ".join(f'"{word}"' for word in words),
            "collection": collection_id,
            "workspace": workspace_id,
            "limit": limit,
        },
    )
    return [Hit(*row) for row in rows]
