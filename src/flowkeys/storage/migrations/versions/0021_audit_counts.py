"""How many entries the audit log has of each kind, and an index of who did what by kind.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

from flowkeys.storage.sqlite import ddl_audit

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: None = None
depends_on: None = None

_BY = ("workspace_id", "actor_type", "subject", "action")


def upgrade() -> None:
    """Add the index and the counts, and count what is there."""
    op.create_index("ix_audit_actor_type", "audit", ["workspace_id", "actor_type", "at", "seq"])
    op.create_table(
        "audit_count",
        *(sa.Column(name, sa.Text(), nullable=False) for name in _BY),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_audit_count_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint(*_BY, name=op.f("pk_audit_count")),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "sqlite":
        for statement in ddl_audit.AUDIT_COUNTS:
            op.get_bind().exec_driver_sql(statement)
