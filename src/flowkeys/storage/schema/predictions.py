"""The tables of what was said. Times are integers of microseconds, UTC."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

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
    # Of the answer of an agentflow's run that came to its end at once: the others have rows of their own.
    Column("execution_id", Text),
    ForeignKeyConstraint(
        ["workspace_id", "chatflow_id"], ["chatflow.workspace_id", "chatflow.id"], ondelete="CASCADE"
    ),
    Index("ix_message_session", "workspace_id", "chatflow_id", "session_id", "key_id", "person_id", "seq"),
    Index("ix_message_chatflow", "workspace_id", "chatflow_id", "seq"),
    # Runs by their ids, which begin with the time; a chatflow's are found without a look at messages.
    Index(
        "ix_message_execution",
        *("workspace_id", "execution_id", "chatflow_id"),
        sqlite_where=text("execution_id IS NOT NULL"),
    ),
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

execution = Table(
    "execution",
    metadata,
    seq(),
    Column("id", Text, nullable=False),
    workspace_id(),
    Column("chatflow_id", Text, nullable=False),
    Column("key_id", Text),
    Column("person_id", Text),
    Column("session_id", Text, nullable=False),
    Column("chat_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("stopped_at", BigInteger),
    Column("expires_at", BigInteger),
    Column("action", Text),
    Column("text", Text, nullable=False),
    Column("error", Text),
    Column("entries", Text, nullable=False),
    Column("saved", Text),
    Column("flow", Text),
    Column("taken_by", Text),
    Column("taken_until", BigInteger),
    ForeignKeyConstraint(
        ["workspace_id", "chatflow_id"], ["chatflow.workspace_id", "chatflow.id"], ondelete="CASCADE"
    ),
    UniqueConstraint("workspace_id", "id"),
    Index("ix_execution_chatflow", "workspace_id", "chatflow_id", "id"),
    Index("ix_execution_session", "workspace_id", "chatflow_id", "session_id", "id"),
    Index("ix_execution_state", "workspace_id", "state", "id"),
    Index("ix_execution_expires", "expires_at"),
    Index(
        "ix_execution_flow",
        *("workspace_id", "chatflow_id", "flow"),
        sqlite_where=text("flow IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
    info={
        "rows": "runs that stopped for a person or failed; others are read from their answers",
        "saved, flow": "what a run that waits goes on from, and which flow; NULL when it waits no more",
        "taken_by, taken_until": "the answer that goes on with it, and until when it holds the run",
    },
)

execution_flow = Table(
    "execution_flow",
    metadata,
    workspace_id(),
    Column("chatflow_id", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("flow", Text, nullable=False),
    PrimaryKeyConstraint("workspace_id", "chatflow_id", "digest"),
    ForeignKeyConstraint(
        ["workspace_id", "chatflow_id"], ["chatflow.workspace_id", "chatflow.id"], ondelete="CASCADE"
    ),
    info={"rows": "a version of a chatflow that runs which wait go on with, once for all of them"},
)
