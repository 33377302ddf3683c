"""Orders of keys, and forms that are sent once."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from flowkeys.domain.keys.api_key import fold_name
from flowkeys.storage.keys.makers import tag_of_creator
from flowkeys.storage.sqlite import ddl as sqlite_ddl

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

EVERYTHING = 1_000_000
_FILTERS = ["expires_at", "creator_tag"]
_INDEXES = {
    "chatflows": ["chatflow_count", "seq", "status", *_FILTERS],
    "created": ["created_at", "seq", "status", *_FILTERS],
    "creator": ["creator_tag", "status", "name_folded", "seq", "expires_at"],
    "creator_name": ["creator_folded", "seq", "status", *_FILTERS],
    "hint": ["hint", "seq", "status", *_FILTERS],
    "last_used": ["last_used_at", "seq", "status", *_FILTERS],
    "name": ["name_folded", "seq", "status", *_FILTERS],
    "permissions": ["permission_count", "seq", "status", *_FILTERS],
    "search": ["status", "name_folded", "seq", "expires_at"],
    "status": ["status", "seq", *_FILTERS],
    "updated": ["updated_at", "seq", "status", *_FILTERS],
}
_FILL = sa.text(
    """UPDATE api_key SET
        hint = coalesce(
            (SELECT hint FROM token WHERE key_id = api_key.id ORDER BY seq DESC LIMIT 1), ''),
        chatflow_count = (SELECT count(*) FROM binding WHERE key_id = api_key.id),
        permission_count =
            CASE WHEN instr(permissions, '"*"') THEN :everything ELSE json_array_length(permissions) END"""
)

_CREATOR = sa.text(
    """UPDATE api_key SET creator_folded = :folded, creator_tag = :tag
    WHERE created_by_id IS :id AND created_by_name = :name"""
)


def upgrade() -> None:
    """Add what lists of keys are sorted and filtered by, and the forms that were sent."""
    _keys()
    _bindings()
    _forms()
    if op.get_bind().dialect.name == "sqlite":
        for statement in sqlite_ddl.KEY_LISTS:
            op.execute(statement)


def _keys() -> None:
    numbers = ("permission_count", "chatflow_count")
    for name in ("hint", "creator_folded", *numbers):
        kind, default = (sa.BigInteger(), "0") if name in numbers else (sa.Text(), "")
        op.add_column("api_key", sa.Column(name, kind, nullable=False, server_default=default))
    op.add_column("api_key", sa.Column("creator_tag", sa.BigInteger(), nullable=True))
    connection = op.get_bind()
    connection.execute(_FILL, {"everything": EVERYTHING})
    creators = connection.execute(sa.text("SELECT DISTINCT created_by_id, created_by_name FROM api_key"))
    for creator_id, name in creators.all():
        values = {"folded": fold_name(name), "tag": tag_of_creator(creator_id)}
        connection.execute(_CREATOR, {**values, "id": creator_id, "name": name})
    for name in ("created", "last_used", "name", "search", "status", "updated"):
        op.drop_index(f"ix_api_key_{name}", "api_key")
    for name, columns in _INDEXES.items():
        op.create_index(f"ix_api_key_{name}", "api_key", ["workspace_id", *columns])
    op.create_index(
        "ix_api_key_row", "api_key", ["seq", "status", "name_folded", "expires_at", "creator_tag"]
    )


def _bindings() -> None:
    """Give bindings their keys' row numbers: in a new table, since a column that is never null needs one."""
    op.execute("CREATE TABLE binding_kept AS SELECT * FROM binding")
    op.drop_table("binding")
    op.create_table(
        "binding",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("chatflow_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("key_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["key_seq"], ["api_key.seq"], name=op.f("fk_binding_key_seq_api_key")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "chatflow_id"],
            ["chatflow.workspace_id", "chatflow.id"],
            name=op.f("fk_binding_workspace_id_chatflow_id_chatflow"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "key_id"],
            ["api_key.workspace_id", "api_key.id"],
            name=op.f("fk_binding_workspace_id_key_id_api_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_binding_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_binding")),
        sa.UniqueConstraint("key_id", "chatflow_id", name=op.f("uq_binding_key_id_chatflow_id")),
    )
    op.execute(
        """INSERT INTO binding (seq, workspace_id, key_id, chatflow_id, created_at, key_seq)
        SELECT b.seq, b.workspace_id, b.key_id, b.chatflow_id, b.created_at, k.seq
        FROM binding_kept AS b JOIN api_key AS k ON k.id = b.key_id ORDER BY b.seq"""
    )
    op.drop_table("binding_kept")
    chatflow = ["workspace_id", "chatflow_id"]
    op.create_index(op.f("ix_binding_workspace_id_chatflow_id_seq"), "binding", [*chatflow, "seq"])
    op.create_index("ix_binding_keys", "binding", [*chatflow, "key_seq"])


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
