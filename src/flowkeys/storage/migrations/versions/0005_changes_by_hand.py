"""What is changed by hand, in SQL, reaches the feed of changes: caches live by it.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

from flowkeys.storage.sqlite import ddl as sqlite_ddl

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the triggers."""
    for statement in sqlite_ddl.CHANGES:
        op.get_bind().exec_driver_sql(statement)
