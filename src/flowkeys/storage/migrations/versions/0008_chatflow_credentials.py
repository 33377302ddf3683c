"""Which credential of this server each model of a chatflow uses, beside its graph, which stays as given.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the column: a JSON object of credential names by node id."""
    op.add_column("chatflow", sa.Column("credentials", sa.Text(), nullable=False, server_default="{}"))
