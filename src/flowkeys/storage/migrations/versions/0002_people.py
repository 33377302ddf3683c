"""People, their sign-ins and their links."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Add what people sign in with. Before this nobody could, so that `sign_in` is empty and made anew."""
    op.add_column("person", sa.Column("last_seen_at", sa.BigInteger(), nullable=True))
    op.drop_table("sign_in")
    _sign_ins()
    _links()


def _sign_ins() -> None:
    op.create_table(
        "sign_in",
        _seq(),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("id", "workspace_id", "digest", "person_id")
        ),
        *_times("created_at", "expires_at", "last_seen_at"),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        *_owned_by_a_person("sign_in"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_sign_in")),
        sa.UniqueConstraint("digest", name=op.f("uq_sign_in_digest")),
        sa.UniqueConstraint("id", name=op.f("uq_sign_in_id")),
    )
    op.create_index(op.f("ix_sign_in_person_id"), "sign_in", ["person_id"], unique=False)


def _links() -> None:
    required = [
        *("id", "workspace_id", "purpose", "digest", "role", "permissions"),
        *("created_by_type", "created_by_name"),
    ]
    op.create_table(
        "link",
        _seq(),
        *(sa.Column(name, sa.Text(), nullable=False) for name in required),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("email", "person_id", "created_by_id")),
        *_times("created_at", "expires_at"),
        *_owned_by_a_person("link"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_link")),
        sa.UniqueConstraint("digest", name=op.f("uq_link_digest")),
        sa.UniqueConstraint("id", name=op.f("uq_link_id")),
    )
    op.create_index(op.f("ix_link_person_id"), "link", ["person_id"], unique=False)
    op.create_index(op.f("ix_link_workspace_id_purpose"), "link", ["workspace_id", "purpose"], unique=False)


def _seq() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("seq", kind, autoincrement=True, nullable=False)


def _times(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def _owned_by_a_person(table: str) -> list[sa.ForeignKeyConstraint]:
    """Return what takes a row away with its person, and holds its workspace."""
    return [
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f(f"fk_{table}_person_id_person"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f(f"fk_{table}_workspace_id_workspace")
        ),
    ]
