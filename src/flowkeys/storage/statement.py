"""Statements of SQLAlchemy Core, compiled once and run on the driver's own connection.

SQLAlchemy writes the SQL, so that there is one schema for two databases; its execution layer, which costs
more than the query, stays out of the way. What is here runs on SQLite; `storage.postgres` compiles the same.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import chain
from typing import Any, Final, Protocol

import msgspec
from sqlalchemy import ColumnElement, Insert, func
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.elements import ClauseElement

_DIALECT: Final = sqlite.dialect(paramstyle="named")
_IN_ORDER: Final = sqlite.dialect(paramstyle="qmark")
_BUSY_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.001
_ROWS: Final = 32
"""So many rows one statement inserts at most: the driver keeps 128 statements ready."""

Row = tuple[Any, ...]
Query = tuple["Statement", Mapping[str, object]]
_Errors = tuple[type[Exception], ...]


class Statement:
    """A statement with named parameters, compiled at its first use."""

    __slots__ = ("_constants", "_element", "_sql", "apart", "columns", "compiled", "postgres")

    def __init__(
        self,
        element: ClauseElement,
        columns: Sequence[str] | None = None,
        postgres: ClauseElement | None = None,
        *,
        apart: bool = False,
    ) -> None:
        """Keep `element`; `columns` names those that an UPDATE sets or an INSERT fills from parameters.

        `postgres` stands for it there. A query `apart` is of tables to which what is put off adds nothing.
        """
        self.apart = apart
        self._element = element
        self.columns = columns
        self.postgres = element if postgres is None else postgres
        """What is compiled for PostgreSQL."""
        self.compiled: Any = None
        """What was made of that (`storage.postgres.connection`)."""
        self._sql: str | None = None
        self._constants: dict[str, object] = {}

    @property
    def sql(self) -> str:
        """The text for the driver."""
        if self._sql is None:
            compiled = self._element.compile(dialect=_DIALECT, column_keys=self.columns)
            self._constants = {
                name: value for name, value in (compiled.params or {}).items() if value is not None
            }
            self._sql = str(compiled)
        return self._sql

    def bind(self, parameters: Mapping[str, object]) -> Mapping[str, object]:
        """Return the parameters together with the constants that the statement was written with."""
        return {**self._constants, **parameters} if self._constants else parameters


class Insertion:
    """An INSERT of many rows at once: a statement costs more than a row (docs/adr/0049)."""

    __slots__ = ("_by_halves", "_make", "_names", "_texts", "compiled")

    def __init__(
        self,
        make: Callable[[Sequence[Mapping[str, object]]], Insert],
        names: Sequence[str],
        *,
        by_halves: bool = False,
    ) -> None:
        """Let `make` write the statement for rows of values; `names` are the columns, in their order.

        `by_halves`: of 32, 16, 8 rows and so on, for tables with many columns and triggers.
        """
        self._by_halves = by_halves
        self._make = make
        self._names = names
        self._texts: dict[int, str] = {}
        self.compiled: Any = None
        """What was made of it for PostgreSQL."""

    def element(self, rows: int) -> Insert:
        """Return the statement for so many rows."""
        return self._make([dict.fromkeys(self._names, "")] * rows)

    def most(self, rows: int) -> int:
        """Return how many of so many rows the next statement takes."""
        return min(_ROWS, 1 << (rows.bit_length() - 1) if self._by_halves else rows)

    def text(self, rows: int) -> str:
        """Return the text for so many rows, with the values of one row after those of the other."""
        if rows not in self._texts:
            self._texts[rows] = str(self.element(rows).compile(dialect=_IN_ORDER))
        return self._texts[rows]


def in_json(values: Sequence[object]) -> str:
    """Return the value of a parameter that is a list (`storage.elements.listed`)."""
    return msgspec.json.encode(values).decode()


def as_list(number: ColumnElement[int]) -> ColumnElement[str]:
    """Return a column that has the numbers of all rows, as one value, for `Connection.numbers`."""
    return func.json_group_array(number)


_NUMBERS: Final = msgspec.json.Decoder(list[int])

Together = Callable[["Connection", Sequence[Any]], None]
"""Work that is done for many items at once."""


class PutOff(Protocol):
    """What has been put off, on a connection that commits several units of work together."""

    def put_off(self, together: Together, item: Any) -> None:
        """Put off what `together` does for an item."""

    def settle(self) -> None:
        """Do what was put off."""

    def known(self, statement: Statement, parameters: Mapping[str, object]) -> list[Row]:
        """Return the rows of a query that is `apart`."""


class Connection:
    """A driver connection that runs statements; not to be shared between threads at once."""

    __slots__ = ("_raw", "audited", "batch", "is_behind")

    is_postgres = False
    """Whether it is PostgreSQL that answers."""
    unfit: type[Exception] = sqlite3.IntegrityError
    """What is raised of a row that does not fit those which are there."""
    failed: type[Exception] = sqlite3.Error
    """What the driver raises."""
    faults: _Errors = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError)
    """What it raises of a statement, and not of the database: faults of ours, and no outage."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.audited = False
        """Whether something was written to the audit log since somebody looked."""
        self.batch: PutOff | None = None
        """Where work is put off; None: nothing is."""
        self.is_behind = False
        """Whether a list saw that many keys changed since the sets were written that lists go by."""

    @property
    def raw(self) -> Any:
        """The driver's own connection, for whatever it is: what was put off is done."""
        if self.batch is not None:
            self.batch.settle()
        return self._raw

    outlived: _Errors = ()
    """What is raised by a connection that is of no use any more, though it is open: another replaces it."""
    held_up: _Errors = ()
    """What is raised where others have held for too long what is to be changed."""
    hurry = ""
    """By which the rest of a transaction waits less for others, since somebody in it did so for long."""
    conflicts: _Errors = ()
    """What is raised where others changed what was read: whoever begins again finds what is there now."""
    remembered: Any  # what is, of sets of keys, on PostgreSQL (`keys.bits.remembered`)

    def begin(self, turn: int = 0) -> None:
        """Begin to write; `turn` is how often the same was tried before, and had to give way to others."""
        del turn  # who waits for a commit asks again soon: SQLite sleeps for up to a tenth of a second
        end = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._raw.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                    raise
                time.sleep(_PAUSE_SECONDS)
            else:
                return

    def write_on_trial(self) -> None:
        """Set a number of the file's that nobody uses to itself: the same, and yet a page that is written."""
        self._raw.execute(f"PRAGMA user_version = {self._raw.execute('PRAGMA user_version').fetchone()[0]}")

    def commit(self) -> None:
        """Commit."""
        self._raw.execute("COMMIT")

    def roll_back(self) -> None:
        """Undo everything, unless the database did so already."""
        if self._raw.in_transaction:
            self._raw.execute("ROLLBACK")

    def is_lost(self, error: Exception) -> bool:
        """Tell whether the whole transaction is over after an error, and not one statement of it."""
        del error
        return not self._raw.in_transaction

    @classmethod
    def is_outage(cls, error: BaseException | None) -> bool:
        """Tell whether an error is the database's, and not one of a statement."""
        return isinstance(error, cls.failed) and not isinstance(error, cls.faults)

    def close(self) -> None:
        """Close it."""
        self._raw.close()

    def put_off(self, together: Together, item: Any) -> None:
        """Have `together` done for `item` before anything else is read or written here, or committed.

        Where several units of work are committed together, it is done once for what they put off.
        """
        if self.batch is None:
            together(self, [item])
        else:
            self.batch.put_off(together, item)

    def unanswered(self) -> AbstractContextManager[object]:
        """Wait for the answers of what is changed meanwhile only at the end, where answers are waited for."""
        return nullcontext()

    def rows(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """Run a query and return every row."""
        if self.batch is not None:
            if statement.apart:
                return self.batch.known(statement, parameters or {})
            self.batch.settle()
        return self.fetch(statement, parameters or {})

    def several(self, queries: Sequence[Query]) -> list[list[Row]]:
        """Run queries that do not depend on each other's rows; return the rows of each."""
        return [self.rows(statement, parameters) for statement, parameters in queries]

    def fetch(self, statement: Statement, parameters: Mapping[str, object]) -> list[Row]:
        """Run a query as it is, whatever has been put off."""
        found: list[Row] = self._raw.execute(statement.sql, statement.bind(parameters)).fetchall()
        return found

    @contextmanager
    def texts_as(self, read: Callable[[bytes], Any]) -> Iterator[None]:
        """Have texts read otherwise meanwhile: what is there by hand need not be any."""
        raw = self.raw
        before, raw.text_factory = raw.text_factory, read
        try:
            yield
        finally:
            raw.text_factory = before

    def each(self, statement: Statement, parameters: Mapping[str, object]) -> Any:
        """Run a query and return its rows, read as they are asked for; to be closed."""
        return self.raw.execute(statement.sql, statement.bind(parameters))

    def row(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> Row | None:
        """Run a query and return its first row, or None."""
        if self.batch is not None and statement.apart:
            return next(iter(self.rows(statement, parameters)), None)
        row: Row | None = self.raw.execute(statement.sql, statement.bind(parameters or {})).fetchone()
        return row

    def numbers(
        self, statement: Statement, parameters: Mapping[str, object] | None = None
    ) -> list[list[int]]:
        """Run a query whose columns are made by `as_list`; return the lists of all its rows."""
        return [_NUMBERS.decode(text) for row in self.rows(statement, parameters) for text in row]

    def run(self, statement: Statement, parameters: Mapping[str, object]) -> int:
        """Run a change and return how many rows it touched."""
        return int(self.raw.execute(statement.sql, statement.bind(parameters)).rowcount)

    def run_many(self, statement: Statement, parameters: Iterable[Mapping[str, object]]) -> None:
        """Run a change once for each set of parameters."""
        self.raw.executemany(statement.sql, (statement.bind(each) for each in parameters))

    def insert(self, insertion: Insertion, rows: Sequence[Row]) -> None:
        """Insert rows in this order; each has the values of all columns."""
        start = 0
        while left := len(rows) - start:
            some = rows[start : start + insertion.most(left)]
            self.raw.execute(insertion.text(len(some)), list(chain.from_iterable(some)))
            start += len(some)

    def query(self, element: ClauseElement) -> list[Row]:
        """Compile a query that was built for this one call, and run it with its own values."""
        compiled = element.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        found: list[Row] = self.raw.execute(str(compiled), compiled.params).fetchall()
        return found
