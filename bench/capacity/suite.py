"""What is measured for docs/scaling.md, and the model that is written from it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.capacity import million, model, rows, shared, shown
from bench.report import Cells, Table, joined, write

DOCS: Final = Path(__file__).parents[2] / "docs"
SCALING: Final = DOCS / "scaling.md"
MODEL: Final = "capacity"
PARTS: Final[dict[str, Callable[[Path], list[Table]]]] = {
    "rows": rows.measure,
    "shared": shared.measure,
    "million": million.measure,
}


def costs() -> model.Costs:
    """Return what docs/benchmarks.md and docs/scaling.md say was measured."""
    bench, own = (Cells(page.read_text("utf-8")) for page in (DOCS / "benchmarks.md", SCALING))
    return model.read(bench, own)


def model_text() -> str:
    """Return the tables of the model."""
    return joined(shown.tables(costs()))


def write_model() -> None:
    """Write them into docs/scaling.md."""
    write(SCALING, MODEL, model_text())
