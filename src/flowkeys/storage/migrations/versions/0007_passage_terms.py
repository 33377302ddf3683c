"""Passages are found by terms: folded, with stems of their language."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from flowkeys.domain.documents.collection import Passage
from flowkeys.storage.documents.passages.terms import languages_of, terms_of
from flowkeys.storage.sqlite import ddl as sqlite_ddl

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_DOCUMENTS = sa.text("SELECT id FROM document")
_PASSAGES = sa.text(
    "SELECT seq, heading, content FROM passage WHERE document_id = :document ORDER BY position"
)
_FILL = sa.text("UPDATE passage SET heading_terms = :heading, content_terms = :content WHERE seq = :seq")
_SPEAK = sa.text("UPDATE document SET languages = :languages WHERE id = :document")


def upgrade() -> None:
    """Add the terms, and make those of the passages that are there."""
    for table, name in (
        ("document", "languages"),
        ("passage", "heading_terms"),
        ("passage", "content_terms"),
    ):
        op.add_column(table, sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_document_collection_id_languages", "document", ["collection_id", "languages"])
    _fill()
    if op.get_bind().dialect.name == "sqlite":
        for statement in sqlite_ddl.PASSAGE_TERMS:
            op.execute(statement)


def _fill() -> None:
    connection = op.get_bind()
    for (document,) in connection.execute(_DOCUMENTS).fetchall():
        rows = connection.execute(_PASSAGES, {"document": document}).fetchall()
        terms = terms_of([Passage(heading, content) for _, heading, content in rows])
        for (seq, _, _), made in zip(rows, terms, strict=True):
            connection.execute(_FILL, {"seq": seq, "heading": made.heading, "content": made.content})
        connection.execute(_SPEAK, {"document": document, "languages": languages_of(terms)})
