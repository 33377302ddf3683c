"""Where servers of tests keep their data, and looking into it by hand, past the server, on both databases."""

import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from flowkeys.storage.postgres import health
from flowkeys.storage.sqlite import health as of_files
from tests.support import postgres
from tests.support.waiting import PATIENCE_SECONDS

ON_POSTGRES: Final = postgres.EVERYWHERE
PROMISED_SECONDS: Final = 2.0 if ON_POSTGRES else 0.02
"""Within so long a change that was made elsewhere holds here (docs/adr/0011, 0045), unless told otherwise."""
_IN_ORDER: Final = re.compile(r"\?()")
_NAMED: Final = re.compile(r":(\w+)")

Values = Sequence[object] | Mapping[str, object]


def url_of(data_dir: Path) -> str | None:
    """Return the URL of the database that belongs to a data directory; None: it is a file in there."""
    return postgres.postgres().of(data_dir) if ON_POSTGRES else None


def environment(data_dir: Path) -> dict[str, str]:
    """Return what a process has to be told of where its data is."""
    url = url_of(data_dir)
    return {} if url is None else {"FLOWKEYS_DATABASE": url}


def settings(data_dir: Path) -> dict[str, Any]:
    """Return the same as arguments of `load`."""
    url = url_of(data_dir)
    if url is not None:
        postgres.be_patient()
    return {} if url is None else {"database": url}


def copy(data_dir: Path, to: Path) -> Path:
    """Copy a data directory that nobody uses, with its database; return the copy."""
    shutil.copytree(data_dir, to)
    to.chmod(0o700)
    if ON_POSTGRES:
        postgres.postgres().copy(data_dir, to)
    return to


def let_go(data_dir: Path) -> None:
    """Say that nobody looks into a data directory any more: others may have its database."""
    if ON_POSTGRES:
        postgres.postgres().let_go(data_dir)


class Shell:
    """What an operator has with `sqlite3` or `psql`: each statement is committed at once."""

    def __init__(self, data_dir: Path, url: str | None = None) -> None:
        """Open the database of a data directory, or of PostgreSQL's the one at `url`."""
        url = url or url_of(data_dir)
        self.is_postgres = url is not None
        if url is None:
            path = data_dir / "flowkeys.db"
            self.raw: Any = sqlite3.connect(path, timeout=PATIENCE_SECONDS, isolation_level=None)
        else:
            import psycopg  # not by every process of tests

            self.raw = psycopg.connect(url, autocommit=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave."""
        self.raw.close()

    def execute(self, statement: str, values: Values = ()) -> Any:
        """Run a statement as SQLite has it, its values as ``?`` or ``:name``; return the driver's cursor."""
        if not self.is_postgres:
            return self.raw.execute(statement, values)
        if not values:
            return self.raw.execute(statement)
        marks = _NAMED if isinstance(values, Mapping) else _IN_ORDER
        return self.raw.execute(marks.sub(_as_psycopg_has_it, statement.replace("%", "%%")), values)

    def executemany(self, statement: str, rows: Iterable[Values]) -> None:
        """Run a statement for each row of values."""
        for row in rows:
            self.execute(statement, row)

    def version(self) -> object:
        """Return what is another value whenever anybody else has committed a change of any row."""
        if not self.is_postgres:
            return self.execute("PRAGMA data_version").fetchone()[0]
        each = "SELECT '{0}', count(*), max(xmin::text::bigint) FROM \"{0}\""
        return self.execute(" UNION ALL ".join(each.format(table) for table in self.tables())).fetchall()

    def tables(self) -> list[str]:
        """Return the names of all tables that are ours."""
        if self.is_postgres:
            found = self.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        else:
            found = self.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return sorted(name for (name,) in found.fetchall())

    def columns(self, table: str) -> list[str]:
        """Return the names of a table's columns."""
        return [each[0] for each in self.execute(f'SELECT * FROM "{table}" LIMIT 0').description]

    @contextmanager
    def without_foreign_keys(self) -> Iterator["Shell"]:
        """Let rows point to what is not there, as long as the block lasts."""
        if not self.is_postgres:
            self.execute("PRAGMA foreign_keys = OFF")
            yield self
            return
        found = self.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgisinternal"
        ).fetchall()
        for table, name in found:
            self.execute(f'ALTER TABLE {table} DISABLE TRIGGER "{name}"')
        yield self
        for table, name in found:
            self.execute(f'ALTER TABLE {table} ENABLE TRIGGER "{name}"')


def by_hand(data_dir: Path, statement: str, *values: object, url: str | None = None) -> list[tuple]:
    """Run one statement past the server; return the rows it has."""
    with Shell(data_dir, url) as shell:
        cursor = shell.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def unreadable_keys(data_dir: Path) -> list[str]:
    """Return the ids of keys whose rows were spoilt by hand, as the doctor finds them."""
    url = url_of(data_dir)
    return of_files.unreadable_keys(data_dir / "flowkeys.db") if url is None else health.unreadable_keys(url)


def at_rest(data_dir: Path) -> dict[str, bytes]:
    """Return the files that the data is in, by name, also those of a PostgreSQL and of its journal."""
    found = {file.name: file.read_bytes() for file in data_dir.rglob("*") if file.is_file()}
    return found | postgres.postgres().files_of(data_dir) if ON_POSTGRES else found


def _as_psycopg_has_it(mark: re.Match[str]) -> str:
    return f"%({mark[1]})s" if mark[1] else "%s"
