"""The cells of an HTML table into a Markdown table, or what it was used for instead."""

from collections.abc import Sequence
from typing import Final

import msgspec

from flowkeys.documents.rows import markdown_table
from flowkeys.documents.sections import Block

_WIDEST: Final = 200
"""Columns that spanning cells are repeated over; no real table has more."""
_SPANNED: Final = 100_000
"""Cells that spanning may come to in one table."""
_PAIR: Final = 2


class Cell(msgspec.Struct):
    """A cell's text, and how many columns and rows it covers."""

    text: str
    is_header: bool
    columns: int = 1
    rows: int = 1


class Row(msgspec.Struct):
    """A row's cells in their order, and whether it stands in the table's head."""

    cells: list[Cell]
    in_head: bool = False

    @property
    def is_header(self) -> bool:
        """Whether it names columns."""
        return self.in_head or (bool(self.cells) and all(cell.is_header for cell in self.cells))


def render(rows: Sequence[Row]) -> list[Block]:
    """Return a table as Markdown, with the names of its columns first; pairs of name and value as a list."""
    rows = [row for row in rows if any(cell.text for cell in row.cells)]
    if not rows:
        return []
    grid = _grid(rows)
    heads = 0
    while heads < len(rows) - 1 and rows[heads].is_header:
        heads += 1
    width = max(map(len, grid))
    if width == 1:
        return [Block("text", text) for (text,) in grid if text]
    if heads == 0 and width == _PAIR and all(row.cells[0].is_header for row in rows):
        pairs = (f"- {line[0].rstrip(':')}: {line[1]}" if line[1:] else f"- {line[0]}" for line in grid)
        return [Block("list", "\n".join(pairs))]
    heads = heads or int(len(rows) > 1)  # most tables without header cells have one all the same
    names = [_name([line[column] for line in grid[:heads] if column < len(line)]) for column in range(width)]
    return [Block("table", markdown_table(names, grid[heads:]))]


def _name(parts: Sequence[str]) -> str:
    """Return the name of a column that several rows of headers name together."""
    return " ".join(dict.fromkeys(part for part in parts if part))


def _grid(rows: Sequence[Row]) -> list[list[str]]:
    """Return the rows with each spanning cell's text in every place that it covers."""
    below: dict[int, tuple[int, str]] = {}
    budget = _SPANNED
    grid: list[list[str]] = []
    for row in rows:
        line: list[str] = []
        for cell in row.cells:
            _fill(line, below)
            columns = max(1, min(cell.columns, _WIDEST - len(line), budget))
            budget -= columns if columns > 1 or cell.rows > 1 else 0
            if cell.rows > 1 and budget > 0:
                below.update(dict.fromkeys(range(len(line), len(line) + columns), (cell.rows, cell.text)))
            line += [cell.text] * columns
        _fill(line, below)
        budget -= len(below)
        below = {at: (left - 1, text) for at, (left, text) in below.items() if left > 1} if budget > 0 else {}
        grid.append(line)
    return grid


def _fill(line: list[str], below: dict[int, tuple[int, str]]) -> None:
    """Put in what cells of the rows above cover here."""
    while (spanning := below.get(len(line))) is not None and len(line) < _WIDEST:
        line.append(spanning[1])
