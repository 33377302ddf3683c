"""The networks that a key may be used from.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

from flowkeys.storage.sqlite import ddl as sqlite_ddl

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the column: a JSON list, or NULL; and tell caches of changes of it that are made by hand."""
    op.add_column("api_key", sa.Column("allowed_ips", sa.Text(), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        for statement in sqlite_ddl.ALLOWED_IPS:
            op.get_bind().exec_driver_sql(statement)
