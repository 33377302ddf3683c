"""Which of its permissions a key has used, and since when that is recorded.

Revision ID: 0024
Revises: 0023
"""

import time

import sqlalchemy as sa
from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the tables; of keys that are there nothing is known from before."""
    op.create_table(
        "permission_use",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("workspace_id", "key_id", "permission")),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_permission_use_workspace_id_workspace")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "key_id"],
            ["api_key.workspace_id", "api_key.id"],
            name=op.f("fk_permission_use_workspace_id_api_key"),
        ),
        sa.PrimaryKeyConstraint("key_id", "permission", name=op.f("pk_permission_use")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "recording",
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("what", name=op.f("pk_recording")),
    )
    op.get_bind().exec_driver_sql(
        "INSERT INTO recording(what, since) SELECT 'permissions', ? WHERE EXISTS (SELECT 1 FROM api_key)",
        (time.time_ns() // 1000,),
    )
