"""A PostgreSQL database that is filled: its schema calls itself unfinished, so that nothing starts on it."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec
import psycopg
from sqlalchemy import Table

from flowkeys.domain.errors import ConfigurationError
from flowkeys.storage.keys.bits.ddl import READ_ANEW
from flowkeys.storage.moving.ends import (
    OF_SOURCE,
    PROGRESS,
    READ_PARTS,
    Part,
    not_empty,
    other_source,
    parts_of,
    unfit,
)
from flowkeys.storage.moving.from_postgres import PATIENTLY, READ, count, every, said
from flowkeys.storage.moving.tables import COPIED, LEFT, listed
from flowkeys.storage.moving.values import Fitting, Row
from flowkeys.storage.postgres.connecting import connect, named
from flowkeys.storage.postgres.migrate import COPYING, revision, upgrade
from flowkeys.storage.postgres.schema import ONLY_SQLITE
from flowkeys.storage.sqlite.migrate import HEAD

WRITE: Final = f"BEGIN ISOLATION LEVEL READ COMMITTED; {PATIENTLY}"
_LOCK: Final = 0x666C6F776B657975
"""Of whoever copies to a database."""


class PostgresTarget:
    """Implements the port `Target`: its schema calls itself unfinished, so that nothing starts on it."""

    keeps_nul = False

    def __init__(self, url: str) -> None:
        """Fill the database at `url`; its schema is made, or an empty one brought up to date.

        Raises:
            ConfigurationError: it cannot be used, or another copy fills it.
            Unavailable: it is away.
        """
        self.name = named(url)
        self._url = url
        with said(url):
            self._raw = connect(url)
        try:
            with said(url):
                self._guard = connect(url)
                self._require_alone()
        except BaseException:
            self.close()
            raise

    def begin(self, source: str, *, anew: bool) -> Mapping[str, Part]:
        """See `Target`."""
        with said(self._url):
            if revision(self._raw) != COPYING:
                self._require_empty()
                upgrade(self._url)
                with self._writing():
                    self._raw.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
                    self._require_empty()
                    self._raw.execute("UPDATE alembic_version SET version_num = %s", (COPYING,))
                    self._raw.execute(
                        f"CREATE TABLE {PROGRESS}(name TEXT PRIMARY KEY, position TEXT, rows BIGINT)"
                    )
                    self._note(OF_SOURCE, source, int(HEAD))
                    for table in COPIED:
                        # They would count, and tell of, what is copied with what they wrote.
                        self._raw.execute(f'ALTER TABLE "{table.name}" DISABLE TRIGGER USER')
            whose, head = self._raw.execute(
                f"SELECT position, rows FROM {PROGRESS} WHERE name = %s",  # noqa: S608
                (OF_SOURCE,),
            ).fetchone() or ("", 0)
            if head != int(HEAD):
                raise ConfigurationError(
                    f"The unfinished copy in {self.name} was begun by another version of flowkeys, with "
                    f"schema {head:04}. Finish it with that, or make the database anew (dropdb, createdb)."
                )
            if anew:
                self.clear()
                with self._writing():
                    self._note(OF_SOURCE, source, int(HEAD))
            elif whose != source:
                raise ConfigurationError(other_source(self.name, whose))
            return parts_of(self._raw.execute(READ_PARTS).fetchall())

    def add(self, table: Table, rows: Sequence[Row], part: Part) -> None:
        """See `Target`."""
        with said(self._url), self._writing():
            try:
                cursor = self._raw.cursor()
                with cursor.copy(f'COPY "{table.name}" ({listed(table)}) FROM STDIN') as copied:
                    for row in rows:
                        copied.write_row(row)
            except (psycopg.IntegrityError, psycopg.DataError) as error:
                why = error.diag.message_detail or error.diag.message_primary or str(error)
                raise ConfigurationError(unfit(self.name, table, why)) from error
            self._note(table.name, msgspec.json.encode(part.after).decode(), part.rows)

    def rows(self, table: Table) -> Generator[Row, None, None]:
        """See `Target`."""
        with said(self._url):
            self._raw.execute(READ)
            try:
                yield from Fitting(table, self.name, keeps_nul=False)(every(self._raw, table, None))
            finally:
                if not self._raw.closed:
                    self._raw.execute("ROLLBACK")

    def clear(self) -> None:
        """See `Target`."""
        with said(self._url), self._writing():
            tables = ", ".join(f'"{table.name}"' for table in COPIED)
            self._raw.execute(f"TRUNCATE {tables} CASCADE")
            self._raw.execute(f"DELETE FROM {PROGRESS} WHERE name <> ''")  # noqa: S608

    def finish(self, numbers: Mapping[str, int]) -> None:
        """See `Target`."""
        with said(self._url):
            with self._writing():
                for name, number in numbers.items():
                    if number:
                        self._raw.execute(
                            "SELECT setval(pg_get_serial_sequence(%s, 'seq'), %s)", (name, number)
                        )
                self._raw.execute("DELETE FROM audit_end")
                self._raw.execute("INSERT INTO audit_end(seq) VALUES (%s)", (numbers["audit"],))
                for table in COPIED:
                    self._raw.execute(f'ALTER TABLE "{table.name}" ENABLE TRIGGER USER')
                for statement in READ_ANEW:
                    self._raw.execute(statement)
                self._raw.execute(f"DROP TABLE {PROGRESS}")
                self._raw.execute("UPDATE alembic_version SET version_num = %s", (HEAD,))
            self._raw.execute("SET statement_timeout = 0")
            self._raw.execute("ANALYZE " + ", ".join(f'"{table.name}"' for table in COPIED))

    def close(self) -> None:
        """See `Target`."""
        self._raw.close()
        if hasattr(self, "_guard"):
            self._guard.close()

    def _require_alone(self) -> None:
        self._guard.execute(WRITE)  # a lock of a transaction holds behind a pooler too
        row = self._guard.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,)).fetchone()
        if row != (True,):
            raise ConfigurationError(f"Another copy to {self.name} is under way.")

    def _require_empty(self) -> None:
        counts = []
        for name in (*(table.name for table in COPIED), *LEFT, "audit_unsealed"):
            if name in ONLY_SQLITE:
                continue
            there = self._raw.execute("SELECT to_regclass(%s)", (f'"{name}"',)).fetchone()
            if there != (None,) and (number := count(self._raw, name)):
                counts.append((name, number))
        if counts:
            raise ConfigurationError(not_empty(self.name, counts))

    def _note(self, name: str, position: str, rows: int) -> None:
        self._raw.execute(
            f"INSERT INTO {PROGRESS} VALUES (%s, %s, %s)"  # noqa: S608
            " ON CONFLICT (name) DO UPDATE SET position = excluded.position, rows = excluded.rows",
            (name, position, rows),
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._raw.execute(WRITE)
        try:
            yield
            self._raw.execute("COMMIT")
        except BaseException:
            if not self._raw.closed:
                self._raw.execute("ROLLBACK")
            raise
