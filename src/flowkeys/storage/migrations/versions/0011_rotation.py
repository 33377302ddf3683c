"""Rotation: when a token was replaced, and how it was used since.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

from flowkeys.storage.sqlite import ddl as sqlite_ddl

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the columns; find replaced tokens by an index of their own; and tell caches of changes by hand."""
    op.add_column("token", sa.Column("replaced_at", sa.BigInteger(), nullable=True))
    op.add_column("token", sa.Column("finish_unused_seconds", sa.BigInteger(), nullable=True))
    op.add_column("token", sa.Column("uses", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("token", sa.Column("last_used_at", sa.BigInteger(), nullable=True))
    op.add_column("token", sa.Column("last_address", sa.Text(), nullable=True))
    op.add_column("token", sa.Column("last_user_agent", sa.Text(), nullable=True))
    replaced = sa.text("replaced_at IS NOT NULL")
    op.create_index("ix_token_replaced", "token", ["key_id", "valid_until"], sqlite_where=replaced)
    if op.get_bind().dialect.name == "sqlite":
        for statement in sqlite_ddl.REPLACED_TOKENS:
            op.get_bind().exec_driver_sql(statement)
