"""Statements of SQLAlchemy Core, compiled once and run on the driver's own connection.

SQLAlchemy writes the SQL, so that there is one schema for two databases; its execution layer, which costs
more than the query on a hot path, stays out of the way.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final, Protocol

import msgspec
from sqlalchemy import ColumnElement, Insert, Select, bindparam, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.elements import ClauseElement

_DIALECT: Final = sqlite.dialect(paramstyle="named")
_IN_ORDER: Final = sqlite.dialect(paramstyle="qmark")
_ROWS: Final = 32
"""So many rows one statement inserts at most: the driver keeps 128 statements ready."""

Row = tuple[Any, ...]


class Statement:
    """A statement with named parameters, compiled at its first use."""

    __slots__ = ("_columns", "_constants", "_element", "_sql", "apart")

    def __init__(
        self, element: ClauseElement, columns: Sequence[str] | None = None, *, apart: bool = False
    ) -> None:
        """Keep `element`; `columns` names those that an UPDATE sets or an INSERT fills from parameters.

        A query `apart` is of tables to which nothing is added that is put off, nor by triggers of that.
        """
        self.apart = apart
        self._element = element
        self._columns = columns
        self._sql: str | None = None
        self._constants: dict[str, object] = {}

    @property
    def sql(self) -> str:
        """The text for the driver."""
        if self._sql is None:
            compiled = self._element.compile(dialect=_DIALECT, column_keys=self._columns)
            self._constants = {
                name: value for name, value in (compiled.params or {}).items() if value is not None
            }
            self._sql = str(compiled)
        return self._sql

    def bind(self, parameters: Mapping[str, object]) -> Mapping[str, object]:
        """Return the parameters together with the constants that the statement was written with."""
        return {**self._constants, **parameters} if self._constants else parameters


class Insertion:
    """An INSERT of many rows at once: a statement costs more than a row.

    Between two statements the interpreter changes threads, so that each may wait for whoever is computing.
    """

    __slots__ = ("_make", "_names", "_texts")

    def __init__(
        self, make: Callable[[Sequence[Mapping[str, object]]], Insert], names: Sequence[str]
    ) -> None:
        """Let `make` write the statement for rows of values; `names` are the columns, in their order."""
        self._make = make
        self._names = names
        self._texts: dict[int, str] = {}

    def text(self, rows: int) -> str:
        """Return the text for so many rows, with the values of one row after those of the other."""
        text = self._texts.get(rows)
        if text is None:
            compiled = self._make([dict.fromkeys(self._names, "")] * rows).compile(dialect=_IN_ORDER)
            text = self._texts[rows] = str(compiled)
        return text


def listed(parameter: str) -> Select[tuple[Any]]:
    """Return the members of a list that is one parameter: for ``IN``, whatever the list's length."""
    return select(func.json_each(bindparam(parameter)).table_valued("value").c.value)


def in_json(values: Sequence[object]) -> str:
    """Return the value of such a parameter."""
    return msgspec.json.encode(values).decode()


def as_list(number: ColumnElement[int]) -> ColumnElement[str]:
    """Return a column that has the numbers of all rows, for `Connection.numbers`.

    As one value they are read within SQLite: a row for each would take the interpreter's lock for each.
    """
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

    __slots__ = ("_raw", "batch")

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw
        self.batch: PutOff | None = None
        """Where work is put off; None: nothing is."""

    @property
    def raw(self) -> sqlite3.Connection:
        """The driver's own connection, for whatever it is: what was put off is done."""
        if self.batch is not None:
            self.batch.settle()
        return self._raw

    def put_off(self, together: Together, item: Any) -> None:
        """Have `together` done for `item` before anything else is read or written here, or committed.

        Where several units of work are committed together, it is done once for what they put off.
        """
        if self.batch is None:
            together(self, [item])
        else:
            self.batch.put_off(together, item)

    def rows(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """Run a query and return every row."""
        if self.batch is not None and statement.apart:
            return self.batch.known(statement, parameters or {})
        return self.raw.execute(statement.sql, statement.bind(parameters or {})).fetchall()

    def each(self, statement: Statement, parameters: Mapping[str, object]) -> sqlite3.Cursor:
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
        return self.raw.execute(statement.sql, statement.bind(parameters)).rowcount

    def run_many(self, statement: Statement, parameters: Iterable[Mapping[str, object]]) -> None:
        """Run a change once for each set of parameters."""
        sql = statement.sql
        self.raw.executemany(sql, (statement.bind(each) for each in parameters))

    def insert(self, insertion: Insertion, rows: Sequence[Row]) -> None:
        """Insert rows in this order; each has the values of all columns.

        By 32, 16, 8 and so on: so few statements are kept ready, whatever the number of rows.
        """
        start = 0
        while left := len(rows) - start:
            some = rows[start : start + min(_ROWS, 1 << (left.bit_length() - 1))]
            self.raw.execute(insertion.text(len(some)), list(chain.from_iterable(some)))
            start += len(some)

    def query(self, element: ClauseElement) -> list[Row]:
        """Compile a query that was built for this one call, and run it with its own values."""
        compiled = element.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        return self.raw.execute(str(compiled), compiled.params).fetchall()
