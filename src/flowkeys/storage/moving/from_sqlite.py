"""A file that is copied."""

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Table

from flowkeys.domain.errors import ConfigurationError, Unavailable
from flowkeys.domain.limits.process import Process
from flowkeys.storage.moving.ends import other_schema
from flowkeys.storage.moving.tables import selection
from flowkeys.storage.moving.values import Row
from flowkeys.storage.sqlite.access import hindrance
from flowkeys.storage.sqlite.connection import connect
from flowkeys.storage.sqlite.migrate import HEAD
from flowkeys.storage.statement import Connection
from flowkeys.storage.usage.processes import ProcessTable

_MARKS: Final = (
    "SELECT coalesce((SELECT max(seq) FROM change), 0), coalesce((SELECT max(seq) FROM audit), 0),"
    " coalesce((SELECT max(seq) FROM message), 0)"
)


class SqliteSource:
    """Implements the port `Source`; a read transaction in WAL mode keeps nobody from writing."""

    keeps_nul = True

    def __init__(self, path: Path) -> None:
        """Hold still what is there now.

        Raises:
            ConfigurationError: there is no database, or its schema is not this version's.
            Unavailable: it cannot be read.
        """
        self.name = str(path)
        self._path = path
        if not path.exists():
            raise ConfigurationError(f"There is no database {path} to copy.")
        with reading(path):
            self._raw = connect(path, read_only=True)
        try:
            with reading(path):
                _require_current(path, revision(self._raw))
                self._raw.execute("BEGIN")
                self._marks = self._raw.execute(_MARKS).fetchone()
        except BaseException:
            self._raw.close()
            raise

    def processes(self) -> list[Process]:
        """See `Source`."""
        with reading(self._path):
            return ProcessTable(Connection(self._raw)).all()

    def count(self, table: Table) -> int:
        """See `Source`."""
        with reading(self._path):
            return count(self._raw, table.name)

    def rows(self, table: Table, after: tuple[Any, ...] | None = None) -> Generator[Row, None, None]:
        """See `Source`."""
        with reading(self._path):
            yield from self._raw.execute(selection(table, "?", after), after or ())

    def last_number(self, table: Table) -> int:
        """See `Source`."""
        with reading(self._path):
            found = self._raw.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table.name,))
            given = found.fetchone()
            last = self._raw.execute(f'SELECT coalesce(max(seq), 0) FROM "{table.name}"').fetchone()  # noqa: S608
            return int(max(last[0], given[0] if given else 0))

    def has_changed(self) -> bool:
        """See `Source`."""
        with reading(self._path), closing(connect(self._path, read_only=True)) as raw:
            return bool(raw.execute(_MARKS).fetchone() != self._marks)

    def close(self) -> None:
        """See `Source`."""
        self._raw.close()


def _require_current(path: Path, found: str | None) -> None:
    if found == HEAD:
        return
    if found is None:
        raise ConfigurationError(f"{path} is no database of flowkeys: it has no schema.")
    how = f"FLOWKEYS_DATABASE={path} flowkeys migrate"
    raise ConfigurationError(other_schema(str(path), found, how))


def revision(raw: sqlite3.Connection) -> str | None:
    """Return the revision of its schema."""
    try:
        row = raw.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return None
    return row[0] if row else None


def count(raw: sqlite3.Connection, name: str) -> int:
    """Count the rows of a table."""
    found: int = raw.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608 - of the schema
    return found


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Have what SQLite says of a database said as an outage."""
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(f"The database {path} cannot be read: {why(path, error)}") from error


def why(path: Path, error: Exception) -> str:
    """Return why a database cannot be used."""
    return hindrance(path) or f"{error}."
