"""Rate limits in memory: smooth, exact, all or nothing, and forgotten when there is nothing to remember."""

import tracemalloc
import uuid
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkeys.domain.limits.gcra import ADDRESS, BINDING, CHATFLOW, KEY, rates
from flowkeys.domain.limits.rate import Limits, RateLimit, parse_limits
from flowkeys.domain.times import SECOND
from flowkeys.limits import memory
from flowkeys.limits.memory import MemoryLimits

DAY = 86_400 * SECOND


class Clock:
    """Microseconds that a test sets, given in nanoseconds."""

    def __init__(self):
        self.now = 5_000_000_000

    def __call__(self):
        """Return nanoseconds."""
        return self.now * 1000


def limits(*texts):
    """Return limits as people write them."""
    return Limits(parse_limits(texts))


def new_id():
    """Return the id of a new key."""
    return str(uuid.uuid4())


def made():
    """Return a limiter and its clock."""
    clock = Clock()
    return MemoryLimits(clock), clock


@pytest.mark.parametrize("text", ["10/second", "7/second", "600/minute", "1000/hour", "3/second, 100000/day"])
def test_nobody_is_refused_below_the_limit_in_a_day(text):
    """A client that calls evenly at 90 % of the slowest of its limits is never refused, for a whole day."""
    limited, clock = made()
    scopes = ((KEY, new_id(), limits(text)),)
    slowest = min(Fraction(rate.limit, rate.window_seconds) for rate in scopes[0][2].rates)
    step = Fraction(SECOND) / (slowest * Fraction(9, 10))
    start = clock.now
    for n in range(min(int(DAY / step), 60_000)):
        clock.now = start + int(n * step)
        assert limited.at_once(scopes).wait_seconds == 0


@pytest.mark.parametrize("text", ["10/second", "7/second", "1000/hour", "1000/day", "10/second burst 20"])
def test_whoever_calls_more_gets_the_limit_in_a_day(text):
    """A client at 110 % is let in as often as the limit says, to the call: burst and refill."""
    limited, clock = made()
    scopes = ((KEY, new_id(), limits(text)),)
    (rate,) = scopes[0][2].rates
    step = Fraction(SECOND * rate.window_seconds * 10, rate.limit * 11)
    start = clock.now
    passed = 0
    calls = min(int(DAY / step), 60_000)
    for n in range(calls):
        clock.now = start + int(n * step)
        passed += not limited.at_once(scopes).wait_seconds
    elapsed = clock.now - start
    allowed = rate.burst + elapsed * rate.limit // (rate.window_seconds * SECOND)
    assert passed in {min(allowed, calls), min(allowed - 1, calls)}  # the last call may come before its turn
    if calls > 20 * rate.burst:
        assert Fraction(passed, calls) < Fraction(95, 100)


def test_a_window_never_restarts():
    """What is left grows evenly: after a tenth of the window a tenth of the calls is there again."""
    limited, clock = made()
    scopes = ((KEY, new_id(), limits("10/second")),)
    assert [limited.at_once(scopes).wait_seconds for _ in range(11)] == [0] * 10 + [1]
    clock.now += 99_999
    assert limited.at_once(scopes).wait_seconds == 1
    clock.now += 1
    assert limited.at_once(scopes).wait_seconds == 0
    assert limited.at_once(scopes).wait_seconds == 1


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(1, 90), st.integers(1, 25)), min_size=1, max_size=3),
    st.lists(st.integers(0, 30_000_000), min_size=1, max_size=60),
    st.integers(1, 3),
)
def test_it_agrees_with_a_bucket_of_fractions(windows, pauses, spread):
    """Against a simple model, buckets that are refilled in fractions of calls: the same calls are let in.

    However the limits are spread over scopes. Whoever is refused is told to wait at least as long as that
    takes; the first one exactly so long, others longer, so that they come one after the other, but by no more
    than what makes a minute.
    """
    limited, clock = made()
    found = [
        RateLimit(limit=limit, window_seconds=seconds, burst=burst, name=f"n{at}")
        for at, (limit, seconds, burst) in enumerate(windows)
    ]
    parts = [found[n::spread] for n in range(spread)]
    scopes = tuple((kind, new_id(), Limits(part)) for kind, part in enumerate(parts) if part)
    full = [Fraction(rate.burst) for rate in found]
    refused = False
    for pause in pauses:
        clock.now += pause
        for at, rate in enumerate(found):
            more = Fraction(pause * rate.limit, rate.window_seconds * SECOND)
            full[at] = min(Fraction(rate.burst), full[at] + more)
        taken = limited.at_once(scopes)
        assert (taken.wait_seconds == 0) == all(level >= 1 for level in full)
        if not taken.wait_seconds:
            full = [level - 1 for level in full]
        else:
            longest = max(
                (1 - level) * rate.window_seconds / rate.limit
                for level, rate in zip(full, found, strict=True)
            )
            needed = -(-longest.numerator // longest.denominator)
            assert needed <= taken.wait_seconds <= (max(needed, 60) if refused else needed)
            refused = True
        said = {rate.name: (calls, seconds) for _, rate, calls, seconds in rates(taken)}
        for level, rate in zip(full, found, strict=True):
            calls, seconds = said[rate.name]
            assert calls == int(level)
            missing = (int(level) + 1 - level) * rate.window_seconds / rate.limit
            expected = 0 if level == rate.burst else -(-missing.numerator // missing.denominator)
            assert seconds == expected


def test_of_several_limits_all_are_taken_or_none():
    """A call that one limit refuses costs the others nothing, in whatever scope they are."""
    limited, clock = made()
    key, chatflow = new_id(), new_id()
    many, few = limits("100/hour"), limits("1/minute")
    both = ((KEY, key, many), (CHATFLOW, chatflow, few))
    assert limited.at_once(both).wait_seconds == 0
    for _ in range(50):
        assert limited.at_once(both).wait_seconds == 60
    taken = limited.at_once(((KEY, key, many),))
    assert rates(taken)[0][2] == 98
    clock.now += 60 * SECOND
    assert limited.at_once(both).wait_seconds == 0


def test_scopes_are_apart():
    """Keys, chatflows, keys on chatflows and addresses each have their own, whatever their ids."""
    limited, _ = made()
    one = limits("1/hour")
    a, b = new_id(), new_id()
    whose = [(KEY, a), (KEY, b), (CHATFLOW, a), (BINDING, f"{a}\n{b}"), (BINDING, f"{b}\n{a}")]
    whose += [(ADDRESS, f"{a}\n192.0.2.1"), (ADDRESS, f"{a}\n192.0.2.2"), (KEY, "imported"), (KEY, "other")]
    for kind, ident in whose:
        assert limited.at_once(((kind, ident, one),)).wait_seconds == 0
    for kind, ident in whose:
        assert limited.at_once(((kind, ident, one),)).wait_seconds == 3600


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [
        (["10/hour"], ["20/hour"], 12),
        (["10/hour"], ["4/hour"], 0),
        (["10/hour"], ["10/hour burst 30"], 22),
        (["10/hour"], ["10/hour"], 2),
        (["10/hour"], ["100/day"], 100),
        (["10/hour"], ["5/second", "10/hour"], 2),
        (["100/day", "10/hour"], ["10/hour"], 2),
    ],
)
def test_what_was_used_stays_used_when_a_limit_changes(old, new, left):
    """Whoever used 8 calls has used 8 calls under the new limit of that window: a change is no refill."""
    limited, _ = made()
    key = new_id()
    for _ in range(8):
        limited.at_once(((KEY, key, limits(*old)),))
    after = limits(*new)
    taken = limited._standing(((KEY, key, after),), limited.clock() // 1000)
    found = {rate.window_seconds: calls for _, rate, calls, _ in rates(taken)}
    assert found[after.rates[-1].window_seconds] == left
    assert (limited.at_once(((KEY, key, after),)).wait_seconds > 0) == (left == 0)


def test_a_clock_that_jumps_back_keeps_nobody_waiting():
    """After a day back whoever waited waits as long as told at most, and nobody has more than the limit."""
    for text in ("10/minute", "10/minute, 100/hour"):
        limited, clock = made()
        scopes = ((KEY, new_id(), limits(text)),)
        clock.now = 3 * DAY
        for _ in range(10):
            assert limited.at_once(scopes).wait_seconds == 0
        clock.now -= DAY
        wait = limited.at_once(scopes).wait_seconds
        assert 0 < wait <= 360
        clock.now += wait * SECOND
        assert limited.at_once(scopes).wait_seconds == 0


def test_what_is_refilled_is_forgotten():
    """Nothing is kept of whoever has all of its limits again, however many there were."""
    limited, clock = made()
    one = limits("10/minute", "60/hour")
    for _ in range(5000):
        limited.at_once(((KEY, new_id(), one),))
    assert len(limited) == 5000
    clock.now += 2 * 3600 * SECOND
    other = new_id()
    for _ in range(1000):
        limited.at_once(((KEY, other, limits("100000/second")),))
    assert len(limited) == 1
    assert not limited._due or sum(map(len, limited._due.values())) <= 1
    assert len(limited._known) <= 2048


def test_whoever_goes_on_is_remembered():
    """An entry is looked at when it would be refilled; who called meanwhile keeps what was taken."""
    limited, clock = made()
    key, other = new_id(), new_id()
    scopes, others = ((KEY, key, limits("2/hour")),), ((KEY, other, limits("1000/second")),)
    assert limited.at_once(scopes).wait_seconds == 0
    for _ in range(40):
        clock.now += 1800 * SECOND
        limited.at_once(others)
        assert limited.at_once(scopes).wait_seconds == 0
    assert limited.at_once(scopes).wait_seconds == 0
    assert limited.at_once(scopes).wait_seconds == 1800


def test_there_is_a_most_of_entries(monkeypatch):
    """Memory has a bound, also where addresses are counted that anybody can have many of."""
    monkeypatch.setattr(memory, "MOST", 100)
    limited, clock = made()
    one = limits("1/second")
    for n in range(1000):
        clock.now += 10_000
        limited.at_once(((ADDRESS, f"x\n{n}", one),))
    assert len(limited) <= 250


@pytest.mark.parametrize("text", ["10/hour", "10/hour, 100/day", "10/hour, 100/day, 1000/30d"])
def test_it_takes_little_memory(text):
    """At most 150 bytes for each window of a key that is active, all that is kept counted."""
    one, keys = limits(text), 20_000
    ids = [new_id() for _ in range(keys)]
    limited, _ = made()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for key_id in ids:
            limited.at_once(((KEY, key_id, one),))
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown / keys / len(one.rates) <= 150
