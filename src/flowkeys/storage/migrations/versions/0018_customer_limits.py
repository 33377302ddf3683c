"""How often all keys of a customer together may call.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

from flowkeys.storage.sqlite import ddl_customers

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the column: a JSON list, or NULL; and tell caches of what is changed by hand."""
    op.add_column("customer", sa.Column("rate_limits", sa.Text(), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        for statement in ddl_customers.CUSTOMER_LIMITS:
            op.get_bind().exec_driver_sql(statement)
