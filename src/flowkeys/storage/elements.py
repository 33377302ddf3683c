"""What both databases have under different names: each is written as the one that is asked knows it."""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    LargeBinary,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

_POSTGRES: Final = "postgresql"


class Upsert(Insert):
    """An INSERT that says what happens to a row which is there already, in both databases' one form."""

    inherit_cache = False

    def on_conflict_do_nothing(self, *arguments: Any, **named: Any) -> "Upsert":
        """See SQLAlchemy's `Insert` for SQLite."""
        return _of_both(super().on_conflict_do_nothing(*arguments, **named))

    def on_conflict_do_update(self, *arguments: Any, **named: Any) -> "Upsert":
        """See SQLAlchemy's `Insert` for SQLite."""
        return _of_both(super().on_conflict_do_update(*arguments, **named))


def upsert(table: Table) -> Upsert:
    """Return an INSERT into a table."""
    return Upsert(table)


def _of_both(made: Any) -> "Upsert":
    made._post_values_clause.constraint_target = None  # noqa: SLF001 - which PostgreSQL's compiler looks for
    found: Upsert = made
    return found


class _Instr(FunctionElement[int]):
    """Where one text is within another, from 1 on; 0: nowhere."""

    type = BigInteger()
    inherit_cache = False


class _Greater(FunctionElement[Any]):
    """The greater of two values."""

    inherit_cache = False


class _Bytes(FunctionElement[bytes]):
    """The bytes of a text, UTF-8."""

    type = LargeBinary()
    inherit_cache = False


class _JsonList(FunctionElement[str]):
    """All values of a column as one JSON list, or all rows of several columns as lists in it."""

    type = Text()
    inherit_cache = False


class _Unindexed(FunctionElement[Any]):
    """A column that SQLite is kept from using an index of."""

    inherit_cache = False


def listed(parameter: str, of: TypeEngine[Any] | None = None) -> Select[tuple[Any]]:
    """Return the members of a list that is one parameter: for ``IN``, whatever the list's length.

    `of` is their type unless they are texts.
    """
    member = func.json_each(bindparam(parameter)).table_valued("value").c.value
    return select(member if of is None else cast(member, of))


def position(text: ColumnElement[Any], part: ColumnElement[Any] | str) -> ColumnElement[int]:
    """Return where a text has a part, from 1 on, or 0."""
    return _Instr(text, part)


def greater(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the greater of two values."""
    return _Greater(one, other)


def bytes_of(text: ColumnElement[str]) -> ColumnElement[bytes]:
    """Return the bytes of a text."""
    return _Bytes(text)


def json_list(*columns: ColumnElement[Any]) -> ColumnElement[str]:
    """Return all values of a column as one JSON list; of several columns, each row as a list in it."""
    return _JsonList(*columns)


def unindexed(column: Column[Any]) -> ColumnElement[Any]:
    """Return a column that SQLite does not go by."""
    made = _Unindexed(column)
    made.type = Text()
    return made


@compiles(_Instr)
def _instr(element: Any, compiler: Any, **named: Any) -> str:
    return f"instr({compiler.process(element.clauses, **named)})"


@compiles(_Instr, _POSTGRES)
def _strpos(element: Any, compiler: Any, **named: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **named)})"


@compiles(_Greater)
def _max(element: Any, compiler: Any, **named: Any) -> str:
    return f"max({compiler.process(element.clauses, **named)})"


@compiles(_Greater, _POSTGRES)
def _greatest(element: Any, compiler: Any, **named: Any) -> str:
    return f"greatest({compiler.process(element.clauses, **named)})"


@compiles(_Bytes)
def _as_blob(element: Any, compiler: Any, **named: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **named)} AS BLOB)"


@compiles(_Bytes, _POSTGRES)
def _to_bytes(element: Any, compiler: Any, **named: Any) -> str:
    return f"convert_to({compiler.process(element.clauses, **named)}, 'UTF8')"


@compiles(_JsonList)
def _json_group(element: Any, compiler: Any, **named: Any) -> str:
    columns = compiler.process(element.clauses, **named)
    return f"json_group_array({f'json_array({columns})' if len(element.clauses) > 1 else columns})"


@compiles(_JsonList, _POSTGRES)
def _json_agg(element: Any, compiler: Any, **named: Any) -> str:
    columns = compiler.process(element.clauses, **named)
    return f"json_agg({f'json_build_array({columns})' if len(element.clauses) > 1 else columns})::text"


@compiles(_Unindexed)
def _plus(element: Any, compiler: Any, **named: Any) -> str:
    return f"+{compiler.process(element.clauses, **named)}"


@compiles(_Unindexed, _POSTGRES)
def _plain(element: Any, compiler: Any, **named: Any) -> str:
    return str(compiler.process(element.clauses, **named))
