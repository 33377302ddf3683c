"""The tables of workspaces, and of what each asks of its keys."""

from sqlalchemy import BigInteger, Column, ForeignKey, Table, Text

from flowkeys.storage.schema.base import metadata

workspace = Table(
    "workspace",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
)

policy = Table(
    "policy",
    metadata,
    Column("workspace_id", Text, ForeignKey("workspace.id"), primary_key=True),
    Column("max_lifetime_days", BigInteger),
    Column("expiry_required", BigInteger, nullable=False, server_default="0"),
    Column("rotate_after_days", BigInteger),
    Column("max_keys_per_person", BigInteger),
    # A JSON list of networks that calls with keys may come from; NULL: from anywhere.
    Column("allowed_ips", Text),
    Column("updated_at", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
)
