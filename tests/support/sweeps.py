"""Sweeps: a part of each in `make test`, all of it in `make test-all`, which says so in the environment.

What is marked slow stands alone. This is for tests that try each of many values on each of many things: which
part is tried on which thing goes round, so that every thing is tried, and every value, each day.
"""

import os
from collections.abc import Iterable
from typing import Final, TypeVar

WHOLE: Final = os.environ.get("SWEEPS") == "whole"

Value = TypeVar("Value")


def share(values: Iterable[Value], turn: int, of: int = 4) -> list[Value]:
    """Return the values whose turn it is: one in so many, or all."""
    return [value for number, value in enumerate(values) if WHOLE or number % of == turn % of]


def examples(number: int, of: int = 4) -> int:
    """Return how many examples are generated where `number` are many."""
    return number if WHOLE else -(-number // of)
