"""Orders of keys, and forms that are sent once."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Add what lists of keys are sorted and filtered by, and the forms that were sent."""
    _forms()


def _forms() -> None:
    op.create_table(
        "sent_form",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_sent_form_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_sent_form")),
        sa.UniqueConstraint(
            "workspace_id",
            "principal_id",
            "digest",
            name=op.f("uq_sent_form_workspace_id_principal_id_digest"),
        ),
    )
    op.create_index(op.f("ix_sent_form_sent_at"), "sent_form", ["sent_at"], unique=False)
