"""Tables, for a terminal and for docs/benchmarks.md: the same Markdown, which can be read again."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MARKS: Final = "<!-- {part}: written by make bench -->\n", "<!-- {part}: end -->\n"
"""Around what each part wrote, so that one can be renewed alone."""


@dataclass
class Table:
    """A table that knows whether a target was missed."""

    title: str
    columns: tuple[str, ...]
    note: str = ""
    rows: list[tuple[str, ...]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        """Append a row."""
        self.rows.append(cells)

    def verdict(self, target: str, *, met: bool) -> str:
        """Return what a row says about its target."""
        if met:
            return f"{target}: yes"
        self.missed.append(target)
        return f"{target}: **no**"

    def compare(self, name: str, here: float, there: float, times: int) -> None:
        """Append a row that should be so many times a figure of others."""
        ratio = here / there
        verdict = self.verdict(f"≥ {times}x", met=ratio >= times)
        self.add(name, f"{here:,.0f}", f"{there:,.0f}", f"{ratio:.0f}", verdict)

    def markdown(self) -> str:
        """Return it as text."""
        widths = [max(len(row[n]) for row in (self.columns, *self.rows)) for n in range(len(self.columns))]
        lines = [
            f"### {self.title}",
            "",
            _line(self.columns, widths),
            _line(["-" * w for w in widths], widths),
        ]
        lines += [_line(row, widths) for row in self.rows]
        return "\n".join([*lines, *(["", self.note] if self.note else []), ""])


class Cells:
    """What tables of a document say, found by their titles."""

    def __init__(self, text: str) -> None:
        self._tables: dict[str, list[list[str]]] = {}
        lines: list[list[str]] = []
        for line in text.splitlines():
            if line.startswith("### "):
                lines = self._tables[line.removeprefix("### ")] = []
            elif line.startswith("|"):
                lines.append([cell.strip() for cell in line.strip("|").split(" | ")])

    def rows(self, title: str) -> list[str]:
        """Return what the rows of a table are called."""
        return [line[0] for line in self._tables[title][2:]]

    def number(self, title: str, row: str, column: str) -> float:
        """Return a number. A table, row or column that is not there is a `KeyError`, which names it."""
        columns, _, *lines = self._tables[title]
        found = {line[0]: line for line in lines}
        if column not in columns:
            raise KeyError(f"{title}: {column}")
        cell = found[row][columns.index(column)].replace(",", "")
        number = re.match(r"-?[0-9.]+", cell)
        if number is None:
            raise KeyError(f"{title}: {row}: {column}: {cell}")
        return float(number[0])


def write(document: Path, part: str, text: str) -> None:
    """Put what a part wrote between its marks."""
    begin, end = (mark.format(part=part) for mark in MARKS)
    before, found, rest = document.read_text("utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise SystemExit(f"{document} has no place for {part}: {begin}")
    document.write_text(f"{before}{begin}\n{text}\n{end}{after}", "utf-8")


def written(document: Path, part: str) -> str:
    """Return what is between the marks of a part."""
    begin, end = (mark.format(part=part) for mark in MARKS)
    return document.read_text("utf-8").partition(begin)[2].partition(end)[0].strip("\n") + "\n"


def joined(tables: Iterable[Table]) -> str:
    """Return tables as text."""
    return "\n".join(table.markdown() for table in tables)


def _line(cells, widths) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
