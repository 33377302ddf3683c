"""How a model ended an answer is kept with it: one that was cut off is seen to be.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the column. Of earlier answers nobody knows."""
    op.add_column("message", sa.Column("finish_reason", sa.Text(), nullable=True))
