"""What every table has, and how constraints and indexes are named."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def seq() -> Column[int]:
    """Return a new column: an ever-growing number, the order in which rows were made; SQLite's rowid."""
    return Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def workspace_id() -> Column[str]:
    """Return a new column: the workspace that a row belongs to."""
    return Column("workspace_id", Text, ForeignKey("workspace.id"), nullable=False)
