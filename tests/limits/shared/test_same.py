"""Shared limits say to the number what limits in memory say."""

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowkeys.domain.limits.gcra import ADDRESS, BINDING, CHATFLOW, CUSTOMER, KEY
from flowkeys.domain.limits.rate import Limits, RateLimit
from flowkeys.limits.memory import MemoryLimits
from flowkeys.limits.shared import rates
from tests.limits.shared.conftest import Limiter

_KINDS = (KEY, BINDING, CUSTOMER, CHATFLOW, ADDRESS)
_START = 1_790_000_000_000_000
_CLOCK = b"{flowkeys}:clock"


class Clocked(rates.Script):
    """A script, by a clock that the test sets; what it keeps expires by no other clock."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names)
        own = b"cjson.decode(redis.call('GET', '%b'))" % _CLOCK
        lasting = re.sub(rb", 'PX', .+?\)?\)$", b")", self.text, flags=re.MULTILINE)
        assert lasting != self.text
        self.text = lasting.replace(b"redis.call('TIME')", own)
        self.sha = "0" * 40


@pytest.fixture
def clocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the script go by the test's clock."""
    monkeypatch.setattr(rates, "_TAKE", Clocked("rates.lua", "take.lua"))
    monkeypatch.setattr(rates, "_MOVE", Clocked("move.lua"))


_RATE = st.builds(
    RateLimit,
    limit=st.one_of(st.integers(1, 20), st.integers(1, 10**9)),
    window_seconds=st.one_of(st.integers(1, 90), st.integers(1, 366 * 86_400)),
    burst=st.one_of(st.integers(1, 4), st.integers(1, 25)),
    name=st.sampled_from(["second", "a", "b-2", "day"]),
)
_LISTS = st.lists(
    st.lists(_RATE, min_size=1, max_size=3, unique_by=lambda rate: rate.name), min_size=1, max_size=4
)
_CALL = st.tuples(
    st.lists(st.tuples(st.sampled_from(_KINDS), st.sampled_from("xy"), st.integers(0, 3)), min_size=1,
             max_size=3, unique_by=lambda one: one[:2]),
    st.one_of(st.integers(0, 3_000_000), st.integers(-5_000_000, 10**9), st.just(0)),
    st.sampled_from([True, True, True, False]),
)  # fmt: skip


_SECOND = RateLimit(name="second", limit=1, window_seconds=1, burst=1)
_MINUTE = RateLimit(name="minute", limit=1, window_seconds=60, burst=1)
_OWN, _OTHER = ([(KEY, "x", which)] for which in (0, 1))


# Whoever looks by limits that are not in force, or not yet, changes nothing.
@example(lists=[[_SECOND, _MINUTE], [_SECOND]], calls=[(_OWN, 0, True), (_OTHER, 0, False), (_OWN, 0, True)])
@settings(max_examples=60)
@given(lists=_LISTS, calls=st.lists(_CALL, min_size=1, max_size=40))
def _agree(run: Any, shared: Limiter, client: Any, lists: Any, calls: Any) -> None:
    now = [_START]
    alone = MemoryLimits(lambda: now[0] * 1000)
    every = [Limits(one) for one in lists]
    client.flushall()
    for scopes, pause, takes in calls:
        now[0] += pause
        client.set(_CLOCK, f'["{now[0] // 1_000_000}","{now[0] % 1_000_000}"]')
        asked = tuple((kind, whose, every[at % len(every)]) for kind, whose, at in scopes)
        if takes:
            expected, found = alone.at_once(asked), run(shared.limits.take(asked))
        else:
            expected, found = alone.standing_at_once(asked), run(shared.limits.standing(asked))
        assert (found.owed, found.wait_seconds) == (expected.owed, expected.wait_seconds)


@pytest.mark.usefixtures("clocked")
def test_they_say_the_same(run, empty_valkey):
    """Whatever limits there are, however they change, over whichever scopes, when the clock is set back too.

    What is owed of each limit, and how many seconds a refused call is told to wait: its turn.
    """
    shared = Limiter(empty_valkey.url)
    run(shared.valkey.start())
    try:
        with empty_valkey.client() as client:
            _agree(run, shared, client)
        assert shared.valkey.without == 0, shared.told
    finally:
        run(shared.valkey.stop())
