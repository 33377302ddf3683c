"""Rows for every table, made from the schema: whoever adds a table need not add to tests that look at all."""

import sqlite3
from typing import Any

from sqlalchemy import Boolean, Column, Integer, LargeBinary, Table, Text

from flowkeys.storage.moving.tables import COPIED

_CHOICES = {
    "status": "active",
    "state": "disabled",
    "outcome": "failed",
    "role": "owner",
    "permissions": "[]",
    "events": "[]",
    "flow_data": "{}",
    "extras": "{}",
    "meta": "{}",
}


def fill(raw: sqlite3.Connection, rows: int = 3, *, only_empty: bool = False) -> dict[str, int]:
    """Fill every table that is copied; return how many rows each has then. Every second row holds nulls."""
    made: dict[str, list[dict[str, Any]]] = {}
    for table in COPIED:
        names = [column.name for column in table.columns]
        listed = ", ".join(f'"{name}"' for name in names)

        def there(
            table: Table = table, names: list[str] = names, listed: str = listed
        ) -> list[dict[str, Any]]:
            found = raw.execute(f'SELECT {listed} FROM "{table.name}"').fetchall()
            return [dict(zip(names, row, strict=True)) for row in found]

        made[table.name] = there()
        if not (only_empty and made[table.name]):
            marks = ", ".join("?" * len(names))
            for number in range(len(made[table.name]), rows):
                row = _row(table, number, made)
                raw.execute(
                    f'INSERT OR IGNORE INTO "{table.name}"({listed}) VALUES ({marks})',
                    [row[name] for name in names],
                )
            made[table.name] = there()
    raw.commit()
    return {name: len(found) for name, found in made.items()}


def _row(table: Table, number: int, made: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    row = {column.name: _value(table, column, number) for column in table.columns}
    for constraint in table.foreign_key_constraints:
        parents = made[constraint.referred_table.name]
        parent = parents[number % len(parents)]
        for element in constraint.elements:
            row[element.parent.name] = parent[element.column.name]
    return row


def _value(table: Table, column: Column[Any], number: int) -> Any:
    if column.nullable and number % 2 == 0:
        return None
    if column.name in _CHOICES:
        return _CHOICES[column.name]
    kind = column.type
    if isinstance(kind, Boolean):
        return number % 2
    if isinstance(kind, Integer):
        return number + 1 if column.name in ("seq", "id", "position") else number * 1_000_000_007 * 1000
    if isinstance(kind, LargeBinary):
        return bytes([number, 0, 255, 10, 92])
    assert isinstance(kind, Text)
    return f"{table.name} {column.name} {number} Ünïcödé \\ \t\n'\"%s 😀"
