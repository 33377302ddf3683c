"""The table of customers."""

from sqlalchemy import BigInteger, Column, Index, Table, Text, UniqueConstraint

from flowkeys.storage.schema.base import metadata, seq, workspace_id

customer = Table(
    "customer",
    metadata,
    seq(),
    Column("id", Text, nullable=False, unique=True),
    workspace_id(),
    Column("name", Text, nullable=False),
    Column("name_folded", Text, nullable=False),
    Column("external_id", Text),
    # The operator's own, a JSON object.
    Column("meta", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("version", BigInteger, nullable=False),
    # Keys that are not revoked: triggers keep it.
    Column("key_count", BigInteger, nullable=False, server_default="0"),
    # A JSON list of how often all of its keys together may call; NULL: as often as each may.
    Column("rate_limits", Text),
    # A JSON list of how much all its keys together may use in a period; NULL: as much as they like.
    Column("quotas", Text),
    UniqueConstraint("workspace_id", "external_id"),
    # All that lists filter and sort by: rows also hold the operator's own, kilobytes to read past.
    Index(
        "ix_customer_listed",
        *("workspace_id", "name_folded", "seq", "status", "external_id", "key_count", "updated_at", "id"),
    ),
    sqlite_autoincrement=True,
)
