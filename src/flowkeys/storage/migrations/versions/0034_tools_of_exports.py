"""The ids by which chatflows of an export name custom tools.

Revision ID: 0034
Revises: 0033
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0034"
down_revision: str | None = "0033"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the column, and that no two tools of a workspace have the same."""
    op.add_column("tool", sa.Column("export_id", sa.Text(), nullable=True))
    op.create_index("ix_tool_workspace_id_export_id", "tool", ["workspace_id", "export_id"], unique=True)
