"""Rows of a table into sections in which every value stands beside the name of its column.

A row is one passage, headed by what it is about, so that "What is the price of Chair 77?" finds the row
and not the part of the table that it is in. Where that would be too many passages, rows share them, in tables
whose pieces keep their header.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from flowkeys.documents.sections import Block, Section

MOST_ROWS: Final = 5_000
"""Rows of one table that become passages of their own; more rows share theirs."""

_NUMBER: Final = re.compile(
    r"[^\w\s]{0,3}\s*(?:[A-Z]{3}\s*)?[+-]?\d[\d.,:/'\u00a0\u202f -]*(?:%|[^\w\s]{1,3}|\s*[A-Z]{3})?", re.ASCII
)
_YEAR: Final = re.compile(r"(?:19|20)\d\d(?:[-/]\d{1,2})?|Q[1-4]")
_ADDRESS: Final = re.compile(r"\S+@\S+\.\S+|https?://\S+")
_LONGEST_NAME: Final = 80
_LONGEST_TITLE: Final = 150
_DISTINCT: Final = 0.9
_TITLE_ROWS: Final = 5
_SAMPLE: Final = 200

Row = Sequence[str]


class _Table(msgspec.Struct, frozen=True):
    """Rows with what is above them."""

    titles: list[str]
    names: list[str]
    """Of the columns; empty when the file does not say them."""
    rows: list[Row]


def sections(rows: Iterable[Row], path: tuple[str, ...] = ()) -> list[Section]:
    """Return a section for each row, or one for all when they are too many. Titles above are headings."""
    table = _table([row for row in ([cell.strip() for cell in row] for row in rows) if any(row)])
    if table.rows and all(len(row) == 1 for row in table.rows):
        cells = [cell for row in (table.names, *table.rows) for cell in row]
        return [Section((*path, *table.titles), tuple(Block("text", cell) for cell in cells))]
    return _sections(table, path)


def _sections(table: _Table, path: tuple[str, ...]) -> list[Section]:
    path = (*path, *table.titles)
    if not table.rows:
        lone = [Block("text", name) for name in table.names if name]
        return [Section(path, tuple(lone))] if lone or path else []
    if len(table.rows) > MOST_ROWS:
        return [Section(path, (Block("table", markdown_table(table.names, table.rows)),))]
    about = _title_column(table)
    return [
        Section((*path, row[about]) if about is not None and about < len(row) and row[about] else path,
                (Block("record", record(table.names, row)),))
        for row in table.rows
    ]  # fmt: skip


def named_sections(names: Sequence[str], rows: Iterable[Row], path: tuple[str, ...]) -> list[Section]:
    """Return the sections of rows whose columns' names are known."""
    return _sections(_Table([], list(names), [row for row in rows if any(row)]), path)


def record(names: Row, row: Row) -> str:
    """Return a row as a list of its values with their names; empty ones are left out."""
    lines = []
    for number, cell in enumerate(row):
        if not cell:
            continue
        name = names[number] if number < len(names) else ""
        value = cell.replace("\n", "\n  ")
        lines.append(f"- {name}: {value}" if name else f"- {value}")
    return "\n".join(lines)


def markdown_table(names: Row, rows: Sequence[Row]) -> str:
    """Return a Markdown table; its first two lines are the header."""
    width = max(len(names), *(len(row) for row in rows)) if rows else len(names)
    header = _line([*names, *[""] * (width - len(names))])
    return "\n".join([header, "|" + "---|" * width, *map(_line, rows)])


def _line(cells: Row) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _table(rows: list[Row]) -> _Table:
    """Tell titles, header and rows apart."""
    filled = Counter(_filled(row) for row in rows[:_SAMPLE])
    alone = bool(rows) and len(rows[0]) == 1  # not a row of the table at all
    usual = max(filled, key=lambda size: (filled[size], alone and size), default=0)
    titles: list[str] = []
    while usual > 1 and len(rows) > 1 and len(titles) < _TITLE_ROWS and _filled(rows[0]) == 1:
        titles.append(next(cell for cell in rows[0] if cell))
        rows = rows[1:]
    if rows and _is_header(rows[0], rows[1:_SAMPLE]):
        return _Table(titles, [" ".join(name.split()) for name in rows[0]], rows[1:])
    return _Table(titles, [], rows)


def _filled(row: Row) -> int:
    return sum(bool(cell) for cell in row)


def _is_header(row: Row, others: Sequence[Row]) -> bool:
    """Tell whether a first row names the columns: short words, no numbers but years.

    A name may stand there twice where numbers stand below it.
    """
    names = [cell for cell in row if cell]
    repeats = len(set(names)) < len(names)
    if (repeats and not _has_numbers_below(row, others)) or any(len(name) > _LONGEST_NAME for name in names):
        return False
    if any(_ADDRESS.fullmatch(name) for name in names):
        return False
    numbers = [name for name in names if _NUMBER.fullmatch(name)]
    if not numbers:
        return len(row) > 1 or not others
    return len(numbers) < len(names) and all(_YEAR.fullmatch(name) for name in numbers)


def _has_numbers_below(row: Row, others: Sequence[Row]) -> bool:
    """Tell whether numbers stand in a column whose name is said twice."""
    twice = [number for number, name in enumerate(row) if name and list(row).count(name) > 1]
    below = [other[column] for column in twice for other in others if column < len(other) and other[column]]
    return bool(below) and sum(_NUMBER.fullmatch(cell) is not None for cell in below) * 2 > len(below)


def _title_column(table: _Table) -> int | None:
    """Return the column that says what a row is about: the first whose words differ in each."""
    sample = table.rows[:_SAMPLE]
    for column in range(max(len(row) for row in sample)):
        values = [row[column] for row in sample if column < len(row) and row[column]]
        if len(values) < _DISTINCT * len(sample) or len(set(values)) < _DISTINCT * len(values):
            continue
        if any(len(value) > _LONGEST_TITLE or "\n" in value for value in values):
            continue
        if sum(_NUMBER.fullmatch(value) is not None for value in values) * 2 < len(values):
            return column
    return None
