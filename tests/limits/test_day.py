"""A day of clients against several windows at once, on a fake clock: who keeps to them, and who does not."""

import heapq
import uuid
from fractions import Fraction

import pytest

from flowkeys.domain.limits.gcra import CHATFLOW, CUSTOMER, KEY, Scope
from flowkeys.domain.limits.rate import Limits, parse_limits
from flowkeys.domain.times import SECOND
from tests.limits.test_memory import made

DAY = 86_400 * SECOND
SEVERAL = ["3/second, 5000/day", "10/second burst 2, 120/minute, 3000/hour, 20000/day", "1/second, 20/minute"]


def limits(text: str) -> Limits:
    """Return limits as people write them."""
    return Limits(parse_limits([text]))


def slowest(held: Limits) -> Fraction:
    """Return how many calls a second all of the limits allow for ever."""
    return min(Fraction(rate.limit, rate.window_seconds) for rate in held.rates)


def call_evenly(scopes: tuple[Scope, ...], a_second: Fraction) -> tuple[int, int]:
    """Return how many of a day's calls are let in, and how many there were, evenly spread."""
    limited, clock = made()
    start = clock.now
    step = SECOND / a_second
    calls = int(DAY / step)
    passed = 0
    for n in range(calls):
        clock.now = start + int(n * step)
        passed += not limited.at_once(scopes).wait_seconds
    return passed, calls


@pytest.mark.parametrize("text", SEVERAL)
def test_of_several_windows_the_slowest_is_held_for_a_day(text: str) -> None:
    """Below it nobody is refused; at 110 % a client gets what the slowest allows, to its burst."""
    held = limits(text)
    scopes = ((KEY, str(uuid.uuid4()), held),)
    passed, calls = call_evenly(scopes, slowest(held) * Fraction(9, 10))
    assert passed == calls
    passed, calls = call_evenly(scopes, slowest(held) * Fraction(11, 10))
    (most,) = [
        rate.burst + DAY * rate.limit // (rate.window_seconds * SECOND)
        for rate in held.rates
        if Fraction(rate.limit, rate.window_seconds) == slowest(held)
    ]
    assert passed in range(min(most, calls) - 2, min(most, calls) + 1)
    # A tenth of what is called is too much, but for a first burst.
    assert calls - passed >= calls - most


def test_keys_of_a_customer_share_a_day_and_keep_their_own() -> None:
    """Of three keys one keeps to its limit and two do not: each gets its own at most, all what they share."""
    limited, clock = made()
    own, shared, chatflow = limits("60/minute"), limits("100/minute"), limits("1000/minute")
    customer, flow = str(uuid.uuid4()), str(uuid.uuid4())
    names = [str(uuid.uuid4()) for _ in range(3)]
    steps = {names[0]: 4 * SECOND, names[1]: SECOND // 3, names[2]: SECOND // 2}
    start = clock.now
    coming = [(start + n, name) for n, name in enumerate(names)]
    passed = dict.fromkeys(names, 0)
    hour = DAY // 24
    while coming:
        clock.now, name = heapq.heappop(coming)
        scopes = ((KEY, name, own), (CUSTOMER, customer, shared), (CHATFLOW, flow, chatflow))
        passed[name] += not limited.at_once(scopes).wait_seconds
        if clock.now - start < hour:
            heapq.heappush(coming, (clock.now + steps[name], name))
    minutes = hour // (60 * SECOND)
    assert all(count <= 60 + 60 * minutes for count in passed.values())
    assert sum(passed.values()) in range(100 + 100 * minutes - 3, 100 + 100 * minutes + 1)


def test_whoever_comes_back_after_a_night_has_its_burst_and_no_more() -> None:
    """A pause gives back all windows, each up to its burst; a day's window counts the evening before."""
    limited, clock = made()
    scopes = ((KEY, str(uuid.uuid4()), limits("10/second burst 30, 1000/day")),)
    for _ in range(100):
        while not limited.at_once(scopes).wait_seconds:
            pass
        clock.now += SECOND
    clock.now += 8 * 3600 * SECOND
    passed = 0
    while not limited.at_once(scopes).wait_seconds:
        passed += 1
    assert passed == 30
    for _ in range(40):
        clock.now += SECOND
        while not limited.at_once(scopes).wait_seconds:
            passed += 1
    night = 1000 * (8 * 3600 + 140) // 86_400
    assert passed in range(night - 1, night + 11), "what a third of a day refills, and what was left"
