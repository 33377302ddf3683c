"""The tables of documents: collections, and the passages that are searched."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from flowkeys.storage.schema.base import metadata, seq, workspace_id

collection = Table(
    "collection",
    metadata,
    seq(),
    Column("id", Text, nullable=False, unique=True),
    workspace_id(),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("workspace_id", "id"),
    Index(None, "workspace_id", "name"),
)

document = Table(
    "document",
    metadata,
    seq(),
    Column("id", Text, nullable=False, unique=True),
    workspace_id(),
    Column("collection_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # Whose stems its passages are found by: ISO 639 codes, with spaces between them.
    Column("languages", Text, nullable=False, server_default=""),
    ForeignKeyConstraint(
        ["workspace_id", "collection_id"], ["collection.workspace_id", "collection.id"], ondelete="CASCADE"
    ),
    UniqueConstraint("collection_id", "source"),
    Index(None, "collection_id", "languages"),
)

passage = Table(
    "passage",
    metadata,
    seq(),
    workspace_id(),
    Column("collection_id", Text, nullable=False),
    Column("document_id", Text, ForeignKey("document.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("heading", Text, nullable=False),
    Column("content", Text, nullable=False),
    # What these two are found by (`storage.documents.passages.terms`).
    Column("heading_terms", Text, nullable=False, server_default=""),
    Column("content_terms", Text, nullable=False, server_default=""),
    Index(None, "document_id", "position"),
    Index(None, "collection_id"),
    sqlite_autoincrement=True,
)
