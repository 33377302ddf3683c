"""The first schema."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from flowkeys.storage.sqlite import ddl as sqlite_ddl

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "workspace",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
        sa.UniqueConstraint("name", name=op.f("uq_workspace_name")),
    )
    op.create_table(
        "api_key",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_folded", sa.Text(), nullable=False),
        sa.Column("permissions", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_by_type", sa.Text(), nullable=False),
        sa.Column("created_by_id", sa.Text(), nullable=True),
        sa.Column("created_by_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_api_key_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_api_key")),
        sa.UniqueConstraint("id", name=op.f("uq_api_key_id")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_api_key_workspace_id_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_api_key_created",
        "api_key",
        ["workspace_id", "created_at", "seq", "status", "expires_at"],
        unique=False,
    )
    op.create_index(
        "ix_api_key_last_used",
        "api_key",
        ["workspace_id", "last_used_at", "seq", "status", "expires_at"],
        unique=False,
    )
    op.create_index(
        "ix_api_key_name",
        "api_key",
        ["workspace_id", "name_folded", "seq", "status", "expires_at"],
        unique=False,
    )
    op.create_index(
        "ix_api_key_search",
        "api_key",
        ["workspace_id", "status", "name_folded", "seq", "expires_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_api_key_status",
        "api_key",
        ["workspace_id", "status", "seq", "expires_at"],
        unique=False,
    )
    op.create_index(
        "ix_api_key_updated",
        "api_key",
        ["workspace_id", "updated_at", "seq", "status", "expires_at"],
        unique=False,
    )
    op.create_table(
        "audit",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_type", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_audit_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_audit_workspace_id_subject_id_seq"),
        "audit",
        ["workspace_id", "subject_id", "seq"],
        unique=False,
    )
    op.create_table(
        "change",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_change_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_change")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "chatflow",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("flow_data", sa.Text(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("chatbot_config", sa.Text(), nullable=True),
        sa.Column("api_config", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("extras", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_chatflow_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_chatflow")),
        sa.UniqueConstraint("id", name=op.f("uq_chatflow_id")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_chatflow_workspace_id_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_chatflow_workspace_id_seq"), "chatflow", ["workspace_id", "seq"], unique=False)
    op.create_table(
        "collection",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_collection_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_collection")),
        sa.UniqueConstraint("id", name=op.f("uq_collection_id")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_collection_workspace_id_id")),
    )
    op.create_index(
        op.f("ix_collection_workspace_id_name"), "collection", ["workspace_id", "name"], unique=False
    )
    op.create_table(
        "key_count",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("chatflow_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_key_count_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "chatflow_id", "status", name=op.f("pk_key_count")),
        info={"kept_by": "triggers, so that a page of 100,000 keys knows its total without counting"},
    )
    op.create_table(
        "person",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("permissions", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_person_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_person")),
        sa.UniqueConstraint("email", name=op.f("uq_person_email")),
        sa.UniqueConstraint("id", name=op.f("uq_person_id")),
    )
    op.create_table(
        "binding",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("chatflow_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
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
    op.create_index(
        op.f("ix_binding_workspace_id_chatflow_id_seq"),
        "binding",
        ["workspace_id", "chatflow_id", "seq"],
        unique=False,
    )
    op.create_table(
        "document",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("collection_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "collection_id"],
            ["collection.workspace_id", "collection.id"],
            name=op.f("fk_document_workspace_id_collection_id_collection"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_document_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_document")),
        sa.UniqueConstraint("collection_id", "source", name=op.f("uq_document_collection_id_source")),
        sa.UniqueConstraint("id", name=op.f("uq_document_id")),
    )
    op.create_table(
        "message",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("chatflow_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("chat_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "chatflow_id"],
            ["chatflow.workspace_id", "chatflow.id"],
            name=op.f("fk_message_workspace_id_chatflow_id_chatflow"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_message_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_message")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_message_workspace_id_chatflow_id_session_id_key_id_seq"),
        "message",
        ["workspace_id", "chatflow_id", "session_id", "key_id", "seq"],
        unique=False,
    )
    op.create_table(
        "sign_in",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_sign_in_person_id_person"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_sign_in_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_sign_in")),
        sa.UniqueConstraint("digest", name=op.f("uq_sign_in_digest")),
    )
    op.create_index(op.f("ix_sign_in_person_id"), "sign_in", ["person_id"], unique=False)
    op.create_table(
        "token",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "key_id"],
            ["api_key.workspace_id", "api_key.id"],
            name=op.f("fk_token_workspace_id_key_id_api_key"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_token_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_token_digest")),
    )
    op.create_index(op.f("ix_token_hint"), "token", ["hint"], unique=False)
    op.create_index(op.f("ix_token_key_id"), "token", ["key_id"], unique=False)
    op.create_table(
        "passage",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("collection_id", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("heading", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_passage_document_id_document"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_passage_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_passage")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_passage_collection_id"), "passage", ["collection_id"], unique=False)
    op.create_index(
        op.f("ix_passage_document_id_position"), "passage", ["document_id", "position"], unique=False
    )
    if op.get_bind().dialect.name == "sqlite":
        for statement in sqlite_ddl.INITIAL:
            op.execute(statement)


def downgrade() -> None:
    """There is nothing before the first schema."""
    raise NotImplementedError("There is nothing before the first schema.")
