"""Statements of SQLAlchemy Core, compiled once and run on the driver's own connection.

SQLAlchemy writes the SQL, so that there is one schema for two databases; its execution layer, which costs
more than the query on a hot path, stays out of the way.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

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

    __slots__ = ("_columns", "_constants", "_element", "_sql")

    def __init__(self, element: ClauseElement, columns: Sequence[str] | None = None) -> None:
        """Keep `element`; `columns` names those that an UPDATE sets or an INSERT fills from parameters."""
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


class Connection:
    """A driver connection that runs statements; not to be shared between threads at once."""

    __slots__ = ("raw",)

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw

    def rows(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """Run a query and return every row."""
        return self.raw.execute(statement.sql, statement.bind(parameters or {})).fetchall()

    def each(self, statement: Statement, parameters: Mapping[str, object]) -> sqlite3.Cursor:
        """Run a query and return its rows, read as they are asked for; to be closed."""
        return self.raw.execute(statement.sql, statement.bind(parameters))

    def row(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> Row | None:
        """Run a query and return its first row, or None."""
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
        """Insert rows in this order; each has the values of all columns."""
        for start in range(0, len(rows), _ROWS):
            some = rows[start : start + _ROWS]
            self.raw.execute(insertion.text(len(some)), list(chain.from_iterable(some)))

    def query(self, element: ClauseElement) -> list[Row]:
        """Compile a query that was built for this one call, and run it with its own values."""
        compiled = element.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        return self.raw.execute(str(compiled), compiled.params).fetchall()
