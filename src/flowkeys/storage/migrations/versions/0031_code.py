"""Code of chatflows: what of it is approved, and tools that consist of it.

Revision ID: 0031
Revises: 0030
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0031"
down_revision: str | None = "0030"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the tables; nothing is approved."""
    op.create_table(
        "code_approval",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("approved_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_code_approval_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "digest", name=op.f("pk_code_approval")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tool",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("name", "description", "color")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("icon_src", "schema", "func")),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("created_at", "updated_at", "version")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_tool_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_tool")),
        sa.UniqueConstraint("id", name=op.f("uq_tool_id")),
        sqlite_autoincrement=True,
    )
