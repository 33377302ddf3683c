"""The limit on failed credentials: the arithmetic, with times as arguments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkeys.domain.times import SECOND
from flowkeys.limits.failures import Failures

NOW = 1_700_000_000 * SECOND
HOME, STRANGER = "198.51.100.1", "203.0.113.7"


def _allowed(limit: Failures, times: int, address: str | None = HOME, now: int = NOW) -> int:
    return sum(limit.failed(address, now) == 0 for _ in range(times))


def test_a_burst_is_within_the_limit_and_no_more() -> None:
    """At one moment, exactly so many failures are answered as what they are."""
    limit = Failures(10, 100)
    assert _allowed(limit, 500) == 100
    assert limit.failed(HOME, NOW) == 1


def test_after_a_burst_so_many_a_second_are_within_the_limit() -> None:
    """Those beyond it are not counted: going on does not make it worse."""
    limit = Failures(10, 100)
    _allowed(limit, 10_000)
    assert [_allowed(limit, 50, now=NOW + second * SECOND) for second in (1, 2, 3)] == [10, 10, 10]


def test_after_its_window_an_address_has_the_whole_burst_again() -> None:
    """The window is what the header RateLimit-Policy says."""
    limit = Failures(10, 100)
    _allowed(limit, 1000)
    assert limit.window_seconds == 10
    assert _allowed(limit, 1000, now=NOW + limit.window_seconds * SECOND) == 100


def test_the_wait_is_told_in_whole_seconds_and_is_enough() -> None:
    """Half a second is told as one: whoever waits as told is within the limit again."""
    limit = Failures(1, 4)
    _allowed(limit, 4)
    later = NOW + SECOND // 2
    assert limit.failed(HOME, later) == 1
    assert limit.failed(HOME, later + SECOND) == 0


def test_each_address_has_a_limit_of_its_own() -> None:
    """Somebody else's garbage costs nobody anything."""
    limit = Failures(1, 3)
    assert _allowed(limit, 10) == 3
    assert _allowed(limit, 10, STRANGER) == 3


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"),
        ("203.0.113.7", "::ffff:203.0.113.7"),
        ("fe80::1%eth0", "fe80::2%eth1"),
        (None, None),
    ],
)
def test_who_can_choose_between_addresses_has_one_limit(first: str | None, second: str | None) -> None:
    """An IPv6 network of 64 bits is one; a mapped address is its IPv4 address."""
    limit = Failures(1, 3)
    assert _allowed(limit, 2, first) == 2
    assert _allowed(limit, 10, second) == 1


def test_neighbouring_networks_are_two() -> None:
    """Of 64 bits, not fewer."""
    limit = Failures(1, 3)
    assert _allowed(limit, 9, "2001:db8:0:1::1") == 3
    assert _allowed(limit, 9, "2001:db8:0:2::1") == 3


def test_zero_switches_it_off() -> None:
    """Nothing is limited, and nothing remembered."""
    limit = Failures(0, 100)
    assert _allowed(limit, 1000) == 1000
    assert len(limit) == 0


def test_memory_is_bounded() -> None:
    """Of more addresses than are remembered, the one that failed longest ago is forgotten."""
    limit = Failures(1, 1, remembered=100)
    for number in range(1000):
        assert limit.failed(f"10.0.{number >> 8}.{number & 255}", NOW) == 0
    assert len(limit) == 100
    assert limit.failed("10.0.3.231", NOW) == 1
    assert limit.failed("10.0.0.0", NOW) == 0


def test_a_clock_that_was_set_back_keeps_nobody_waiting() -> None:
    """Not for longer than a burst takes."""
    limit = Failures(1, 3)
    _allowed(limit, 3)
    assert limit.failed(HOME, NOW - 3600 * SECOND) == 0


@given(
    per_second=st.integers(1, 1000),
    burst=st.integers(1, 50),
    gaps=st.lists(st.integers(0, 3 * SECOND), max_size=60),
)
def test_in_any_stretch_of_time_no_more_than_burst_and_rate_are_within(
    per_second: int, burst: int, gaps: list[int]
) -> None:
    """The bound of the algorithm: burst + rate x time, for every pair of moments."""
    limit, now, within = Failures(per_second, burst), NOW, []
    for gap in gaps:
        now += gap
        if limit.failed(HOME, now) == 0:
            within.append(now)
    interval = SECOND // per_second
    for first, start in enumerate(within):
        for count, end in enumerate(within[first:], 1):
            assert count <= burst + (end - start) // interval
