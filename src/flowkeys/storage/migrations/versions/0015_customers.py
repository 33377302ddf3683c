"""Customers, whom keys may belong to.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

from flowkeys.storage.sqlite import ddl_customers

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the table, the column of keys, and the triggers that count and tell of changes by hand."""
    op.create_table(
        "customer",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_folded", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("meta", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("key_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_customer_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_customer")),
        sa.UniqueConstraint("id", name=op.f("uq_customer_id")),
        sa.UniqueConstraint("workspace_id", "external_id", name=op.f("uq_customer_workspace_id_external_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_customer_listed",
        "customer",
        ["workspace_id", "name_folded", "seq", "status", "external_id", "key_count", "updated_at", "id"],
    )
    # With its reference inline: SQLite adds none to a table that is there.
    op.execute(
        "ALTER TABLE api_key ADD COLUMN customer_id TEXT"
        " CONSTRAINT fk_api_key_customer_id_customer REFERENCES customer (id)"
    )
    op.create_index(
        "ix_api_key_customer",
        "api_key",
        ["customer_id", "status", "seq"],
        sqlite_where=sa.text("customer_id IS NOT NULL"),
        postgresql_where=sa.text("customer_id IS NOT NULL"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for statement in ddl_customers.CUSTOMERS:
            op.get_bind().exec_driver_sql(statement)
