"""Where keys were last used from, and what used them.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the columns; of a use before this it is not known."""
    op.add_column("api_key", sa.Column("last_address", sa.Text(), nullable=True))
    op.add_column("api_key", sa.Column("last_user_agent", sa.Text(), nullable=True))
