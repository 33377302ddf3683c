"""A data directory with keys in it, and ways to change them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowkeys.verify import Result
from tests.support import databases
from tests.support.server import Running
from tests.support.waiting import until


def eventually(ask: Callable[[], Any], wanted: Any) -> None:
    """Ask until the answer is what is wanted."""
    found: list[Any] = []

    def is_wanted() -> bool:
        found[:] = [ask()]
        return bool(found[0] == wanted)

    until(is_wanted, lambda: f"it is still {found[0]}, not {wanted}")


def code(result: Result) -> str:
    """Return a result in one word."""
    return "valid" if result.allowed else result.code


@pytest.fixture(scope="module")
def running(serve: Callable[..., Running]) -> Running:
    """A server of this module's own."""
    return serve()


def by_hand(data_dir: Path, statement: str, *values: object) -> None:
    """Change the database as an operator with a shell does."""
    databases.by_hand(data_dir, statement, *values)
