"""On PostgreSQL triggers run once for all rows that a statement adds.

Revision ID: 0027
Revises: 0026
"""

from alembic import op

from flowkeys.storage.postgres.ddl import FOR_EACH, OF_ADDED

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Take the triggers away that run for each row, and add those that do the same for all of them."""
    if op.get_bind().dialect.name == "postgresql":
        for statement in (*FOR_EACH, *OF_ADDED):
            op.execute(statement)
