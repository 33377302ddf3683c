"""Statements compiled for PostgreSQL, and run on the driver's connection."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Final

import psycopg
from psycopg import errors
from sqlalchemy import Insert
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.elements import ClauseElement

from flowkeys.storage.keys.bits.remembered import Remembered
from flowkeys.storage.postgres.adapting import array
from flowkeys.storage.postgres.connecting import OF_TRANSACTION
from flowkeys.storage.postgres.ddl import TELLS
from flowkeys.storage.postgres.watched import Watched
from flowkeys.storage.statement import Connection, Insertion, Query, Row, Statement

_DIALECT: Final = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]
_IN_ORDER: Final = postgresql.dialect(paramstyle="format")  # type: ignore[no-untyped-call]
_HINT: Final = re.compile(r" (?:INDEXED BY \w+|NOT INDEXED)")
"""What SQLite is told of its indexes."""
_MEMBERS: Final = re.compile(r"json_each\((%\(\w+\)s(?:::\w+)?)\)")
"""The members of a list that is one parameter, as SQLite has them."""
_ROWS: Final = 1000
"""So many rows one statement inserts at most."""
_VALUES: Final = re.compile(r"VALUES \((%s::\w+(?:, %s::\w+)*)\)")
"""The values of one row, each with its type."""
_TYPE: Final = re.compile(r"::\w+")
_PATIENCE: Final = 3
"""So often a batch may have to give way; then it waits for its turn, alone."""

HELD_UP_MS: Final = 2000
"""So long a write waits for what another transaction holds, as a row that somebody locked in psql."""

_TRIAL: Final = "UPDATE alembic_version SET version_num = version_num"
_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# Who writes needs not wait for others: whoever read what others changed is told at the commit, and begins
# again. `write_turn` is for those who had to too often: they wait until nobody else writes. Rows are found by
# indexes: a plan that was made while a table was small would go on looking through all of it, and whoever
# looks through a table gets in everybody's way.
_BY_INDEX: Final = "SET LOCAL enable_seqscan = off"
# What somebody holds in psql is waited for a moment, since all behind it wait as well.
_PATIENTLY: Final = f"SET LOCAL lock_timeout = {HELD_UP_MS}"
# Units tell themselves of what they do.
_TELLING: Final = f"SET LOCAL {TELLS} = 'on'"
_BEGIN: Final = f"BEGIN ISOLATION LEVEL SERIALIZABLE; {_BY_INDEX}; {_PATIENTLY}; {_TELLING}"
_WRITE: Final = f"{_BEGIN}; LOCK TABLE write_turn IN ROW SHARE MODE"
_WRITE_ALONE: Final = f"{_BEGIN}; LOCK TABLE write_turn IN EXCLUSIVE MODE"
# Sets for lists are written behind changes, and again when they are lost: nobody waits for them. Of several
# processes one does it; who took its snapshot too early is told so by what the other wrote.
_READ_KEYS: Final = (
    f"BEGIN ISOLATION LEVEL REPEATABLE READ; {_BY_INDEX}; SET LOCAL synchronous_commit = off; {_PATIENTLY}"
)
_READING_KEYS: Final = "SELECT pg_try_advisory_xact_lock(7380932395512750194)"
_APPEND: Final = f"BEGIN ISOLATION LEVEL READ COMMITTED; {_BY_INDEX}; {_PATIENTLY}"


class PostgresConnection(Connection):
    """A driver connection that runs statements; opened again when it was lost between two transactions."""

    __slots__ = ("_due", "_open", "remembered")

    is_postgres = True
    unfit = errors.IntegrityError
    failed = psycopg.Error
    faults = (
        *(errors.IntegrityError, errors.ProgrammingError, errors.DataError, errors.NotSupportedError),
        errors.LockNotAvailable,
    )
    held_up = (errors.LockNotAvailable,)
    hurry = "SET LOCAL lock_timeout = 100"
    outlived = (errors.ReadOnlySqlTransaction,)  # the session stays so, whatever the database takes by now
    conflicts = (errors.SerializationFailure, errors.DeadlockDetected)

    def __init__(self, connect: Callable[[], Watched], remembered: Remembered | None = None) -> None:
        """Open one; those that share what is remembered are of one database."""
        super().__init__(connect())
        self._open = connect
        self.remembered = Remembered() if remembered is None else remembered
        self._due: str | None = None
        """How to begin, with the first statement that is run."""

    # Transactions

    def begin(self, turn: int = 0) -> None:
        """Begin to write."""
        self._begin(_WRITE if turn < _PATIENCE else _WRITE_ALONE)

    def begin_reading(self) -> None:
        """Begin to read what is there now: when the first statement is run, on one way with it."""
        if self._raw.is_pooled:
            self._begin(_READ)  # with settings, which are statements of their own
        else:
            self._due = _READ

    def begin_appending(self) -> None:
        """Begin to add what depends on nothing that is there."""
        self._begin(_APPEND)

    def begin_reading_keys(self) -> bool:
        """Begin to bring the sets up to date that lists go by, unless another process is at it."""
        self._begin(_READ_KEYS)
        row = self._raw.execute(_READING_KEYS).fetchone()
        return row is not None and bool(row[0])

    def write_on_trial(self) -> None:
        """Change something that makes no difference."""
        self._raw.execute(_TRIAL)

    def commit(self) -> None:
        """Commit."""
        self._raw.execute("COMMIT")

    def roll_back(self) -> None:
        """Undo everything."""
        self._due = None
        with suppress(psycopg.Error):  # a connection that is lost did that already
            if not self._raw.closed and self._raw.info.transaction_status:
                self._raw.execute("ROLLBACK")

    def is_lost(self, error: Exception) -> bool:
        """Tell whether the whole transaction is over after an error."""
        return self.is_outage(error) or self._raw.closed

    def _begin(self, how: str) -> None:
        self._due = None
        try:
            self._raw.execute(self._said(how))
        except psycopg.OperationalError:
            self._raw.close()  # nothing was done yet: the database may have been started anew meanwhile
            self._raw = self._open()
            try:
                self._raw.execute(self._said(how))
            except psycopg.Error:
                self.roll_back()  # a lock that did not come: the transaction has begun, and is of no use
                raise

    def _said(self, how: str) -> str:
        return f"{how}; {OF_TRANSACTION}" if self._raw.is_pooled else how

    # Statements

    def unanswered(self) -> AbstractContextManager[object]:
        """Send one statement behind the other; what the database says of them is raised at the end."""
        pipeline: AbstractContextManager[object] = self._raw.pipeline()
        return pipeline

    @property
    def raw(self) -> Any:
        """See `Connection.raw`; a transaction has begun."""
        if self._due is not None:
            how, self._due = self._due, None
            self._begin(how)
        return super().raw

    def fetch(self, statement: Statement, parameters: Mapping[str, object]) -> list[Row]:
        """Run a query as it is, whatever has been put off."""
        if self._due is not None:
            return self.several([(statement, parameters)])[0]
        sql, values = _bound(statement, parameters)
        found: list[Row] = self._raw.execute(sql, values).fetchall()
        return found

    def several(self, queries: Sequence[Query]) -> list[list[Row]]:
        """See `Connection.several`: the database is asked once."""
        if self.batch is not None:
            return super().several(queries)
        how, self._due = self._due, None
        try:
            return self._several(how, queries)
        except psycopg.OperationalError:
            if how is None or not self._raw.closed:
                raise
            self._raw = self._open()  # nothing was read yet: the database may have been started anew
            return self._several(how, queries)

    def _several(self, how: str | None, queries: Sequence[Query]) -> list[list[Row]]:
        with self._raw.pipeline():
            if how is not None:
                self._raw.execute(how)
            cursors = [self._raw.execute(*_bound(*query)) for query in queries]
        return [cursor.fetchall() for cursor in cursors]

    def each(self, statement: Statement, parameters: Mapping[str, object]) -> Any:
        """Run a query and return its rows, read as they are asked for; to be closed."""
        sql, values = _bound(statement, parameters)
        cursor = self.raw.cursor("each")
        cursor.itersize = 1000
        cursor.execute(sql, values)
        return cursor

    def row(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> Row | None:
        """Run a query and return its first row, or None."""
        return next(iter(self.rows(statement, parameters)), None)

    def run(self, statement: Statement, parameters: Mapping[str, object]) -> int:
        """Run a change and return how many rows it touched."""
        sql, values = _bound(statement, parameters)
        touched: int = self.raw.execute(sql, values).rowcount
        return touched

    def run_many(self, statement: Statement, parameters: Iterable[Mapping[str, object]]) -> None:
        """Run a change once for each set of parameters; they are sent without waiting for each answer."""
        every = [_bound(statement, each) for each in parameters]
        if every:
            self.raw.cursor().executemany(every[0][0], [values for _, values in every])

    def insert(self, insertion: Insertion, rows: Sequence[Row]) -> None:
        """Insert rows in this order; each has the values of all columns.

        A column is one parameter, an array: the statement is the same for any number of rows, and a
        thousand parameters cost more than the rows.
        """
        if insertion.compiled is None:
            insertion.compiled = _of_arrays(insertion.element(1))
        for start in range(0, len(rows), _ROWS):
            columns = zip(*rows[start : start + _ROWS], strict=True)
            self.raw.execute(insertion.compiled, [array(column) for column in columns])

    def query(self, element: ClauseElement) -> list[Row]:
        """Compile a query that was built for this one call, and run it with its own values."""
        compiled = element.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        found: list[Row] = self.raw.execute(_own(str(compiled)), compiled.params).fetchall()
        return found

    @contextmanager
    def texts_as(self, read: Callable[[bytes], Any]) -> Iterator[None]:
        """Whatever is written by hand is text in the database's encoding."""
        del read
        yield


def _bound(statement: Statement, parameters: Mapping[str, object]) -> tuple[str, Mapping[str, object]]:
    if statement.compiled is None:
        compiled = _plain(statement.postgres).compile(dialect=_DIALECT, column_keys=statement.columns)
        constants = {name: value for name, value in (compiled.params or {}).items() if value is not None}
        statement.compiled = _own(str(compiled)), constants
    sql, constants = statement.compiled
    return sql, {**constants, **parameters} if constants else parameters


def _plain(element: ClauseElement) -> ClauseElement:
    """Return a statement that does not ask for the number which a new row gets."""
    return element.inline() if isinstance(element, Insert) else element


def _of_arrays(element: Insert) -> str:
    """Return the statement that inserts one row as one that inserts the members of arrays."""
    sql, count = _VALUES.subn(_members, _own(str(_plain(element).compile(dialect=_IN_ORDER))))
    assert count == 1, sql
    return sql


def _members(values: re.Match[str]) -> str:
    arrays = _TYPE.sub(r"\g<0>[]", values[1])
    return f"SELECT * FROM unnest({arrays})"  # noqa: S608 - of constants


def _own(sql: str) -> str:
    """Return what SQLAlchemy wrote, of which some was written for SQLite, as PostgreSQL has it."""
    return _MEMBERS.sub(r"jsonb_array_elements_text(\1::jsonb)", _HINT.sub("", sql))
