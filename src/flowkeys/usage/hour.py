"""What was counted within one hour, in memory."""

from collections.abc import Iterable
from operator import add
from typing import Any, Final

from flowkeys.domain.usage.usage import NUMBERS, Counted

Kind = tuple[str, str, str, str, str]
"""A record's identity, a chatflow, an outcome, a door, and the customer that the key has."""
Cell = list[Any]
"""Whole numbers, as they are stored, and behind them how many seconds the calls took."""
TOOK_SECONDS: Final = NUMBERS
"""Where that is. It is told since the start and not stored: percentiles need no more than the buckets."""


class Hour:
    """What was counted within one hour. Of each kind the workspace is known from its first call."""

    __slots__ = ("cells", "time", "workspaces")

    def __init__(self, time: int) -> None:
        self.time = time
        self.cells: dict[Kind, Cell] = {}
        self.workspaces: dict[Kind, str] = {}

    def copied(self) -> tuple[list[Kind], list[Cell]]:
        """Return its kinds and their cells, as long as each other.

        No pairs: a hundred thousand new objects would have the collector look at all of memory.
        """
        return list(self.cells), list(self.cells.values())

    def counted(self, cells: Iterable[tuple[Kind, Cell]]) -> list[Counted]:
        """Return cells as they are stored; what is nobody's is not."""
        found = []
        for kind, cell in cells:
            workspace_id = self.workspaces[kind]
            if workspace_id:
                identity, chatflow_id, outcome, door, customer_id = kind
                key_id = identity.partition("\n")[0]
                whose = workspace_id, key_id, chatflow_id, customer_id
                found.append(Counted(self.time, *whose, door, outcome, tuple(cell[:NUMBERS])))
        return found


def new_cell() -> Cell:
    """Return one in which nothing is counted."""
    return [0] * NUMBERS + [0.0]


def add_totals(totals: dict[tuple[str, str], Cell], cells: Iterable[tuple[Kind, Cell]]) -> None:
    """Add cells to what calls of the same door and outcome come to."""
    for (_, _, outcome, door, _), cell in cells:
        total = totals.setdefault((door, outcome), new_cell())
        total[:] = map(add, total, cell)
