"""Usage by the hour and by the day.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: None = None
depends_on: None = None

_KIND = ("workspace_id", "time", "key_id", "chatflow_id", "customer_id", "door", "outcome")
_NUMBERS = (*(f"took_{bucket}" for bucket in range(21)), "tokens_in", "tokens_out", "bytes_in", "bytes_out")


def upgrade() -> None:
    """Add the tables."""
    for name in ("usage_hour", "usage_day"):
        _add(name)
    op.create_table(
        "usage_batch",
        sa.Column("recorder", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("recorder", name=op.f("pk_usage_batch")),
        sqlite_with_rowid=False,
    )


def _add(name: str) -> None:
    op.create_table(
        name,
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        *(sa.Column(column, sa.Text(), nullable=False) for column in _KIND[2:]),
        *(sa.Column(column, sa.BigInteger(), nullable=False) for column in _NUMBERS),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f(f"fk_{name}_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint(*_KIND, name=op.f(f"pk_{name}")),
        sqlite_with_rowid=False,
    )
    for whose in ("key", "chatflow", "customer"):
        op.create_index(f"ix_{name}_{whose}", name, ["workspace_id", f"{whose}_id", "time"])
