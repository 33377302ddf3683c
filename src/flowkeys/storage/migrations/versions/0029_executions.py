"""Runs of agentflows can wait for a person, failed ones are remembered, and all are listed.

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0029"
down_revision: str | None = "0028"
branch_labels: None = None
depends_on: None = None

_OPTIONAL = ("key_id", "person_id")
_SAID = ("session_id", "chat_id", "state", "question")


def upgrade() -> None:
    """Add the tables, and to messages which run an answer is of. Earlier runs are not listed."""
    op.add_column("message", sa.Column("execution_id", sa.Text(), nullable=True))
    op.create_index(
        "ix_message_execution",
        "message",
        ["workspace_id", "execution_id", "chatflow_id"],
        sqlite_where=sa.text("execution_id IS NOT NULL"),
        postgresql_where=sa.text("execution_id IS NOT NULL"),
    )
    _executions()
    op.create_table(
        "execution_flow",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("chatflow_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        *_of_chatflow("execution_flow"),
        sa.PrimaryKeyConstraint("workspace_id", "chatflow_id", "digest", name=op.f("pk_execution_flow")),
    )


def _executions() -> None:
    seq = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "execution",
        sa.Column("seq", seq, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("chatflow_id", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in _OPTIONAL),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _SAID),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("entries", sa.Text(), nullable=False),
        sa.Column("saved", sa.Text(), nullable=True),
        sa.Column("flow", sa.Text(), nullable=True),
        sa.Column("taken_by", sa.Text(), nullable=True),
        sa.Column("taken_until", sa.BigInteger(), nullable=True),
        *_of_chatflow("execution"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_execution")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_execution_workspace_id_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_execution_chatflow", "execution", ["workspace_id", "chatflow_id", "id"])
    session = ["workspace_id", "chatflow_id", "session_id", "id"]
    op.create_index("ix_execution_session", "execution", session)
    op.create_index("ix_execution_state", "execution", ["workspace_id", "state", "id"])
    op.create_index("ix_execution_expires", "execution", ["expires_at"])
    op.create_index(
        "ix_execution_flow",
        "execution",
        ["workspace_id", "chatflow_id", "flow"],
        sqlite_where=sa.text("flow IS NOT NULL"),
        postgresql_where=sa.text("flow IS NOT NULL"),
    )


def _of_chatflow(table: str) -> tuple[sa.Constraint, sa.Constraint]:
    return (
        sa.ForeignKeyConstraint(
            ["workspace_id", "chatflow_id"],
            ["chatflow.workspace_id", "chatflow.id"],
            name=op.f(f"fk_{table}_workspace_id_chatflow_id_chatflow"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f(f"fk_{table}_workspace_id_workspace")
        ),
    )
