"""What a decision about limits costs, and what is kept for it."""

import statistics
import time
import tracemalloc
import uuid
from collections.abc import Iterator
from typing import Final

from bench.report import Table
from flowkeys.domain.limits.gcra import KEY, Scope
from flowkeys.domain.limits.rate import Limits, parse_limits
from flowkeys.limits.memory import MemoryLimits

KEYS: Final = 1000
CALLS: Final = 20_000
ROUNDS: Final = 21
ACTIVE: Final = 50_000
BYTES: Final = 150
_MANY: Final = "burst 1000000000"
CASES: Final = {
    "one window": (f"1000000/second {_MANY}", 1.0),
    "two windows": (f"1000000/second {_MANY}, 100000000/day {_MANY}", 2.0),
    "three windows": (f"1000000/second {_MANY}, 1000000/minute {_MANY}, 100000000/day {_MANY}", 2.0),
}
SLOW: Final = {
    "one window": "10/hour",
    "two windows": "10/hour, 100/day",
    "three windows": "10/hour, 100/day, 1000/30d",
}
"""Which are not refilled, and so forgotten, while it is measured."""


def measure() -> Iterator[Table]:
    """Return the tables: microseconds a decision, and bytes a window of an active key."""
    costs = Table(
        "A decision about limits",
        ("", "µs, median", "µs, best round", "target"),
        note=f"`MemoryLimits.at_once`, {KEYS:,} keys in turn, {ROUNDS} rounds of {CALLS:,} that are let "
        "in, the loop included; processor time.",
    )
    for name, (text, most) in CASES.items():
        took = [_decide(text) for _ in range(ROUNDS)]
        middle = statistics.median(took)
        verdict = costs.verdict(f"{name}: < {most:.0f} µs", met=middle < most)
        costs.add(name, f"{middle:.2f}", f"{min(took):.2f}", verdict)
    yield costs
    kept = Table(
        "What is kept of an active key",
        ("", "bytes", "bytes a window", "target"),
        note=f"Of {ACTIVE:,} keys.",
    )
    for name, text in SLOW.items():
        size = _size(text)
        each = size / len(parse_limits([text]))
        verdict = kept.verdict(f"{name}: ≤ {BYTES} bytes a window", met=each <= BYTES)
        kept.add(name, f"{size:.0f}", f"{each:.0f}", verdict)
    yield kept


def _scopes(text: str, count: int) -> list[tuple[Scope, ...]]:
    limits = Limits(parse_limits([text]))
    return [((KEY, str(uuid.uuid4()), limits),) for _ in range(count)]


def _decide(text: str) -> float:
    """Return the microseconds of a decision. The id is a new text for each call, as a record's is."""
    limiter = MemoryLimits()
    known = _scopes(text, KEYS)
    for scopes in known:
        limiter.at_once(scopes)
    calls = [((KEY, "".join(list(key_id)), limits),) for ((_, key_id, limits),) in known * (CALLS // KEYS)]
    at_once = limiter.at_once
    began = time.thread_time_ns()
    for scopes in calls:
        at_once(scopes)
    return (time.thread_time_ns() - began) / len(calls) / 1000


def _size(text: str) -> float:
    scopes = _scopes(text, ACTIVE)
    limiter = MemoryLimits()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for each in scopes:
            limiter.at_once(each)
        return (tracemalloc.get_traced_memory()[0] - before) / ACTIVE
    finally:
        tracemalloc.stop()
