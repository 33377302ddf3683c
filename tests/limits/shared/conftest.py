"""One Valkey for the tests of shared limits."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from flowkeys.limits.memory import MemoryLimits
from flowkeys.limits.shared.chosen import Chosen
from flowkeys.limits.shared.place import places_of
from flowkeys.limits.shared.rates import SharedLimits
from flowkeys.limits.shared.valkey import Valkey


class Limiter:
    """A limiter over a server, and what was told of it."""

    def __init__(
        self, url: str, *, refuses: bool = False, names: tuple[str, ...] = (), timeout_seconds: float = 5.0
    ) -> None:
        self.told: list[tuple[str, str]] = []
        self.valkey = Valkey(places_of(url), timeout_seconds, lambda *what: self.told.append(what))
        self.alone = MemoryLimits()
        self.limits = SharedLimits(self.valkey, self.alone, Chosen(refuses, frozenset(names)))


@pytest.fixture
def run() -> Iterator[Any]:
    """Run coroutines on a loop that lasts as long as the test."""
    with asyncio.Runner() as runner:
        yield runner.run
