"""The statements that make a new database, of the one schema that both databases have."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Index, MetaData, Text, nulls_first
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from flowkeys.storage.postgres.ddl import AFTER
from flowkeys.storage.schema import metadata

_DIALECT: Final = postgresql.dialect()  # type: ignore[no-untyped-call]

ONLY_SQLITE: Final = frozenset({"key_count", "key_set", "key_letters", "key_unread_name"})
"""What triggers keep there; PostgreSQL puts several indexes together for a question."""
_NULLS_FIRST: Final = frozenset({"ix_api_key_last_used"})
"""Indexes of an order whose column may be unknown: that comes before all that is known, as on SQLite."""


_ANALYZED: Final = ("api_key", "chatflow", "collection")
_STATISTICS: Final = (
    # A new database has no statistics until autovacuum comes by. Until then keys were looked for among all of
    # their workspace (every index begins with it), which took longer with each that was made. Statistics
    # outlive the rows that they were made of; these say of a workspace that it may have everything.
    *(f"ALTER TABLE {name} ALTER COLUMN workspace_id SET (n_distinct = 1)" for name in _ANALYZED),
    "INSERT INTO workspace SELECT 'w' || n, n, 0 FROM generate_series(1, 1000) AS n",
    """INSERT INTO api_key (id, workspace_id, name, name_folded, permissions, status, created_by_type,
        created_by_name, created_at, updated_at, version)
        SELECT 'k' || n, 'w' || n, n, n, '[]', 'active', 'operator', 'o', n, n, 1
        FROM generate_series(1, 1000) AS n""",
    """INSERT INTO chatflow (id, workspace_id, name, name_folded, type, flow_data, is_public, extras,
        created_at, updated_at, version)
        SELECT 'f' || n, 'w' || n, n, n, 'CHATFLOW', '{}', false, '{}', n, n, 1
        FROM generate_series(1, 1000) AS n""",
    """INSERT INTO collection (id, workspace_id, name, created_at, updated_at)
        SELECT 'c' || n, 'w' || n, n, n, n FROM generate_series(1, 1000) AS n""",
    *(f"ANALYZE {name}" for name in _ANALYZED),
    "TRUNCATE workspace RESTART IDENTITY CASCADE",
)


def statements(revision: str) -> Iterator[str]:
    """Yield the statements in their order; at the end it is said that the schema is at `revision`."""
    tables = own_metadata()
    for table in tables.sorted_tables:
        yield _text(CreateTable(table))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield _text(CreateIndex(index))
    yield from _STATISTICS
    yield from AFTER
    yield (
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
        " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    yield f"INSERT INTO alembic_version VALUES ('{revision}')"  # noqa: S608 - of a constant


def own_metadata() -> MetaData:
    """Return the tables as PostgreSQL has them.

    Texts are compared by their bytes, whatever the database's language is: so does SQLite, and indexes
    depend on no library of the machine.
    """
    own = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.sorted_tables:
        if table.name not in ONLY_SQLITE:
            table.to_metadata(own)
    for table in own.tables.values():
        for column in table.columns:
            if isinstance(column.type, Text):
                column.type = Text(collation="C")
        for index in list(table.indexes):
            only = index.dialect_options["sqlite"]["where"]
            index.dialect_options["postgresql"]["where"] = only
            if index.name in _NULLS_FIRST:
                table.indexes.remove(index)
                workspace, first, *rest = index.columns
                Index(str(index.name), workspace, nulls_first(first), *rest)
    return own


def _text(element: CreateTable | CreateIndex) -> str:
    return str(element.compile(dialect=_DIALECT)).strip()
