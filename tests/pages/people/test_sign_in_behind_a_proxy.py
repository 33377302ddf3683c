"""Wrong passwords are counted by who types them, where the server knows its proxy."""

from collections.abc import Callable

from flowkeys.service.people.throttle import PER_ACCOUNT
from tests.pages.forms import browse
from tests.pages.people.test_sign_in import sign_in
from tests.support.people import person
from tests.support.server import Running

HOME, STRANGER = "198.51.100.1", "203.0.113.7"


def _guess(server: Running, address: str, times: int = PER_ACCOUNT.free) -> None:
    browser = browse(server)
    browser.headers["X-Forwarded-For"] = address
    for _ in range(times):
        assert sign_in(browser, "ada@example.com", "wrong").status_code == 422


def _right_password(server: Running, address: str) -> int:
    browser = browse(server)
    browser.headers["X-Forwarded-For"] = address
    return sign_in(browser, "ada@example.com").status_code


def test_behind_a_configured_proxy_a_stranger_s_guesses_hold_nobody_up(start: Callable[..., Running]) -> None:
    """Given somebody who has to wait, the account's own person signs in from elsewhere without waiting."""
    server = start(trusted_proxies="127.0.0.1")
    person(server, email="ada@example.com")
    _guess(server, STRANGER)
    assert _right_password(server, STRANGER) == 429
    assert _right_password(server, f"{HOME}, {STRANGER}") == 429
    assert _right_password(server, HOME) == 303


def test_behind_an_unknown_proxy_everybody_is_one(start: Callable[..., Running]) -> None:
    """The header could be anybody's, so that the wait is shared: what the setting is for."""
    server = start()
    person(server, email="ada@example.com")
    _guess(server, STRANGER)
    assert _right_password(server, HOME) == 429
