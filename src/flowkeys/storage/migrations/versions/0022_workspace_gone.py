"""A workspace that is deleted by hand takes its keys with it.

Revision ID: 0022
Revises: 0021
"""

from alembic import op

from flowkeys.storage.sqlite import ddl_workspaces

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Revoke keys when their workspace is deleted."""
    if op.get_bind().dialect.name == "sqlite":
        for statement in ddl_workspaces.WORKSPACE_GONE:
            op.get_bind().exec_driver_sql(statement)
