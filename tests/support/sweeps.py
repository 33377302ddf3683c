"""Sweeps: a part of each in `make test`, all of it in `make test-all`, which says so in the environment.

What is marked slow stands alone. This is for tests that try each of many values on each of many things: which
part is tried on which thing goes round, so that every thing is tried, and every value, each day.
"""

import os
from collections.abc import Iterable
from typing import Any, Final, TypeVar

import pytest

WHOLE: Final = os.environ.get("SWEEPS") == "whole"

Value = TypeVar("Value")


def share(values: Iterable[Value], turn: int, of: int = 4) -> list[Value]:
    """Return the values whose turn it is: one in so many, or all."""
    return [value for number, value in enumerate(values) if WHOLE or number % of == turn % of]


def by_turns(values: Iterable[Any], turn: int, of: int = 2) -> list[Any]:
    """Return the parameters of a test; those whose turn it is not are slow.

    Of two tests that say the same of two things, say of a key and of a cookie, each takes the other's rest.
    """
    return [
        pytest.param(value, marks=() if number % of == turn % of else pytest.mark.slow)
        for number, value in enumerate(values)
    ]


def examples(number: int, of: int = 8) -> int:
    """Return how many examples are generated where `number` are many."""
    return number if WHOLE else -(-number // of)
