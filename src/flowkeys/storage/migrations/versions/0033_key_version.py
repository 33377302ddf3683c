"""Versions of the sets of keys, on PostgreSQL, under which processes remember them.

Revision ID: 0033
Revises: 0032
"""

from alembic import op

from flowkeys.storage.keys.bits.ddl import KEY_VERSION

revision: str = "0033"
down_revision: str | None = "0032"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the version, and what changes it."""
    if op.get_bind().dialect.name == "postgresql":
        for statement in KEY_VERSION:
            op.execute(statement)
