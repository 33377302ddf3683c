"""What a workspace asks of all its keys.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

from flowkeys.storage.sqlite import ddl as sqlite_ddl

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the table, and tell caches when its networks are changed by hand."""
    op.create_table(
        "policy",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("max_lifetime_days", sa.BigInteger(), nullable=True),
        sa.Column("expiry_required", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rotate_after_days", sa.BigInteger(), nullable=True),
        sa.Column("max_keys_per_person", sa.BigInteger(), nullable=True),
        sa.Column("allowed_ips", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name="fk_policy_workspace_id_workspace"),
        sa.PrimaryKeyConstraint("workspace_id", name="pk_policy"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for statement in sqlite_ddl.POLICY:
            op.get_bind().exec_driver_sql(statement)
