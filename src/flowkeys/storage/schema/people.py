"""The tables of people: who there is, who is signed in, and links that were not used yet."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text

from flowkeys.storage.schema.base import metadata, seq, workspace_id

person = Table(
    "person",
    metadata,
    seq(),
    Column("id", Text, nullable=False, unique=True),
    workspace_id(),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("permissions", Text, nullable=False),
    Column("password_hash", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger),
)

sign_in = Table(
    "sign_in",
    metadata,
    seq(),
    Column("id", Text, nullable=False, unique=True),
    workspace_id(),
    Column("digest", Text, nullable=False, unique=True),
    Column("person_id", Text, ForeignKey("person.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    Column("address", Text),
    Column("user_agent", Text),
    Index(None, "person_id"),
)

link = Table(
    "link",
    metadata,
    seq(),
    Column("id", Text, nullable=False, unique=True),
    workspace_id(),
    Column("purpose", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("email", Text),
    Column("role", Text, nullable=False),
    Column("permissions", Text, nullable=False),
    Column("person_id", Text, ForeignKey("person.id", ondelete="CASCADE")),
    Column("created_by_type", Text, nullable=False),
    Column("created_by_id", Text),
    Column("created_by_name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "workspace_id", "purpose"),
    Index(None, "person_id"),
)
