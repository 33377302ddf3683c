"""The units of one commit, one after the other, and the rows that they put off to its end.

A unit that only adds rows which nothing reads before the commit, as a new key is, puts them off: those of all
such units are then written by a few statements. A statement costs more than a row: SQLite keeps a copy of
each page that it changes, of each index, to be able to take the statement back.

The first other statement of a unit has all that was put off before it written, and opens its savepoint.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from flowkeys.storage.statement import Connection, Row, Statement, Together

_PutOff = tuple[Together, Any]


class Unit(Protocol):
    """A unit of work and its outcome."""

    result: Any
    error: BaseException | None

    def work(self, connection: Connection, /) -> Any:
        """Do it; raise when it cannot be done."""


class Batch:
    """Runs units within a transaction; what fails in one undoes nothing of another."""

    def __init__(self, connection: Connection) -> None:
        """Work on `connection`, which is to be told (`Connection.batch`)."""
        self._connection = connection
        self._raw = connection.raw
        self._of_units: list[tuple[Unit, _PutOff]] = []
        """What units put off that are over; nothing else was written for them."""
        self._own: list[_PutOff] = []
        """What the present unit put off."""
        self._is_open = False
        """Whether it has a savepoint."""
        self._known: dict[tuple[object, ...], list[Row]] = {}
        self._outage: Exception | None = None

    def run(self, unit: Unit) -> None:
        """Run a unit and note its outcome.

        Raises:
            Exception: the transaction is lost, and the driver says why.
        """
        try:
            unit.result = unit.work(self._connection)
            if self._is_open:
                self._write_own()
        except Exception as error:
            if self._outage is None and self._connection.is_lost(error):
                raise  # the disk is full, or worse: the database gave the whole transaction up
            unit.error = error
            self._own.clear()
            self._known.clear()
            if self._is_open and self._outage is None:
                self._raw.execute("ROLLBACK TO unit")
                if isinstance(error, self._connection.held_up):
                    self._raw.execute(self._connection.hurry)
        if self._outage is not None:
            raise self._outage
        self._of_units += [(unit, each) for each in self._own]
        self._own.clear()
        if self._is_open:
            self._raw.execute("RELEASE unit")
            self._is_open = False

    def end(self) -> None:
        """Write what is left, which is to be committed."""
        self._write_of_units()

    def put_off(self, together: Together, item: Any) -> None:
        """See `Connection.put_off`."""
        self._own.append((together, item))

    def settle(self) -> None:
        """Write what was put off: the present unit is about to read or to write something else."""
        if not self._is_open:
            self._write_of_units()
            self._raw.execute("SAVEPOINT unit")
            self._is_open = True
        self._write_own()
        self._known.clear()

    def known(self, statement: Statement, parameters: Mapping[str, object]) -> list[Row]:
        """Return what a query finds that does not depend on what was put off; asked once, until `settle`."""
        question = (statement, *parameters.values())
        rows = self._known.get(question)
        if rows is None:
            rows = self._known[question] = self._connection.fetch(statement, parameters)
        return rows

    def _write_own(self) -> None:
        if self._own:
            own, self._own = self._own, []
            self._write(own)

    def _write_of_units(self) -> None:
        """Write it together, or, when one unit is at fault, that of each by itself."""
        if not self._of_units:
            return
        of_units, self._of_units = self._of_units, []
        raw = self._raw
        try:
            with self._connection.unanswered():
                raw.execute("SAVEPOINT together")
                self._write(each for _, each in of_units)
                raw.execute("RELEASE together")
        except Exception as error:
            if self._connection.is_outage(error) or isinstance(error, self._connection.held_up):
                self._outage = error  # each by itself would wait as long
                raise
            raw.execute("ROLLBACK TO together")
            for unit in dict.fromkeys(unit for unit, _ in of_units):
                self._write_alone(unit, [each for whose, each in of_units if whose is unit])
            raw.execute("RELEASE together")

    def _write_alone(self, unit: Unit, its: list[_PutOff]) -> None:
        self._raw.execute("SAVEPOINT alone")
        try:
            self._write(its)
        except Exception as error:
            if self._connection.is_lost(error):
                raise
            self._raw.execute("ROLLBACK TO alone")
            unit.error = error
        self._raw.execute("RELEASE alone")

    def _write(self, put_off: Iterable[_PutOff]) -> None:
        with self._at_once():
            for together, items in _grouped(put_off).items():
                together(self._connection, items)

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        self._connection.batch = None
        try:
            yield
        finally:
            self._connection.batch = self


def _grouped(put_off: Iterable[_PutOff]) -> dict[Together, list[Any]]:
    groups: dict[Together, list[Any]] = {}
    for together, item in put_off:
        groups.setdefault(together, []).append(item)
    return groups
