"""Which tables are copied, in which order, and which are not."""

from typing import Final

from sqlalchemy import Table

from flowkeys.storage.schema import metadata

LEFT: Final = {
    "change": "the feed of one database: whoever follows another one forgets everything, and begins there",
    "import_job": "imports end with the servers that run them, and what they made is copied",
    "server": "processes that serve the one database do not serve the other",
    "key_count": "made anew from keys and bindings, where there is such a table",
    "key_letters": "made anew from the names of keys, where there is such a table",
    "key_set": "made anew from keys and bindings, where there is such a table",
    "key_unread_name": "made anew: the names of all keys, where there is such a table",
}
"""Tables that are not copied, with the reason."""

COPIED: Final = tuple(table for table in metadata.sorted_tables if table.name not in LEFT)
"""Tables that are copied: whatever a row refers to comes before it. A new table is among them by itself."""

NUMBERED: Final = tuple(
    table
    for table in metadata.sorted_tables
    if "seq" in table.columns and table.columns["seq"].autoincrement is True
)
"""Tables whose rows are numbered: numbers that were given out once are never given out again."""


def key_of(table: Table) -> tuple[int, ...]:
    """Return which columns a row is found and sorted by, as their places in a row."""
    places = {column.name: place for place, column in enumerate(table.columns)}
    return tuple(places[column.name] for column in table.primary_key.columns)


def listed(table: Table) -> str:
    """Return the names of all columns, as both databases read them."""
    return ", ".join(f'"{column.name}"' for column in table.columns)


def selection(table: Table, mark: str, after: tuple[object, ...] | None) -> str:
    """Return the query of all rows in their order, or of those behind a key, whose values `mark` stands for.

    Texts are compared by their bytes in both, so the order is the same.
    """
    key = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
    marks = ", ".join([mark] * len(table.primary_key.columns))
    behind = "" if after is None else f" WHERE ({key}) > ({marks})"
    return f'SELECT {listed(table)} FROM "{table.name}"{behind} ORDER BY {key}'  # noqa: S608 - of the schema
