"""The tables of what was said. Times are integers of microseconds, UTC."""

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, Table, Text, UniqueConstraint

from flowkeys.storage.schema.base import metadata, seq, workspace_id

message = Table(
    "message",
    metadata,
    seq(),
    Column("id", Text, nullable=False),
    workspace_id(),
    Column("chatflow_id", Text, nullable=False),
    Column("key_id", Text),
    Column("session_id", Text, nullable=False),
    Column("chat_id", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("details", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("person_id", Text),
    Column("finish_reason", Text),
    ForeignKeyConstraint(
        ["workspace_id", "chatflow_id"], ["chatflow.workspace_id", "chatflow.id"], ondelete="CASCADE"
    ),
    Index("ix_message_session", "workspace_id", "chatflow_id", "session_id", "key_id", "person_id", "seq"),
    Index("ix_message_chatflow", "workspace_id", "chatflow_id", "seq"),
    sqlite_autoincrement=True,
)

conversation = Table(
    "conversation",
    metadata,
    seq(),
    Column("id", Text, nullable=False, unique=True),
    workspace_id(),
    Column("chatflow_id", Text, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("person_id", Text, nullable=False),
    Column("first_question", Text, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    ForeignKeyConstraint(
        ["workspace_id", "chatflow_id"], ["chatflow.workspace_id", "chatflow.id"], ondelete="CASCADE"
    ),
    UniqueConstraint(
        "workspace_id", "chatflow_id", "session_id", "key_id", "person_id", name="uq_conversation"
    ),
    Index("ix_conversation_last", "workspace_id", "chatflow_id", "last_at", "seq"),
    sqlite_autoincrement=True,
    info={
        "kept_by": "whoever adds messages, so that the latest of a million are found without a look at them",
        "key_id, person_id": "empty for none: two nulls would not be the same",
    },
)
