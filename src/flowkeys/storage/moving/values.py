"""The values of rows, as both databases can keep them, and what tables are compared by."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Boolean, Integer, LargeBinary, Table, Text

from flowkeys.domain.errors import ConfigurationError
from flowkeys.storage.moving.tables import key_of

Row = tuple[Any, ...]

_NUL: Final = "\0"
_INSTEAD: Final = "\ufffd"
"""What PostgreSQL keeps in the place of a NUL (`storage.postgres.adapting`)."""
_TYPES: Final = ((Boolean, bool), (Integer, int), (Text, str), (LargeBinary, bytes))


class Content(NamedTuple):
    """What is in a table."""

    rows: int
    sha256: str
    """Of all rows in their order, each as MessagePack: the same in both databases."""


class Fitting:
    """Reads rows of one table as both databases can keep them.

    A file keeps whatever somebody wrote there by hand; PostgreSQL keeps what a column is for.
    """

    def __init__(self, table: Table, database: str, *, keeps_nul: bool) -> None:
        """`database`: where they come from, for messages; `keeps_nul`: the target keeps NUL in texts."""
        self._table = table
        self._database = database
        self._types = tuple(_type_of(column.type) for column in table.columns)
        self._keeps_nul = keeps_nul
        self.replaced = 0
        """Texts in which something was written for a NUL."""

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows.

        Raises:
            ConfigurationError: one holds what its column is not for.
        """
        for row in rows:
            yield tuple([self._fit(row, place) for place in range(len(self._types))])

    def _fit(self, row: Row, place: int) -> Any:
        value, expected = row[place], self._types[place]
        if value is None:
            return None
        if type(value) is expected:
            if isinstance(value, str) and not self._keeps_nul and _NUL in value:
                self.replaced += 1
                return value.replace(_NUL, _INSTEAD)
            return value
        if expected is bool and value in (0, 1):
            return bool(value)
        column = list(self._table.columns)[place].name
        which = ", ".join(repr(row[part]) for part in key_of(self._table))
        raise ConfigurationError(
            f"{self._database}: in the table {self._table.name}, row {which}, the column {column} holds "
            f"{type(value).__name__} where {expected.__name__} belongs. Somebody wrote it by hand: correct "
            "it, and run this again."
        )


def content(rows: Iterable[Row], tell: Callable[[int], None]) -> Content:
    """Return what rows hold; `tell` hears now and then how many were read."""
    found, number = hashlib.sha256(), 0
    encode = msgspec.msgpack.Encoder().encode
    for row in rows:
        found.update(encode(row))
        number += 1
        if number % 1000 == 0:
            tell(number)
    tell(number)
    return Content(number, found.hexdigest())


def _type_of(declared: object) -> type:
    return next(ours for theirs, ours in _TYPES if isinstance(declared, theirs))
