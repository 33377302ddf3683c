"""Rows of usage: added to what is there, and summed up."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import Insert, Table, select

from flowkeys.storage.elements import listed, upsert
from flowkeys.storage.schema import usage_day, usage_hour, usage_total, workspace
from flowkeys.storage.schema.usage import KIND, NUMBERS, TOTAL
from flowkeys.storage.statement import Connection, Insertion, Row, Statement, in_json

_IN_TOTAL: Final = tuple(KIND.index(name) for name in TOTAL)

_THERE: Final = Statement(select(workspace.c.id).where(workspace.c.id.in_(listed("ids"))))


def there(connection: Connection, workspace_ids: Iterable[str]) -> set[str]:
    """Return those workspaces that are still there.

    One may be deleted by hand before what was counted of it is stored. Its rows could not be, and would keep
    those of all others waiting for ever.
    """
    ids = in_json(sorted(set(workspace_ids)))
    return {workspace_id for (workspace_id,) in connection.rows(_THERE, {"ids": ids})}


def _adding(table: Table, kind: Sequence[str] = KIND) -> Insertion:
    def add(rows: Sequence[Mapping[str, object]]) -> Insert:
        insert = upsert(table).values(rows)
        sums = {name: table.c[name] + insert.excluded[name] for name in NUMBERS}
        return insert.on_conflict_do_update(index_elements=[table.c[name] for name in kind], set_=sums)

    return Insertion(add, (*kind, *NUMBERS))


_ADD_HOURS: Final = _adding(usage_hour)
_ADD_DAYS: Final = _adding(usage_day)
_ADD_TOTALS: Final = _adding(usage_total, TOTAL)


def add_hours(connection: Connection, rows: Iterable[Row]) -> None:
    """Add rows, of a kind and its numbers each, to those of hours, and to what they add up to."""
    merged = list(_merged(rows))
    connection.insert(_ADD_HOURS, merged)
    numbers = len(KIND)
    totals = ((*(row[at] for at in _IN_TOTAL), *row[numbers:]) for row in merged)
    connection.insert(_ADD_TOTALS, list(_merged(totals, len(TOTAL))))


def add_days(connection: Connection, rows: Iterable[Row]) -> None:
    """Add rows, of a kind and its numbers each, to those of days."""
    connection.insert(_ADD_DAYS, list(_merged(rows)))


def _merged(rows: Iterable[Row], behind: int = len(KIND)) -> Iterable[Row]:
    """Return each kind once, in the order of the table: so few of its pages are touched."""
    kinds: dict[Row, list[int]] = {}
    for row in rows:
        kind, numbers = row[:behind], row[behind:]
        known = kinds.get(kind)
        kinds[kind] = list(numbers) if known is None else [a + b for a, b in zip(known, numbers, strict=True)]
    return ((*kind, *kinds[kind]) for kind in sorted(kinds))
