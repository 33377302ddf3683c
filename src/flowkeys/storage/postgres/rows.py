"""Rows of what libpq returns as text."""

from collections.abc import Callable
from typing import Any, Final

from psycopg.pq.abc import PGresult

_BOOL: Final = 16
_INTEGERS: Final = frozenset({20, 21, 23})
"""The types' numbers in `pg_type`: they are the same in every database."""


def rows(result: PGresult) -> list[list[Any]]:
    """Return the rows of an answer: integers, truth values, and everything else as text."""
    if not result.ntuples:
        return []
    columns = range(result.nfields)
    read = [_reader(result.ftype(column)) for column in columns]
    value = result.get_value
    return [
        [None if (raw := value(row, at)) is None else read[at](raw) for at in columns]
        for row in range(result.ntuples)
    ]


def _reader(number: int) -> Callable[[bytes], Any]:
    if number in _INTEGERS:
        return int
    return _truth if number == _BOOL else bytes.decode


def _truth(text: bytes) -> bool:
    return text == b"t"
