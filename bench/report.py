"""Tables, for a terminal and for docs/benchmarks.md: the same Markdown."""

from dataclasses import dataclass, field


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


def _line(cells, widths) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
