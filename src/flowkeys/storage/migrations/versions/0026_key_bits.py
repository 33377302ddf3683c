"""Sets of keys for lists, on PostgreSQL; SQLite has its own.

Revision ID: 0026
Revises: 0025
"""

from alembic import op

from flowkeys.storage.keys.bits.ddl import KEY_BITS

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the tables and what notes changed keys; those that are there are read behind this."""
    if op.get_bind().dialect.name == "postgresql":
        for statement in KEY_BITS:
            op.execute(statement)
