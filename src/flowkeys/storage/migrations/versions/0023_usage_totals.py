"""What the calls of a workspace add up to, and where those are that did not end well.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: None = None
depends_on: None = None

_NUMBERS = (
    *(f"took_{bucket}" for bucket in range(21)),
    "tokens_in",
    "tokens_out",
    "bytes_in",
    "bytes_out",
    "tokens_estimated",
)
_NOT_WELL = sa.text("outcome <> 'ok'")


def upgrade() -> None:
    """Add the table, filled with what is there, and the index."""
    op.create_table(
        "usage_total",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        *(sa.Column(column, sa.BigInteger(), nullable=False) for column in _NUMBERS),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_usage_total_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "time", "outcome", name=op.f("pk_usage_total")),
        sqlite_with_rowid=False,
    )
    names = ", ".join(_NUMBERS)
    sums = ", ".join(f"sum({name})" for name in _NUMBERS)
    parts = " UNION ALL ".join(
        f"SELECT workspace_id, time, outcome, {names} FROM {table}"  # noqa: S608 - of constants
        for table in ("usage_hour", "usage_day")
    )
    found = f"SELECT workspace_id, time, outcome, {sums} FROM ({parts}) AS counted GROUP BY 1, 2, 3"  # noqa: S608 - the same
    op.execute(f"INSERT INTO usage_total (workspace_id, time, outcome, {names}) {found}")
    op.create_index(
        "ix_usage_hour_failed",
        "usage_hour",
        ["workspace_id", "time", "key_id", "outcome"],
        sqlite_where=_NOT_WELL,
        postgresql_where=_NOT_WELL,
    )
