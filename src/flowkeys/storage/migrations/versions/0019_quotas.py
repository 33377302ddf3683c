"""Quotas of keys and customers, what was used of them, and how many tokens of usage are estimates.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

from flowkeys.storage.sqlite import ddl_quotas

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: None = None
depends_on: None = None

_WHOSE = ("workspace_id", "kind", "subject_id", "unit")


def upgrade() -> None:
    """Add the columns and the tables; and tell caches of what is changed by hand."""
    for table in ("api_key", "customer"):
        op.add_column(table, sa.Column("quotas", sa.Text(), nullable=True))
    for table in ("usage_hour", "usage_day"):
        op.add_column(
            table, sa.Column("tokens_estimated", sa.BigInteger(), nullable=False, server_default="0")
        )
    op.create_table(
        "quota_use",
        *(sa.Column(name, sa.Text(), nullable=False) for name in (*_WHOSE, "step")),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        _of_workspace("quota_use"),
        sa.PrimaryKeyConstraint(*_WHOSE, "step", "time", name=op.f("pk_quota_use")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_quota_use_step_time", "quota_use", ["step", "time"])
    op.create_table(
        "quota_notice",
        *(sa.Column(name, sa.Text(), nullable=False) for name in (*_WHOSE, "period")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("threshold", "amount", "at")),
        _of_workspace("quota_notice"),
        sa.PrimaryKeyConstraint(*_WHOSE, "period", "threshold", name=op.f("pk_quota_notice")),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "sqlite":
        for statement in ddl_quotas.QUOTAS:
            op.get_bind().exec_driver_sql(statement)


def _of_workspace(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_workspace_id_workspace")
    return sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=name)
