"""The tables of chatflows, and of those that are being made from documents."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, Text, UniqueConstraint

from flowkeys.storage.schema.base import metadata, seq, workspace_id

chatflow = Table(
    "chatflow",
    metadata,
    seq(),
    Column("id", Text, nullable=False, unique=True),
    workspace_id(),
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
    # A JSON list of how often all its callers together may call it; NULL: as often as they like.
    Column("rate_limits", Text),
    UniqueConstraint("workspace_id", "id"),
    # All that a list shows, whatever its order: a row also holds its graph, megabytes to read past.
    Index(
        "ix_chatflow_listed",
        *("workspace_id", "name_folded", "seq", "is_public", "type", "updated_at", "created_at", "version"),
        *("id", "name", "category"),
    ),
    sqlite_autoincrement=True,
)

import_job = Table(
    "import_job",
    metadata,
    Column("id", Text, primary_key=True),
    workspace_id(),
    Column("owner", Text, nullable=False),
    Column("once", Text),
    Column("name", Text, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("is_stopping", Boolean, nullable=False),
    Column("chatflow_id", Text),
    Column("errors", Text, nullable=False),
    Column("begun_at", BigInteger, nullable=False),
    Column("told_at", BigInteger, nullable=False),
    info={
        "kept_by": "service.chatflows.jobs: one row for each import, for a day",
        "once": "the SHA-256 of the one-time value of the form that began it",
        "errors": "a JSON list of fields and messages",
    },
)

credential = Table(
    "credential",
    metadata,
    seq(),
    Column("id", Text, nullable=False, unique=True),
    workspace_id(),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    # What it holds as JSON, encrypted, and the id of the server secret whose key it is under.
    Column("sealed", Text),
    Column("made_under", Text),
    Column("problem", Text),
    Column("created_by_type", Text, nullable=False),
    Column("created_by_id", Text),
    Column("created_by_name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index(None, "workspace_id", "name", unique=True),
)
