"""The tables of what was done: the feed of changes, the audit log, and forms that were sent."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from flowkeys.storage.schema.base import metadata, seq, workspace_id

change = Table(
    "change",
    metadata,
    seq(),
    workspace_id(),
    Column("subject", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    seq(),
    workspace_id(),
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
    # Of the chain: which key sealed the row, and the seal. NULL: written before there was a chain.
    Column("segment", BigInteger),
    Column("seal", LargeBinary),
    # One for each filter, newest first.
    *(
        Index(f"ix_audit_{name}", "workspace_id", *columns, "at", "seq")
        for name, columns in (
            ("at", []),
            ("subject_id", ["subject_id"]),
            ("subject", ["subject"]),
            ("actor_id", ["actor_id"]),
            ("actor_name", ["actor_name"]),
            ("actor_type", ["actor_type"]),
            ("action", ["action"]),
        )
    ),
    sqlite_autoincrement=True,
)

audit_count = Table(
    "audit_count",
    metadata,
    workspace_id(),
    Column("actor_type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("total", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace_id", "actor_type", "subject", "action"),
    sqlite_with_rowid=False,
    info={"kept_by": "triggers, so that a page of a million entries knows its total without counting"},
)

audit_segment = Table(
    "audit_segment",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("secret_id", Text, nullable=False),
    Column("found_to", BigInteger, nullable=False),
    Column("begun_at", BigInteger, nullable=False),
    Column("kept_under", Text, nullable=False),
    Column("kept", LargeBinary),
    info={"of": "the whole installation: the chain goes through all workspaces"},
)

sent_form = Table(
    "sent_form",
    metadata,
    seq(),
    workspace_id(),
    Column("principal_id", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    UniqueConstraint("workspace_id", "principal_id", "digest"),
    Index(None, "sent_at"),
)
