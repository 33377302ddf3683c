"""Rows of usage: added to what is there, and summed up."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import Insert, Table
from sqlalchemy.dialects.sqlite import insert as upsert

from flowkeys.storage.schema import usage_day, usage_hour
from flowkeys.storage.schema.usage import KIND, NUMBERS
from flowkeys.storage.statement import Connection, Insertion, Row

_NAMES: Final = (*KIND, *NUMBERS)


def _adding(table: Table) -> Insertion:
    def add(rows: Sequence[Mapping[str, object]]) -> Insert:
        insert = upsert(table).values(rows)
        sums = {name: table.c[name] + insert.excluded[name] for name in NUMBERS}
        return insert.on_conflict_do_update(index_elements=[table.c[name] for name in KIND], set_=sums)

    return Insertion(add, _NAMES)


_ADD_HOURS: Final = _adding(usage_hour)
_ADD_DAYS: Final = _adding(usage_day)


def add_hours(connection: Connection, rows: Iterable[Row]) -> None:
    """Add rows, of a kind and its numbers each, to those of hours."""
    connection.insert(_ADD_HOURS, list(_merged(rows)))


def add_days(connection: Connection, rows: Iterable[Row]) -> None:
    """Add rows, of a kind and its numbers each, to those of days."""
    connection.insert(_ADD_DAYS, list(_merged(rows)))


def _merged(rows: Iterable[Row]) -> Iterable[Row]:
    """Return each kind once, in the order of the table: so few of its pages are touched."""
    kinds: dict[Row, list[int]] = {}
    behind = len(KIND)
    for row in rows:
        kind, numbers = row[:behind], row[behind:]
        known = kinds.get(kind)
        kinds[kind] = list(numbers) if known is None else [a + b for a, b in zip(known, numbers, strict=True)]
    return ((*kind, *kinds[kind]) for kind in sorted(kinds))
