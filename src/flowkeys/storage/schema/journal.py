"""The tables of what was done: the feed of changes, the audit log, and forms that were sent."""

from sqlalchemy import BigInteger, Column, Index, Table, Text, UniqueConstraint

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
    Index(None, "workspace_id", "subject_id", "seq"),
    sqlite_autoincrement=True,
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
