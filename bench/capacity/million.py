"""The prediction for a million keys, held against a million keys that are there."""

import random
from pathlib import Path
from typing import Final

from bench.capacity import filling, multiplied, rows, servers, sizes
from bench.capacity.sizes import Sizes
from bench.report import Cells, Table
from bench.target import opened

MADE: Final = 5_000
COUNT: Final = 1_000_000
_DOCS: Final = Path(__file__).parents[2] / "docs"
_OF_KEYS: Final = ("key, with its token", "binding", "row of the audit log", "row of the feed")
TITLE: Final = "A million keys, predicted and measured"


def measure(folder: Path) -> list[Table]:
    """Return the table."""
    _fill(folder / "file")
    multiplied.in_file(folder / "file" / "flowkeys.db", MADE, COUNT)
    in_file = sizes.of_file(folder / "file" / "flowkeys.db")
    with servers.postgres(folder) as (url, _):
        _fill(folder / "data", database=url, revocation_bound_ms=rows.BOUND_MS)
        multiplied.in_postgres(url, MADE, COUNT)
        in_postgres = sizes.of_postgres(url)
    return [compared({"SQLite": (in_file, COUNT), "PostgreSQL": (in_postgres, COUNT)})]


def compared(measured: dict[str, tuple[Sizes, int]]) -> Table:
    """Return what was predicted of so many keys, what was found, and how far that is apart."""
    own = Cells((_DOCS / "scaling.md").read_text("utf-8"))
    bench = Cells((_DOCS / "benchmarks.md").read_text("utf-8"))
    table = Table(
        TITLE,
        ("", "keys", "predicted", "measured", "apart"),
        note=f"Predicted from the table of rows, which is of {rows.KEYS:,} keys. For the sizes some keys "
        "were made by the server's statements and their rows put in again, each with an id, a name and a "
        "digest of its own and every index in its place; the index of searches, which SQLite keeps by "
        "triggers, is left out. On PostgreSQL a binding writes the row of its key anew, which those rows "
        "did not do: predicted is with that, measured without. Memory and the cost of a miss are from "
        "[benchmarks.md](benchmarks.md): "
        "memory of a process with all keys in it and twenty thousand of them in use, predicted from what "
        "100,000 take; a token that is nobody's, from what it costs among 1,000 keys.",
    )
    for database, (found, count) in measured.items():
        for kind in _OF_KEYS:
            each = own.number(rows.SIZES, kind, database)
            _add(table, f"{database}: {kind}", count, each * count / 2**20, found[kind].both / 2**20)
    title, column = "Start and memory with more keys", "MB after the load"
    few, many, most = (bench.number(title, row, column) for row in ("1,000", "100,000", "1,000,000"))
    _add(table, "memory of a process", COUNT, few + (many - few) / 99 * 999, most)
    title = "Verification with more keys"
    few, most = (bench.number(title, "miss", f"{count} keys, CPU µs") for count in ("1,000", "1,000,000"))
    _add(table, "processor time of a miss", COUNT, few, most, "µs")
    return table


def _fill(data_dir: Path, **settings: object) -> None:
    with opened(data_dir, **settings) as target:
        filling.keys(target, filling.chatflows(target), MADE, random.Random(7))


def _add(table: Table, what: str, count: int, predicted: float, measured: float, unit: str = "MB") -> None:
    numbers = [f"{number:,.4g} {unit}" for number in (predicted, measured)]
    table.add(what, f"{count:,}", *numbers, f"{(measured - predicted) / predicted:+.0%}")
