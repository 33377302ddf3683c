"""Usage, summed up."""

import pytest

from flowkeys.domain.usage.latency import BOUNDS, BUCKETS, bucket_of, percentiles
from flowkeys.domain.usage.usage import HOUR, NUMBERS, TOKENS_IN, Period, series_of


def counted(bucket: int = 0, calls: int = 1, tokens: int = 0) -> list[int]:
    """Return what was counted of calls in one bucket."""
    numbers = [0] * NUMBERS
    numbers[bucket] = calls
    numbers[TOKENS_IN] = tokens
    return numbers


def test_a_bucket_takes_what_is_at_most_its_bound() -> None:
    """Every length has one bucket, the longest too."""
    assert [bucket_of(bound) for bound in BOUNDS] == list(range(len(BOUNDS)))
    assert bucket_of(0) == 0
    assert bucket_of(BOUNDS[0] * 1.01) == 1
    assert bucket_of(1e9) == BUCKETS - 1


def test_percentiles_lie_within_their_buckets() -> None:
    """Of a thousand lengths each is within the bucket that the true one is in."""
    lengths = [0.000_01 * 1.016**n for n in range(1000)]
    counts = [0] * BUCKETS
    for length in lengths:
        counts[bucket_of(length)] += 1
    found = percentiles(counts)
    assert found is not None
    for share, given in ((0.5, found.p50), (0.95, found.p95), (0.99, found.p99)):
        true = sorted(lengths)[int(share * len(lengths)) - 1]
        assert abs(bucket_of(given / 1000) - bucket_of(true)) <= 1
    assert percentiles([0] * BUCKETS) is None
    assert percentiles([0] * (BUCKETS - 1) + [1]).p50 == BOUNDS[-1] * 1000  # type: ignore[union-attr]


@pytest.mark.parametrize("step", ["hour", "day"])
def test_steps_without_a_call_are_there(step: str) -> None:
    """What lies outside is left out; the total is the sum of the steps."""
    day = 24 * HOUR
    period = Period(day, 3 * day, step)  # type: ignore[arg-type]
    rows = [
        (day - 1, "ok", counted()),
        (day, "ok", counted(tokens=3)),
        (day + HOUR, "unknown_key", counted()),
    ]
    found = series_of(period, rows)
    assert len(found.steps) == (48 if step == "hour" else 2)
    assert found.total.outcomes == {"ok": 1, "unknown_key": 1}
    assert sum(sums.calls for _, sums in found.steps) == found.total.calls == 2
    assert found.total.tokens_in == 3


def test_refused_calls_say_nothing_of_how_long_calls_take() -> None:
    """They are answered in microseconds, and would hide the rest; runs that fail are in."""
    found = series_of(
        Period(0, HOUR, "hour"),
        [
            (0, "disabled_key", counted(0, 1000)),
            (0, "upstream_failed", counted(bucket_of(9.0), 1)),
        ],
    )
    assert found.total.percentiles is not None
    assert found.total.percentiles.p50 > 5000
