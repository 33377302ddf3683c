"""The tables of webhooks: where events are announced, what was announced, and what came of it."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text

from flowkeys.storage.schema.base import metadata, seq, workspace_id

webhook = Table(
    "webhook",
    metadata,
    seq(),
    Column("id", Text, nullable=False, unique=True),
    workspace_id(),
    Column("url", Text, nullable=False),
    # A JSON list.
    Column("events", Text, nullable=False),
    Column("note", Text),
    Column("state", Text, nullable=False),
    Column("created_by_type", Text, nullable=False),
    Column("created_by_id", Text),
    Column("created_by_name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index(None, "workspace_id", "state"),
)

webhook_secret = Table(
    "webhook_secret",
    metadata,
    seq(),
    Column("id", Text, nullable=False, unique=True),
    workspace_id(),
    Column("webhook_id", Text, ForeignKey("webhook.id", ondelete="CASCADE"), nullable=False),
    # Encrypted, and the id of the server secret whose key it is under.
    Column("sealed", Text, nullable=False),
    Column("made_under", Text, nullable=False),
    Column("valid_until", BigInteger),
    Index(None, "webhook_id"),
)

webhook_event = Table(
    "webhook_event",
    metadata,
    seq(),
    Column("id", Text, nullable=False, unique=True),
    workspace_id(),
    Column("type", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("data", Text, nullable=False),
)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    seq(),
    Column("id", Text, nullable=False, unique=True),
    workspace_id(),
    Column("webhook_id", Text, ForeignKey("webhook.id", ondelete="CASCADE"), nullable=False),
    Column("event_id", Text, ForeignKey("webhook_event.id", ondelete="CASCADE"), nullable=False),
    Column("outcome", Text, nullable=False),
    Column("tries", BigInteger, nullable=False),
    Column("next_at", BigInteger),
    Column("tried_at", BigInteger),
    Column("answer_code", BigInteger),
    Column("failure", Text),
    Column("duration_ms", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_webhook_delivery_due", "webhook_id", "outcome", "next_at"),
    Index("ix_webhook_delivery_log", "webhook_id", "seq"),
    Index(None, "event_id"),
    Index(None, "created_at"),
)

webhook_expiry = Table(
    "webhook_expiry",
    metadata,
    # Up to when a workspace's expiries were announced.
    Column("workspace_id", Text, ForeignKey("workspace.id"), primary_key=True),
    Column("up_to", BigInteger, nullable=False),
)
