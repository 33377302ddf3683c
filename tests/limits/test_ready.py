"""Calls that are let in at hand: the same ones as else, and the same is said of them, to the byte."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkeys.domain.customers.customer import KeyCustomer
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.decision import Allowed, Decision
from flowkeys.domain.keys.terms import Terms
from flowkeys.domain.limits.fields import as_json, lines_of, raw_headers
from flowkeys.domain.limits.quota import Quotas, parse_quotas
from flowkeys.domain.limits.rate import Limits, parse_limits
from flowkeys.domain.times import DAY, SECOND
from flowkeys.limits.memory import MemoryLimits
from flowkeys.limits.quotas import MemoryQuotas
from flowkeys.limits.ready import ReadyInMemory
from flowkeys.service.keys.asked import Asked, quota_scopes_of, scopes_of
from flowkeys.service.keys.spending import LimitsAndQuotas

LIMITS = [
    *(None, "5/second", "3/7s burst 5", "10/second burst 20, 1000/second", "5/second, 20/day"),
    *("20/day, 5/second", "9/7s, 20/day", "3/second, 9/minute, 20/day"),
]
QUOTAS = [None, "30/month", "9/1d", "30/30d", "30/month, 20/7d", "500 tokens/month"]


class House:
    """Who counts, at a time that a test sets."""

    def __init__(self) -> None:
        self.now = 1_800_000_000 * SECOND + 999_999
        self.set_back = 0
        """By so much the clock on the wall is; the one of rate limits cannot be."""
        self.limits = MemoryLimits(lambda: (self.now + self.set_back) * 1000)
        self.quotas = MemoryQuotas(self._load, lambda: self.now)
        self.whole = LimitsAndQuotas(self.limits, self.quotas)
        self.ready = ReadyInMemory(self.limits, self.quotas)
        self.at_hand = 0

    async def _load(self, _: object) -> tuple[()]:
        return ()

    def asked(self, record: KeyRecord) -> Asked:
        """Return what applies to calls with a record."""
        return Asked(record, scopes_of(record, None, None), quota_scopes_of(record), self.ready)

    def call(self, asked: Asked) -> Decision:
        """Let a call in at hand if that can be, else decide it."""
        passed = None if asked.let_in is None else asked.let_in(self.now)
        if passed is not None:
            self.at_hand += 1
            return Allowed(asked.record, passed)
        return self.decide(asked)

    def decide(self, asked: Asked) -> Decision:
        """Decide about a call as if nothing were at hand."""
        found = self.whole.at_once(asked, None, None)
        return asyncio.run(self.whole.take(asked, None, None)) if found is None else found


def record_of(limits: str | None, quotas: str | None, theirs: str | None = None) -> KeyRecord:
    """Return the record of a key with these, whose customer has limits of its own."""
    terms = Terms(
        limits=None if limits is None else Limits(parse_limits([limits])),
        quotas=None if quotas is None else Quotas(parse_quotas([quotas])),
        customer=KeyCustomer("x", "X", limits=None if theirs is None else Limits(parse_limits([theirs]))),
    )
    return KeyRecord.of(key_id="k", workspace_id="w", name="One", terms=terms)


def said(decision: Decision) -> object:
    """Return all that a call is told of limits and quotas."""
    taken = decision.taken
    if taken is None:
        return type(decision), None
    return type(decision), lines_of(taken), raw_headers(taken), as_json(taken)


@pytest.mark.parametrize("theirs", [None, "4/second"])
@pytest.mark.parametrize("quotas", QUOTAS)
@pytest.mark.parametrize("limits", LIMITS)
@settings(max_examples=12, deadline=None)
@given(pauses=st.lists(st.sampled_from([0, 1, 999_999, SECOND, 100_000, 3 * SECOND, DAY]), max_size=60))
def test_they_are_told_what_others_are(
    limits: str | None, quotas: str | None, theirs: str | None, pauses: list[int]
) -> None:
    """Over the same calls, whether each is let in, and all that is said of it, is the same."""
    subject, reference = House(), House()
    record = record_of(limits, quotas, theirs)
    ours, others = subject.asked(record), reference.asked(record)
    for pause in pauses:
        subject.now = reference.now = subject.now + pause
        assert said(subject.call(ours)) == said(reference.decide(others))
        assert subject.quotas.uses("k") == reference.quotas.uses("k")


@pytest.mark.parametrize("theirs", [None, "100/second"])
@pytest.mark.parametrize("quotas", [None, "100/month", "100/1d"])
@pytest.mark.parametrize("limits", ["100/second", "100/second, 1000/day", "100/second, 200/minute, 1000/day"])
def test_nearly_all_calls_are(limits: str, quotas: str | None, theirs: str | None) -> None:
    """Only the first call is decided otherwise: it makes the entries."""
    house = House()
    asked = house.asked(record_of(limits, quotas, theirs))
    for _ in range(50):
        assert type(house.call(asked)) is Allowed
    assert house.at_hand == 49


def test_a_refused_call_takes_nothing_of_the_quota() -> None:
    """What a limit refuses, of one window or of several, was not used."""
    for limits in ("3/minute", "3/minute, 100/day", "3/minute, 50/hour, 100/day"):
        house = House()
        asked = house.asked(record_of(limits, "100/month"))
        assert [type(house.call(asked)) is Allowed for _ in range(6)] == [True] * 3 + [False] * 3
        assert [use.used for use in house.quotas.uses("k") or ()] == [3], limits


def test_quotas_that_were_changed_are_counted_anew() -> None:
    """A record of before counts against nothing that it knows; both share what was used."""
    house = House()
    before, after = (
        house.asked(record_of("99/second", "5/month")),
        house.asked(record_of("99/second", "7/month")),
    )
    for _ in range(3):
        assert type(house.call(before)) is Allowed
    for _ in range(4):
        assert type(house.call(after)) is Allowed
    assert type(house.call(after)) is not Allowed
    assert [use.used for use in house.quotas.uses("k") or ()] == [7]


def test_an_account_that_was_let_go_of_is_read_again() -> None:
    """Calls go on with what is stored, and are not counted where nobody looks."""
    house = House()
    asked = house.asked(record_of("99/second, 1000/day", "5/month"))
    for _ in range(3):
        assert type(house.call(asked)) is Allowed
    del house.quotas.accounts["k"]
    for _ in range(3):
        assert type(house.call(asked)) is Allowed
    assert [use.used for use in house.quotas.uses("k") or ()] == [3]


def test_what_was_counted_is_handed_over_each_time() -> None:
    """A flush takes what was counted at hand, and another one what was counted since."""
    house = House()
    asked = house.asked(record_of("99/second, 1000/day", "50/month"))
    for used in (4, 3):
        for _ in range(used):
            house.call(asked)
        assert [[one.use.used for one in spent] for spent, _ in house.quotas.unstored()] == [[used]]
    assert list(house.quotas.unstored()) == []


@pytest.mark.parametrize("quotas", ["50/month", "50/1d", "50/7d"])
@pytest.mark.parametrize("limits", ["9/second", "9/second, 90/day", "9/second, 90/minute, 90/day"])
def test_a_clock_that_was_set_back_counts_in_the_step_that_is(limits: str, quotas: str) -> None:
    """What quotas say is of the time that the clock tells, and nothing of a later one is kept."""
    subject, reference = House(), House()
    ours, others = (house.asked(record_of(limits, quotas)) for house in (subject, reference))
    for back in (0, 0, 40 * DAY, 0, -SECOND, 3 * SECOND):
        for house in (subject, reference):
            house.now, house.set_back = house.now - back, house.set_back + back
        assert said(subject.call(ours)) == said(reference.decide(others))


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        ("3/day", "5/day", 2),
        ("9/day burst 3", "3/day", 0),
        ("9/day burst 3, 90/week", "3/day, 90/week", 0),
        ("3/day", "5/day, 9/week", 2),
        ("3/day, 9/week", "5/day", 2),
    ],
)
def test_limits_that_were_changed_go_on_with_the_calls_that_were_made(
    before: str, after: str, more: int
) -> None:
    """An entry that was made under other limits is not at hand."""
    house = House()
    old, new = house.asked(record_of(before, None)), house.asked(record_of(after, None))
    assert [type(house.call(old)) is Allowed for _ in range(4)] == [True] * 3 + [False]
    assert [type(house.call(new)) is Allowed for _ in range(more + 1)] == [True] * more + [False]
