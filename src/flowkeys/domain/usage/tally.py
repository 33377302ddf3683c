"""What a process counts of itself since its start, for metrics alone: nothing of it is stored."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Upper bounds, in seconds, of what takes about as long as the disk or a page does."""


class Histogram:
    """Numbers, counted in buckets. One thread adds to it; others may read, and see one call more or less."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        """Count in buckets with these upper bounds, and in one above them."""
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        """Count a number."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class Tally:
    """What was asked beside the doors of predictions and forward-auth: about tokens, by the API and pages."""

    __slots__ = ("allowed", "denied", "requests", "took")

    def __init__(self) -> None:
        self.allowed = 0
        """Tokens that verify was asked about and that were good."""
        self.denied: Counter[str] = Counter()
        """Those that were not, and calls of verify that were refused, by code."""
        self.requests: Counter[tuple[str, int]] = Counter()
        """Other requests, by part (see `part_of`) and status."""
        self.took: dict[str, Histogram] = {}
        """How long those took, by part, in seconds."""

    def decided(self, code: str | None) -> None:
        """Count what verify answers about a token: why it is refused, or None: it is good."""
        if code is None:
            self.allowed += 1
        else:
            self.denied[code] += 1

    def request(self, route: str | None, status: int, seconds: float) -> None:
        """Count a request that has ended."""
        part = part_of(route)
        self.requests[part, status] += 1
        took = self.took.get(part)
        if took is None:
            took = self.took[part] = Histogram()
        took.add(seconds)

    def verified(self) -> Iterator[tuple[str, int]]:
        """Yield how often verify came to each outcome."""
        yield "ok", self.allowed
        yield from self.denied.items()


def part_of(route: str | None) -> str:
    """Return which part of the server a route belongs to; a request without one reached none."""
    if route is None:
        return "none"
    return "api" if route.startswith("/api/") else "pages"
