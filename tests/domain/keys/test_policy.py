"""What a key does not keep to."""

import pytest

from flowkeys.domain.keys.policy import (
    Policy,
    breach_of_number,
    breaches_of_age,
    breaches_of_end,
    breaches_of_networks,
)
from flowkeys.domain.times import DAY

BEGAN = 1_000 * DAY


@pytest.mark.parametrize(
    ("policy", "end", "broken"),
    [
        (Policy(), None, []),
        (Policy(), BEGAN + 9_999 * DAY, []),
        (Policy(expiry_required=True), None, ["expiryRequired"]),
        (Policy(expiry_required=True), BEGAN + 9_999 * DAY, []),
        (Policy(max_lifetime_days=90), None, ["maxLifetimeDays"]),
        (Policy(max_lifetime_days=90), BEGAN + 90 * DAY, []),
        (Policy(max_lifetime_days=90), BEGAN + 90 * DAY + 1, ["maxLifetimeDays"]),
        (Policy(max_lifetime_days=90, expiry_required=True), None, ["expiryRequired"]),
    ],
)
def test_the_end_of_a_key(policy: Policy, end: int | None, broken: list[str]) -> None:
    """Exact to the microsecond: a day has 86,400 seconds."""
    assert [breach.policy for breach in breaches_of_end(policy, BEGAN, end)] == broken


@pytest.mark.parametrize("end", [None, BEGAN + 91 * DAY])
def test_an_end_that_has_passed_is_not_advised(end: int | None) -> None:
    """A key that is older than the policy lets it be has to be rotated first."""
    policy = Policy(max_lifetime_days=90)
    (early,) = breaches_of_end(policy, BEGAN, end, BEGAN + 90 * DAY - 1)
    assert (early.action, early.latest) == ("update", BEGAN + 90 * DAY)
    (late,) = breaches_of_end(policy, BEGAN, end, BEGAN + 90 * DAY)
    assert late.action == "rotate"
    assert "rotate the key" in late.message


@pytest.mark.parametrize(
    ("policy", "own", "outside"),
    [
        ([], ["0.0.0.0/0"], None),
        (["10.0.0.0/8"], [], None),
        (["10.0.0.0/8"], ["10.1.0.0/16", "10.2.3.4"], None),
        (["10.0.0.0/8"], ["0.0.0.0/0"], "0.0.0.0/0"),
        (["10.0.0.0/8"], ["10.0.0.0/8", "192.0.2.1"], "192.0.2.1"),
        (["10.0.0.0/9", "10.128.0.0/9"], ["10.0.0.0/8"], None),
        (["10.0.0.0/8"], ["2001:db8::/32"], "2001:db8::/32"),
        (["10.0.0.0/8", "2001:db8::/32"], ["2001:db8:1::/48"], None),
        (["::/0"], ["10.0.0.1"], "10.0.0.1"),
    ],
)
def test_networks_lie_in_those_of_the_policy(policy: list[str], own: list[str], outside: str | None) -> None:
    """Networks of the policy that lie side by side are one; what lies outside is named."""
    found = breaches_of_networks(Policy(allowed_ips=tuple(policy)), own)
    assert [breach.policy for breach in found] == ([] if outside is None else ["allowedIps"])
    assert outside is None or found[0].message.endswith(f"Not in it: {outside}.")


def test_a_key_is_to_be_rotated_after_so_many_days() -> None:
    """A reminder, from that very moment on."""
    policy = Policy(rotate_after_days=30)
    assert breaches_of_age(policy, BEGAN, BEGAN + 30 * DAY - 1) == []
    (breach,) = breaches_of_age(policy, BEGAN, BEGAN + 31 * DAY)
    assert (breach.policy, breach.action) == ("rotateAfterDays", "rotate")
    assert breaches_of_age(Policy(), BEGAN, BEGAN + 999 * DAY) == []


def test_one_day_is_said_as_one() -> None:
    """In the sentences of both policies."""
    (end,) = breaches_of_end(Policy(max_lifetime_days=1), BEGAN, None)
    (age,) = breaches_of_age(Policy(rotate_after_days=1), BEGAN, BEGAN + DAY)
    assert "live for 1 day:" in end.message
    assert age.message == "Its token is 1 day old; the policy rotateAfterDays has it rotated after 1 day."
    (older,) = breaches_of_age(Policy(rotate_after_days=2), BEGAN, BEGAN + 2 * DAY)
    assert "2 days old" in older.message


def test_a_number_of_keys() -> None:
    """As many as the policy allows, and not one more."""
    assert breach_of_number(Policy(), 10**6) is None
    policy = Policy(max_keys_per_person=3)
    assert [breach_of_number(policy, total) is None for total in (2, 3, 4)] == [True, True, False]
