"""A million keys out of the few thousand that the services made: their rows again, each a bit other.

With every index in its place, so that those grow as they would; without triggers, whose work for each row
would take an hour. What searches use on SQLite is written by triggers, and is left out there.
"""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

TABLES: Final = ("api_key", "token", "binding", "audit", "change")
"""In the order in which they refer to each other."""
_OF_KEY: Final = ("id", "key_id", "subject_id")
_TRIGGERS: Final = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"

# {n} is the number of the round; {random} stands for sixty-four hexadecimal digits.
_CHANGED: Final = {
    "name": "substr({random}, 1, 6) || substr(name, 7)",
    "name_folded": "substr({random}, 1, 6) || substr(name_folded, 7)",
    "hint": "substr({random}, 1, 4)",
    "digest": "substr(digest, 1, length(digest) - 64) || {random}",
    "seq": "seq + {n} * {step}",
    "key_seq": "key_seq + {n} * {step}",
    # Ids begin with the time, and so come in their order.
    **dict.fromkeys(_OF_KEY, "{later} || substr({column}, 9)"),
}


def in_file(database: Path, made: int, count: int) -> None:
    """Make `count` keys of the `made` ones in a file that nobody serves."""
    with closing(sqlite3.connect(database, isolation_level=None)) as raw:
        for pragma in ("synchronous=OFF", "cache_size=-1500000", "foreign_keys=OFF", "journal_mode=MEMORY"):
            raw.execute(f"PRAGMA {pragma}")
        triggers = raw.execute(_TRIGGERS).fetchall()
        for name, _ in triggers:
            raw.execute(f"DROP TRIGGER {name}")
        columns = {table: [row[1] for row in raw.execute(f"PRAGMA table_info({table})")] for table in TABLES}
        random = "lower(hex(randomblob(32)))"
        _rounds(raw.execute, columns, made, count, random)
        for _, sql in triggers:
            raw.execute(sql)
        raw.execute("PRAGMA journal_mode=WAL")


def in_postgres(url: str, made: int, count: int) -> None:
    """Make `count` keys of the `made` ones in a database that nobody serves."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("session_replication_role = replica", "synchronous_commit = off"):
            connection.execute(f"SET {setting}")
        columns = {
            table: [
                row[0]
                for row in connection.execute(
                    "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
                    " AND NOT attisdropped AND attgenerated = ''",
                    (table,),
                )
            ]
            for table in TABLES
        }
        random = "md5(random()::text) || md5(random()::text)"
        _rounds(connection.execute, columns, made, count, random)


def _rounds(
    execute: Callable[[str], Any],
    columns: dict[str, list[str]],
    made: int,
    count: int,
    random: str,
) -> None:
    last = {table: _one(execute(f"SELECT max(seq) FROM {table}")) for table in TABLES}
    first_id = _one(execute("SELECT max(id) FROM api_key"))[:8]
    for n in range(1, count // made):
        execute("BEGIN")
        for table in TABLES:
            step = last["api_key"] if table == "binding" else last[table]
            values = _values(columns[table], n, last[table], step, f"{int(first_id, 16) + n:08x}", random)
            execute(
                f"INSERT INTO {table} ({', '.join(columns[table])}) SELECT {', '.join(values)}"
                f" FROM {table} WHERE seq <= {last[table]} ORDER BY seq"
            )
        execute("COMMIT")


def _values(names: Iterable[str], n: int, last: int, step: int, later: str, random: str) -> Iterable[str]:
    for column in names:
        text = _CHANGED.get(column, "{column}")
        yield text.format(
            column=column,
            n=n,
            step=step if column == "key_seq" else last,
            later=f"'{later}'",
            random=f"({random})",
        )


def _one(found: Any) -> Any:
    return found.fetchone()[0]
