"""A PostgreSQL database that is copied."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import psycopg
from sqlalchemy import Table

from flowkeys.domain.audit.chain import ChainKey
from flowkeys.domain.errors import ConfigurationError, Unavailable
from flowkeys.domain.limits.process import Process
from flowkeys.storage.moving.ends import other_schema
from flowkeys.storage.moving.tables import selection
from flowkeys.storage.moving.values import Row
from flowkeys.storage.postgres.connecting import connect, named, why_not
from flowkeys.storage.postgres.connection import PostgresConnection
from flowkeys.storage.postgres.migrate import COPYING, revision, unfinished
from flowkeys.storage.postgres.sealing import seal
from flowkeys.storage.sqlite.migrate import HEAD
from flowkeys.storage.usage.processes import ProcessTable

PATIENTLY: Final = (
    "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;"
    " SET LOCAL lock_timeout = '10s'"
)
"""Of a transaction: it takes as long as there is something to copy, and waits for nobody for long."""
READ: Final = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {PATIENTLY}"
_MARKS: Final = (
    "SELECT coalesce((SELECT max(seq) FROM change), 0), coalesce((SELECT max(seq) FROM audit), 0),"
    " coalesce((SELECT max(seq) FROM message), 0), (SELECT count(*) FROM audit_unsealed)"
)
_UNSEALED: Final = "SELECT count(*) FROM audit_unsealed"
_SEQUENCE: Final = "SELECT pg_get_serial_sequence(%s, 'seq')"
_FETCHED: Final = 2000


class PostgresSource:
    """Implements the port `Source`."""

    keeps_nul = False

    def __init__(self, url: str, key: ChainKey | None = None) -> None:
        """Hold still what is there now, and what an ended process left to be sealed sealed with `key`.

        Raises:
            ConfigurationError: its schema is not this version's, or rows cannot be sealed.
            Unavailable: it cannot be read.
        """
        self.name = named(url)
        self._url = url
        with said(url):
            self._connection = PostgresConnection(partial(connect, url))
        self._raw = self._connection.raw
        try:
            with said(url):
                _require_current(url, revision(self._raw))
                if self._unsealed() and key is not None:
                    seal(self._raw, key)
                self._raw.execute(READ)
                self._require_sealed()
                self._marks = self._raw.execute(_MARKS).fetchone()
        except BaseException:
            self.close()
            raise

    def processes(self) -> list[Process]:
        """See `Source`."""
        with said(self._url):
            return ProcessTable(self._connection).all()

    def count(self, table: Table) -> int:
        """See `Source`."""
        with said(self._url):
            return count(self._raw, table.name)

    def rows(self, table: Table, after: tuple[Any, ...] | None = None) -> Generator[Row, None, None]:
        """See `Source`."""
        with said(self._url):
            yield from every(self._raw, table, after)

    def last_number(self, table: Table) -> int:
        """See `Source`."""
        with said(self._url):
            raw = self._raw
            given = 0
            if table.name == "audit":
                row = raw.execute("SELECT seq FROM audit_end").fetchone()
                given = row[0] if row else 0
            elif sequence := raw.execute(_SEQUENCE, (table.name,)).fetchone()[0]:
                number, used = raw.execute(f"SELECT last_value, is_called FROM {sequence}").fetchone()  # noqa: S608
                given = number if used else 0
            last = raw.execute(f'SELECT coalesce(max(seq), 0) FROM "{table.name}"').fetchone()[0]  # noqa: S608
            return int(max(last, given))

    def has_changed(self) -> bool:
        """See `Source`."""
        with said(self._url), connect(self._url) as raw:
            return bool(raw.execute(_MARKS).fetchone() != self._marks)

    def close(self) -> None:
        """See `Source`."""
        self._connection.close()

    def _require_sealed(self) -> None:
        if left := self._unsealed():
            raise ConfigurationError(
                f"{left} entries of the audit log of {self.name} wait to be sealed, since a process ended in "
                "between, and the server secret is not here. Set FLOWKEYS_SECRET or FLOWKEYS_DATA_DIR to "
                "where it is, and run this again."
            )

    def _unsealed(self) -> int:
        row = self._raw.execute(_UNSEALED).fetchone()
        return int(row[0]) if row else 0


def every(
    raw: psycopg.Connection[Any], table: Table, after: tuple[Any, ...] | None
) -> Generator[Row, None, None]:
    """Yield the rows of a table; a transaction is open."""
    with raw.cursor("copied") as cursor:
        cursor.itersize = _FETCHED
        cursor.execute(selection(table, "%s", after), after)
        yield from cursor


def count(raw: psycopg.Connection[Any], name: str) -> int:
    """Count the rows of a table."""
    row = raw.execute(f'SELECT count(*) FROM "{name}"').fetchone()  # noqa: S608 - of the schema
    return int(row[0]) if row else 0


def _require_current(url: str, found: str | None) -> None:
    if found == HEAD:
        return
    name = named(url)
    if found is None:
        raise ConfigurationError(f"{name} has no schema of flowkeys: there is nothing to copy.")
    if found == COPYING:
        raise ConfigurationError(unfinished(url))
    raise ConfigurationError(other_schema(name, found, "flowkeys migrate (FLOWKEYS_DATABASE names it)"))


@contextmanager
def said(url: str) -> Iterator[None]:
    """Have what PostgreSQL says said as what it means for who copies."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise Unavailable(
            f"{why_not(url, error)} What was copied stays: run it again, and it goes on."
        ) from error
    except psycopg.Error as error:
        raise ConfigurationError(why_not(url, error)) from error
