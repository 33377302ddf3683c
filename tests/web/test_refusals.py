"""From a refused credential to its answer."""

from itertools import count

import pytest

from flowkeys.domain.keys.bearer import MISSING, UNKNOWN
from flowkeys.domain.keys.decision import Denied, Reason
from flowkeys.limits.failures import Failures
from flowkeys.web.errors import of_denial
from flowkeys.web.refusals import Refusals

ADDRESS = "203.0.113.7"
GARBAGE = (UNKNOWN, Denied(Reason.INVALID_REQUEST, detail="The Authorization header is empty."))


def _refusals(burst: int = 3) -> Refusals:
    return Refusals(Failures(2, burst), lambda: 1_700_000_000_000_000)


@pytest.mark.parametrize("denied", GARBAGE, ids=lambda denied: denied.reason)
def test_beyond_the_limit_guesses_are_too_many(denied: Denied) -> None:
    """The first are answered as what they are; then 429, with when to come again (RFC 6585 section 4)."""
    refusals = _refusals()
    assert [refusals.refuse(denied, ADDRESS) for _ in range(3)] == [of_denial(denied)] * 3
    answer = refusals.refuse(denied, ADDRESS)
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert dict(answer.headers) == {
        "Retry-After": "1",
        "RateLimit-Policy": '"failures";q=3;w=2',
        "RateLimit": '"failures";r=0;t=1',
    }
    assert refusals.refuse(denied, "203.0.113.8") == of_denial(denied)


@pytest.mark.parametrize(
    "denied",
    [MISSING, *(Denied(reason) for reason in Reason if reason not in {d.reason for d in GARBAGE})],
    ids=lambda denied: denied.reason,
)
def test_what_is_no_guess_is_never_counted_and_never_changed(denied: Denied) -> None:
    """Who sent nothing, or is known, is told the same however often, and after garbage too."""
    refusals = _refusals()
    for _ in range(10):
        assert refusals.refuse(denied, ADDRESS) == of_denial(denied)
    codes = [refusals.refuse(UNKNOWN, ADDRESS).code for _ in range(4)]
    assert codes == ["unknown_key"] * 3 + ["rate_limited"]
    assert refusals.refuse(denied, ADDRESS) == of_denial(denied)


def test_both_kinds_of_garbage_count_together() -> None:
    """Sending them in turn doubles nothing."""
    refusals = _refusals(burst=4)
    codes = [refusals.refuse(GARBAGE[number % 2], ADDRESS).code for number in range(6)]
    assert codes[4:] == ["rate_limited"] * 2


def test_switched_off_nothing_is_too_many() -> None:
    """FLOWKEYS_FAILURES_PER_SECOND=0."""
    refusals = Refusals(Failures(0, 1), count().__next__)
    assert {refusals.refuse(UNKNOWN, ADDRESS).code for _ in range(100)} == {"unknown_key"}
