"""The chain of the audit log, and what it is searched by.

The rows that are there are sealed by the first start that has the server secret, which no migration knows.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: None = None
depends_on: None = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_INDEXES: tuple[tuple[str, list[str]], ...] = (
    ("at", []),
    ("subject_id", ["subject_id"]),
    ("subject", ["subject"]),
    ("actor_id", ["actor_id"]),
    ("actor_name", ["actor_name"]),
    ("action", ["action"]),
)


def upgrade() -> None:
    """Add the columns of the chain, the table of its segments, and the indexes."""
    op.create_table(
        "audit_segment",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("secret_id", sa.Text(), nullable=False),
        sa.Column("found_to", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("kept_under", sa.Text(), nullable=False),
        sa.Column("kept", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_segment")),
    )
    op.add_column("audit", sa.Column("segment", sa.BigInteger(), nullable=True))
    op.add_column("audit", sa.Column("seal", sa.LargeBinary(), nullable=True))
    op.drop_index("ix_audit_workspace_id_subject_id_seq", table_name="audit")
    for name, columns in _INDEXES:
        op.create_index(f"ix_audit_{name}", "audit", ["workspace_id", *columns, "at", "seq"])
