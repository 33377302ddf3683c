"""How long calls took: counted in fixed buckets, which add up over any time, and read as percentiles."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

import msgspec

BOUNDS: Final = (
    *(0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05),
    *(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0),
)
"""The upper bounds of the buckets, in seconds; the last bucket, behind them, has none."""
BUCKETS: Final = len(BOUNDS) + 1
_PERCENTILES: Final = (0.5, 0.95, 0.99)


class Percentiles(msgspec.Struct, frozen=True):
    """How long half, 95 and 99 of a hundred calls took at most, in milliseconds."""

    p50: float
    p95: float
    p99: float


def bucket_of(seconds: float) -> int:
    """Return the number of the bucket that counts calls of this length."""
    return bisect_left(BOUNDS, seconds)


def percentiles(counts: Sequence[int]) -> Percentiles | None:
    """Return the percentiles of counted calls, or None of no call.

    Within a bucket calls are taken to be spread evenly; of the last one its lower bound is given. So each is
    exact to the width of a bucket, which is two or two and a half times its lower bound.
    """
    total = sum(counts)
    if not total:
        return None
    return Percentiles(*(_at(counts, share * total) for share in _PERCENTILES))


def _at(counts: Sequence[int], rank: float) -> float:
    before = 0
    for number, count in enumerate(counts):
        if count and before + count >= rank:
            low = BOUNDS[number - 1] if number else 0.0
            high = BOUNDS[number] if number < len(BOUNDS) else low
            return _milliseconds(low + (high - low) * (rank - before) / count)
        before += count
    return _milliseconds(BOUNDS[-1])


def _milliseconds(seconds: float) -> float:
    """Return three significant digits: more would be believed."""
    return float(f"{seconds * 1000:.3g}")
