"""Verification, all of it: one table of everybody, and what only ours is asked about."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.report import Table
from bench.verification import beside, growth, in_process, propagation, table
from bench.verification.keys import fill

KEYS: Final = 1_000


def measure(folder: Path, rounds: int, seconds: int) -> Iterator[Table]:
    """Return the tables, each when it is measured."""
    filled = fill(folder / "data", KEYS)
    yield table.measure(folder, filled, rounds, seconds)
    yield in_process.measure(filled)
    yield beside.measure(folder, filled, rounds, seconds)
    yield propagation.measure(folder, filled)
    yield from growth.measure(folder, max(1, rounds // 2), seconds)
