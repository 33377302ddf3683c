"""How often keys, chatflows, and keys on chatflows may be called.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

from flowkeys.storage.sqlite import ddl as sqlite_ddl

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the columns: a JSON list, or NULL; and tell caches of what is changed by hand."""
    for table in ("api_key", "binding", "chatflow"):
        op.add_column(table, sa.Column("rate_limits", sa.Text(), nullable=True))
    # All that a look-up reads of bindings with limits, of which there are few: it costs the others nothing.
    op.create_index(
        "ix_binding_limited",
        "binding",
        ["key_id", "chatflow_id", "rate_limits"],
        sqlite_where=sa.text("rate_limits IS NOT NULL"),
        postgresql_where=sa.text("rate_limits IS NOT NULL"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for statement in sqlite_ddl.RATE_LIMITS:
            op.get_bind().exec_driver_sql(statement)
