"""The table of workspaces."""

from sqlalchemy import BigInteger, Column, Table, Text

from flowkeys.storage.schema.base import metadata

workspace = Table(
    "workspace",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
)
