"""What a database takes on the disk, by what is kept in it: rows, their indexes, and what searches use."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

KINDS: Final = {
    "key, with its token": ("api_key", "token"),
    "key, to be found by its name": ("key_",),
    "binding": ("binding",),
    "row of the audit log": ("audit",),
    "row of the feed": ("change",),
    "hour of usage": ("usage_hour",),
    "day of usage": ("usage_day",),
    "message": ("message",),
    "conversation": ("conversation",),
}
"""What is counted, and how the names of its tables begin."""
TRIGRAMS: Final = "key, to be found by its name"


class Size(NamedTuple):
    """Bytes of one kind."""

    rows: int
    indexes: int

    @property
    def both(self) -> int:
        """What it takes on the disk."""
        return self.rows + self.indexes


Sizes = dict[str, Size]


def of_file(database: Path) -> Sizes:
    """Return the sizes in a file that nobody writes to."""
    rows: Counter[str] = Counter()
    indexes: Counter[str] = Counter()
    with closing(sqlite3.connect(database)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        found = raw.execute(
            "SELECT coalesce(m.tbl_name, s.name), coalesce(m.type, 'table'), sum(s.pgsize) FROM dbstat s"
            " LEFT JOIN sqlite_master m ON m.name = s.name GROUP BY 1, 2"
        ).fetchall()
    for table, kind, size in found:
        found_kind = _kind(table)
        (indexes if kind == "index" or found_kind == TRIGRAMS else rows)[found_kind] += size
    return {kind: Size(rows[kind], indexes[kind]) for kind in KINDS}


def of_postgres(url: str) -> Sizes:
    """Return the sizes in a database of PostgreSQL, behind a VACUUM, which makes nothing smaller."""
    import psycopg

    rows: Counter[str] = Counter()
    indexes: Counter[str] = Counter()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        found = connection.execute(
            "SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        by_letters = connection.execute(
            "SELECT coalesce(sum(pg_relation_size(i.indexrelid)), 0)::bigint FROM pg_index i"
            " JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam"
            " WHERE i.indrelid = 'api_key'::regclass AND a.amname = 'gin'"
        ).fetchone()
    for table, of_rows, of_indexes in found:
        rows[_kind(table)] += of_rows
        indexes[_kind(table)] += of_indexes
    if by_letters is not None:
        indexes[TRIGRAMS] += by_letters[0]
        indexes["key, with its token"] -= by_letters[0]
    return {kind: Size(rows[kind], indexes[kind]) for kind in KINDS}


def _kind(table: str) -> str:
    return next((kind for kind, names in KINDS.items() if table.startswith(names)), "")
