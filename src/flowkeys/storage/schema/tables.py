"""The tables. Times are integers of microseconds, UTC; every row has a workspace.

What only SQLite has (full-text tables and the triggers that feed them) is in `sqlite_ddl`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from flowkeys.storage.schema.base import metadata
from flowkeys.storage.schema.base import seq as _seq
from flowkeys.storage.schema.base import workspace_id as _workspace
from flowkeys.storage.schema.people import link, person, sign_in
from flowkeys.storage.schema.predictions import conversation, message

__all__ = (
    "conversation",
    "link",
    "message",
    "metadata",
    "person",
    "sign_in",
)  # beside those below: every table of the database

workspace = Table(
    "workspace",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
)

api_key = Table(
    "api_key",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    _workspace(),
    Column("name", Text, nullable=False),
    Column("name_folded", Text, nullable=False),
    Column("permissions", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("expires_at", BigInteger),
    Column("note", Text),
    Column("created_by_type", Text, nullable=False),
    Column("created_by_id", Text),
    Column("created_by_name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("version", BigInteger, nullable=False),
    # What lists are sorted by and is said elsewhere too. Triggers keep the hint and the count of chatflows.
    Column("hint", Text, nullable=False, server_default=""),
    Column("permission_count", BigInteger, nullable=False, server_default="0"),
    Column("chatflow_count", BigInteger, nullable=False, server_default="0"),
    Column("creator_folded", Text, nullable=False, server_default=""),
    # 48 bits of a hash of the creator's id: every index holds it, where the id would double their size.
    Column("creator_tag", BigInteger),
    UniqueConstraint("workspace_id", "id"),
    # One for each order, with what keys are filtered by, so that a page is found without reading rows (by
    # expiry: `sqlite_ddl`); and three that hold all that a search looks at.
    *(
        Index(f"ix_api_key_{name}", "workspace_id", *columns, "seq", *after, "expires_at", "creator_tag")
        for name, columns, after in (
            ("chatflows", ["chatflow_count"], ["status"]),
            ("created", ["created_at"], ["status"]),
            ("creator_name", ["creator_folded"], ["status"]),
            ("hint", ["hint"], ["status"]),
            ("last_used", ["last_used_at"], ["status"]),
            ("name", ["name_folded"], ["status"]),
            ("permissions", ["permission_count"], ["status"]),
            ("status", ["status"], []),
            ("updated", ["updated_at"], ["status"]),
        )
    ),
    Index("ix_api_key_row", "seq", "status", "name_folded", "expires_at", "creator_tag"),
    Index("ix_api_key_search", "workspace_id", "status", "name_folded", "seq", "expires_at"),
    Index("ix_api_key_creator", "workspace_id", "creator_tag", "status", "name_folded", "seq", "expires_at"),
    sqlite_autoincrement=True,
)

key_count = Table(
    "key_count",
    metadata,
    Column("workspace_id", Text, ForeignKey("workspace.id"), primary_key=True),
    Column("chatflow_id", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("total", BigInteger, nullable=False),
    info={
        "kept_by": "triggers, so that a page of 100,000 keys knows its total without counting",
        "chatflow_id": "of the keys bound to it; empty: of all keys",
    },
)

token = Table(
    "token",
    metadata,
    _seq(),
    _workspace(),
    Column("key_id", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("hint", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("valid_until", BigInteger),
    ForeignKeyConstraint(["workspace_id", "key_id"], ["api_key.workspace_id", "api_key.id"]),
    Index(None, "key_id"),
    Index(None, "hint"),
)

chatflow = Table(
    "chatflow",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    _workspace(),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("flow_data", Text, nullable=False),
    Column("is_public", Boolean, nullable=False),
    Column("chatbot_config", Text),
    Column("api_config", Text),
    Column("category", Text),
    Column("extras", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("name_folded", Text, nullable=False, server_default=""),
    Column("credentials", Text, nullable=False, server_default="{}"),
    UniqueConstraint("workspace_id", "id"),
    # All that a list shows, whatever its order: a row also holds its graph, megabytes to read past.
    Index(
        "ix_chatflow_listed",
        *("workspace_id", "name_folded", "seq", "is_public", "type", "updated_at", "created_at", "version"),
        *("id", "name", "category"),
    ),
    sqlite_autoincrement=True,
)

binding = Table(
    "binding",
    metadata,
    _seq(),
    _workspace(),
    Column("key_id", Text, nullable=False),
    Column("chatflow_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # The key's row number, which lists of a chatflow's keys go by.
    Column("key_seq", BigInteger, ForeignKey("api_key.seq"), nullable=False),
    ForeignKeyConstraint(["workspace_id", "key_id"], ["api_key.workspace_id", "api_key.id"]),
    ForeignKeyConstraint(
        ["workspace_id", "chatflow_id"], ["chatflow.workspace_id", "chatflow.id"], ondelete="CASCADE"
    ),
    UniqueConstraint("key_id", "chatflow_id"),
    Index(None, "workspace_id", "chatflow_id", "seq"),
    Index("ix_binding_keys", "workspace_id", "chatflow_id", "key_seq"),
)

collection = Table(
    "collection",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    _workspace(),
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
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    _workspace(),
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
    _seq(),
    _workspace(),
    Column("collection_id", Text, nullable=False),
    Column("document_id", Text, ForeignKey("document.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("heading", Text, nullable=False),
    Column("content", Text, nullable=False),
    # What these two are found by (`passages.terms`).
    Column("heading_terms", Text, nullable=False, server_default=""),
    Column("content_terms", Text, nullable=False, server_default=""),
    Index(None, "document_id", "position"),
    Index(None, "collection_id"),
    sqlite_autoincrement=True,
)

change = Table(
    "change",
    metadata,
    _seq(),
    _workspace(),
    Column("subject", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    _seq(),
    _workspace(),
    Column("at", BigInteger, nullable=False),
    Column("actor_type", Text, nullable=False),
    Column("actor_id", Text),
    Column("actor_name", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("address", Text),
    Column("request_id", Text),
    Column("before", Text),
    Column("after", Text),
    Index(None, "workspace_id", "subject_id", "seq"),
    sqlite_autoincrement=True,
)

sent_form = Table(
    "sent_form",
    metadata,
    _seq(),
    _workspace(),
    Column("principal_id", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    UniqueConstraint("workspace_id", "principal_id", "digest"),
    Index(None, "sent_at"),
)
