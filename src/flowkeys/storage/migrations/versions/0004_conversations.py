"""Conversations by their last message, who tried a chatflow, and lists of chatflows without their graphs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from flowkeys.domain.ids import new_id
from flowkeys.domain.keys.api_key import fold_name
from flowkeys.domain.predictions.conversation import Role, in_one_line

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_BEGINNING_CHARACTERS = 1000
_FOUND = sa.text(
    """SELECT c.workspace_id, c.chatflow_id, c.session_id, c.key_id, c.messages, c.started_at, c.last_at,
        substr(m.content, 1, :most) AS beginning
    FROM (SELECT workspace_id, chatflow_id, session_id, key_id, count(*) AS messages,
            min(created_at) AS started_at, max(created_at) AS last_at, max(seq) AS last_seq,
            min(CASE role WHEN :question THEN seq END) AS first_seq
        FROM message GROUP BY workspace_id, chatflow_id, session_id, key_id) AS c
    LEFT JOIN message AS m ON m.seq = c.first_seq ORDER BY c.last_seq"""
)


def upgrade() -> None:
    """Add what lists need, and fill it from the chatflows and messages that are there."""
    _chatflows()
    _messages()
    _conversations()


def _chatflows() -> None:
    op.add_column("chatflow", sa.Column("name_folded", sa.Text(), nullable=False, server_default=""))
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT seq, name FROM chatflow")).all()
    folding = sa.text("UPDATE chatflow SET name_folded = :folded WHERE seq = :seq")
    for seq, name in rows:
        connection.execute(folding, {"folded": fold_name(name), "seq": seq})
    listed = ["workspace_id", "name_folded", "seq", "is_public", "type", "updated_at", "created_at"]
    op.drop_index("ix_chatflow_workspace_id_seq", "chatflow")  # reading by it reads past graphs
    op.create_index("ix_chatflow_listed", "chatflow", [*listed, "version", "id", "name", "category"])


def _messages() -> None:
    op.add_column("message", sa.Column("person_id", sa.Text(), nullable=True))
    op.drop_index("ix_message_workspace_id_chatflow_id_session_id_key_id_seq", "message")
    session = ["workspace_id", "chatflow_id", "session_id", "key_id", "person_id", "seq"]
    op.create_index("ix_message_session", "message", session)
    op.create_index("ix_message_chatflow", "message", ["workspace_id", "chatflow_id", "seq"])


def _conversations() -> None:
    texts = ("id", "workspace_id", "chatflow_id", "session_id", "key_id", "person_id", "first_question")
    table = op.create_table(
        "conversation",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("messages", "started_at", "last_at")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "chatflow_id"],
            ["chatflow.workspace_id", "chatflow.id"],
            name=op.f("fk_conversation_workspace_id_chatflow_id_chatflow"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_conversation_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_conversation")),
        sa.UniqueConstraint("id", name=op.f("uq_conversation_id")),
        sa.UniqueConstraint(
            "workspace_id", "chatflow_id", "session_id", "key_id", "person_id", name="uq_conversation"
        ),
        sqlite_autoincrement=True,
    )
    found = op.get_bind().execute(_FOUND, {"question": Role.USER.value, "most": _BEGINNING_CHARACTERS})
    for part in found.mappings().partitions(1000):
        op.bulk_insert(table, [_row(**row) for row in part])
    last = ["workspace_id", "chatflow_id", "last_at", "seq"]
    op.create_index("ix_conversation_last", "conversation", last)


def _row(*, beginning: str | None, key_id: str | None, **same: object) -> dict[str, object]:
    """Return the row of a conversation; no key is the empty text, since two nulls are not the same."""
    question = in_one_line(beginning or "")
    return {**same, "id": new_id(), "key_id": key_id or "", "person_id": "", "first_question": question}
