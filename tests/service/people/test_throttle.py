"""How those who try passwords are slowed down: the arithmetic, with times as arguments."""

from itertools import count

import pytest

from flowkeys.domain.addresses import network_of
from flowkeys.domain.times import SECOND
from flowkeys.service.people.throttle import (
    PER_ACCOUNT,
    PER_ADDRESS,
    Pace,
    SignInThrottle,
    Throttle,
    Try,
)
from tests.service.support import BEGIN, DAY, HOUR, MINUTE

ACCOUNT = "ada@example.com"
HOME, STRANGER = "198.51.100.1", "203.0.113.7"


def failing(throttle: Throttle, times: int, now: int = BEGIN) -> int:
    """Fail so many times, each as soon as it may be tried; return the time after the last."""
    for _ in range(times):
        now += throttle.wait(ACCOUNT, now)
        throttle.count(ACCOUNT, now)
    return now


def test_the_first_five_failures_are_free() -> None:
    """Given fewer than five failures, the next try need not wait."""
    throttle = Throttle(PER_ACCOUNT)
    for _ in range(5):
        assert throttle.wait(ACCOUNT, BEGIN) == 0
        throttle.count(ACCOUNT, BEGIN)
    assert throttle.wait(ACCOUNT, BEGIN) == SECOND


def test_each_further_failure_doubles_the_wait_up_to_a_quarter_of_an_hour() -> None:
    """Given failures in a row, the waits are 1, 2, 4 … 512, 900, 900 seconds, and never more."""
    throttle, waits = Throttle(PER_ACCOUNT), []
    now = failing(throttle, 5)
    for _ in range(13):
        waits.append(throttle.wait(ACCOUNT, now) // SECOND)
        now = failing(throttle, 1, now)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_ten_thousand_failures_wait_no_longer_than_the_bound() -> None:
    """However often somebody else failed, a person gets in after a quarter of an hour at most."""
    throttle = Throttle(PER_ACCOUNT)
    for _ in range(10_000):
        throttle.count(ACCOUNT, BEGIN)
    assert throttle.wait(ACCOUNT, BEGIN) == 15 * MINUTE
    assert throttle.wait(ACCOUNT, BEGIN + 15 * MINUTE) == 0


def test_a_wait_runs_out_by_itself() -> None:
    """Given a wait, it gets shorter as time passes, and asking does not renew it."""
    throttle = Throttle(PER_ACCOUNT)
    now = failing(throttle, 8)
    assert throttle.wait(ACCOUNT, now) == 8 * SECOND
    assert throttle.wait(ACCOUNT, now + 5 * SECOND) == 3 * SECOND
    assert throttle.wait(ACCOUNT, now + 8 * SECOND) == 0


def test_a_day_without_failures_is_a_new_beginning() -> None:
    """Given old failures, they are forgotten a day after the last."""
    throttle = Throttle(PER_ACCOUNT)
    now = failing(throttle, 20)
    failing(throttle, 1, now + DAY)
    assert throttle.wait(ACCOUNT, now + DAY) == 0


def test_names_are_counted_apart() -> None:
    """One account's failures are not another's."""
    throttle = Throttle(PER_ACCOUNT)
    now = failing(throttle, 20)
    assert throttle.wait("bob@example.com", now) == 0


def test_memory_is_bounded_and_keeps_what_failed_last() -> None:
    """Given more names than are remembered, the one that failed longest ago is forgotten."""
    pace = Pace(free=1, first=HOUR, longest=HOUR, forgotten_after=DAY)
    throttle = Throttle(pace, remembered=3)
    for name in "abcad":
        throttle.count(name, BEGIN)
    assert [name for name in "abcd" if throttle.wait(name, BEGIN)] == ["a", "c", "d"]


def test_an_address_is_slowed_later_and_less() -> None:
    """Given an office behind one address, fifty failures are free and no wait is longer than 30 seconds."""
    throttle = Throttle(PER_ADDRESS)
    now = failing(throttle, 50)
    assert throttle.wait(ACCOUNT, now) == SECOND
    now = failing(throttle, 30, now)
    assert throttle.wait(ACCOUNT, now) == 30 * SECOND


def let_in(throttle: SignInThrottle, address: str | None, now: int, account: str = ACCOUNT) -> bool:
    """Try once, and fail; tell whether the password would have been looked at."""
    return isinstance(throttle.begin(account, address, now), Try)


def succeed(throttle: SignInThrottle, address: str | None, now: int) -> None:
    """Sign in."""
    attempt = throttle.begin(ACCOUNT, address, now)
    assert isinstance(attempt, Try)
    throttle.succeeded(attempt)


def test_one_address_cannot_try_many_accounts_at_its_leisure() -> None:
    """Given fifty accounts tried once each from one address, the next has to wait there, not elsewhere."""
    throttle = SignInThrottle()
    for number in range(50):
        assert let_in(throttle, STRANGER, BEGIN, f"{number}@example.com")
    assert throttle.begin(ACCOUNT, STRANGER, BEGIN) == 1
    assert let_in(throttle, HOME, BEGIN)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "172.17.0.1", "::ffff:10.0.0.1", "fd00::1", None])
def test_a_proxy_s_address_makes_nobody_wait_for_others(address: str | None) -> None:
    """Given a thousand accounts tried by one local address, by which everybody may come, one more is free."""
    throttle = SignInThrottle()
    for number in range(1000):
        assert let_in(throttle, address, BEGIN, f"{number}@example.com")
    assert let_in(throttle, address, BEGIN)


def test_who_guesses_elsewhere_does_not_hold_up_who_was_here_before() -> None:
    """Given a guess each second from another address for an hour, the person gets in whenever they try."""
    throttle = SignInThrottle()
    succeed(throttle, HOME, BEGIN)
    for second in range(HOUR // SECOND):
        let_in(throttle, STRANGER, BEGIN + second * SECOND)
        if second % 7 == 0:
            succeed(throttle, HOME, BEGIN + second * SECOND)


def test_who_is_signed_in_somewhere_is_known_there_after_a_restart() -> None:
    """Given as many guesses as make every stranger wait, an address that has a sign-in does not wait."""
    throttle = SignInThrottle()
    for number in range(50):
        assert let_in(throttle, f"203.0.113.{number}", BEGIN)
    assert throttle.begin(ACCOUNT, HOME, BEGIN) == 1
    assert isinstance(throttle.begin(ACCOUNT, HOME, BEGIN, [None, HOME]), Try)


def test_one_network_that_guesses_waits_before_all_strangers_do() -> None:
    """Given a guess each second from one address, somebody who is new gets in from another."""
    throttle = SignInThrottle()
    for second in range(HOUR // SECOND):
        let_in(throttle, STRANGER, BEGIN + second * SECOND)
    assert let_in(throttle, HOME, BEGIN + HOUR)


def test_a_guesser_with_any_number_of_networks_has_345_guesses_in_the_first_day_and_288_in_the_next() -> None:
    """Given guesses as soon as they may be made, each from a network of its own, the account slows them."""
    throttle, now, networks, days = SignInThrottle(), BEGIN, count(), [0, 0]
    while now < BEGIN + 2 * DAY:
        outcome = throttle.begin(ACCOUNT, f"2001:db8:0:{next(networks):x}::1", now)
        if isinstance(outcome, Try):
            days[(now - BEGIN) // DAY] += 1
        else:
            now += outcome * SECOND
    assert days == [345, 288]


def test_a_sign_in_does_not_undo_what_strangers_failed() -> None:
    """Given fifty guesses from everywhere, the next stranger waits, though the person signed in meanwhile."""
    throttle = SignInThrottle()
    succeed(throttle, HOME, BEGIN)
    for number in range(50):
        assert let_in(throttle, f"203.0.113.{number}", BEGIN)
    succeed(throttle, HOME, BEGIN)
    assert throttle.begin(ACCOUNT, "203.0.113.99", BEGIN) == 1


def test_where_people_were_let_in_is_forgotten_too_when_there_are_too_many() -> None:
    """Given more places than are remembered, who was let in longest ago is a stranger again."""
    throttle = SignInThrottle(remembered=2)
    for address in (HOME, "198.51.100.2", "198.51.100.3"):
        succeed(throttle, address, BEGIN)
    for number in range(50):
        assert let_in(throttle, f"203.0.113.{number}", BEGIN)
    waits = [not let_in(throttle, address, BEGIN) for address in (HOME, "198.51.100.2", "198.51.100.3")]
    assert waits == [True, False, False]


def test_tries_at_once_get_no_further_than_tries_in_a_row() -> None:
    """Given a hundred tries from one address of which none is decided yet, five are let in."""
    throttle = SignInThrottle()
    assert sum(let_in(throttle, STRANGER, BEGIN) for _ in range(100)) == 5


def test_a_try_that_an_outage_kept_from_being_decided_does_not_count() -> None:
    """Given many tries during an outage, the next one need not wait."""
    throttle = SignInThrottle()
    for _ in range(60):
        attempt = throttle.begin(ACCOUNT, STRANGER, BEGIN)
        assert isinstance(attempt, Try)
        throttle.undecided(attempt)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, ""),
        ("unix:", ""),
    ],
)
def test_an_ipv6_address_counts_as_its_network(address: str | None, network: str) -> None:
    """Who has one IPv6 address has 2^64: they count as one, and a mapped IPv4 address as itself."""
    assert network_of(address) == network
