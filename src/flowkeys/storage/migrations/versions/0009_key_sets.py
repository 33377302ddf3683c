"""Sets of keys, by what they are filtered by and by the letters of their names.

Revision ID: 0009
Revises: 0008
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from flowkeys.storage.keys import letters
from flowkeys.storage.sqlite import ddl as sqlite_ddl
from flowkeys.storage.statement import Connection

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the tables, fill them, and take away the index that counting went along."""
    op.create_table(
        "key_set",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("word", sa.BigInteger(), nullable=False),
        sa.Column("bits", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_key_set_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "mark", "word", name=op.f("pk_key_set")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "key_letters",
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("letters", sa.Text(), nullable=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("block", "letters", name=op.f("pk_key_letters")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "key_unread_name",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_key_unread_name")),
    )
    op.drop_index("ix_api_key_search", "api_key")
    op.drop_index("ix_api_key_creator", "api_key")
    op.create_index("ix_api_key_creator", "api_key", ["workspace_id", "creator_tag", "status", "seq"])
    if op.get_bind().dialect.name == "sqlite":
        for statement in sqlite_ddl.KEY_SETS:
            op.execute(statement)
        raw: Any = op.get_bind().connection.dbapi_connection
        connection = Connection(raw)
        while letters.read(connection, letters.MOST):
            pass
