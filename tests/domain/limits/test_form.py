"""What answers say of limits and quotas: the same text for all calls, and numbers of each."""

from datetime import UTC, datetime

import pytest

from flowkeys.domain.limits.fields import fields_of, form_of, lines_of
from flowkeys.domain.limits.gcra import CUSTOMER, KEY, Taken, left, rates
from flowkeys.domain.limits.quota import Quotas, parse_quotas
from flowkeys.domain.limits.rate import Limits, parse_limits
from flowkeys.domain.limits.spent import Spent
from flowkeys.domain.times import DAY, SECOND

LIMITS = Limits(parse_limits(["10/second burst 20, 1000/day"]))
QUOTAS = Quotas(parse_quotas(["100/month, 50 tokens/7d"]))


def at(text: str) -> int:
    """Return a time in microseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize("limit", ["10/second", "1/second", "1/2s", "3/7s burst 5", "1000/day", "1/day"])
def test_the_numbers_are_those_of_the_decision(limit: str) -> None:
    """A division less makes no other number."""
    limits = Limits(parse_limits([limit]))
    scopes = ((KEY, "k", limits),)
    ((_, cost, full),) = limits.steps
    form = form_of(scopes, ())
    for owed in {0, 1, cost - 1, cost, cost + 1, full // 2, full - cost, full - 1, full}:
        ((_, _, calls, seconds),) = rates(Taken(scopes, (owed,)))
        assert form.numbers((owed,), None) == (calls, seconds) == left(limits.steps[0], owed), owed


def test_the_text_is_shared_by_keys_and_kept_apart_by_whose_limits_they_are() -> None:
    """Keys with the same limits share one form; limits of a customer are called otherwise."""
    one, two, customer = ((kind, whose, LIMITS) for kind, whose in ((KEY, "1"), (KEY, "2"), (CUSTOMER, "3")))
    assert form_of((one,), ()) is form_of((two,), ())
    assert form_of((one,), ()) is not form_of((customer,), ())
    assert form_of((one,), ()) is not form_of((one,), ((KEY, "1", "w", QUOTAS),))


def test_a_month_is_as_long_as_it_is_when_the_call_is_made() -> None:
    """A form that is kept says of each month how long that is."""
    scopes, quotas = ((KEY, "k", LIMITS),), ((KEY, "k", "w", QUOTAS),)
    form = form_of(scopes, quotas)
    for now, seconds in (
        (at("2027-01-31T23:59:59"), 31 * 86_400),
        (at("2027-02-01T00:00:00"), 28 * 86_400),
        (at("2027-01-31T23:59:59"), 31 * 86_400),
    ):
        spent = Spent(quotas, (7, -3), (now + 90 * SECOND + 1, now + DAY), now)
        for taken in (Taken(scopes, (0, 0), 0, spent, form), Taken(scopes, (0, 0), 0, spent)):
            policy, numbers = fields_of(taken)
            assert policy.decode() == (
                f'"second";q=10;w=1, "day";q=1000;w=86400, "calls-month";q=100;w={seconds}, '
                '"tokens-7d";q=50;w=604800;qu="tokens"'
            )
            assert numbers == (
                b'"second";r=20;t=0, "day";r=1000;t=0, "calls-month";r=7;t=91, "tokens-7d";r=0;t=86400'
            )
            assert lines_of(taken) == b"ratelimit-policy: %b\r\nratelimit: %b\r\n" % (policy, numbers)
