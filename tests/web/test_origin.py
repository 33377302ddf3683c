"""Whether a request comes from our own pages."""

import pytest
from starlette.types import Scope

from flowkeys.web.origin import is_our_own, public_origin

OURS = "http://127.0.0.1:3000"
PUBLIC = "https://keys.example.com"


def scope(*headers: tuple[str, str], scheme: str = "http") -> Scope:
    """Return a request with these headers, sent to our address unless they say otherwise."""
    if not any(name == "host" for name, _ in headers):
        headers = (("host", "127.0.0.1:3000"), *headers)
    return {
        "type": "http",
        "scheme": scheme,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


def test_without_a_setting_the_origin_is_what_the_request_was_sent_to() -> None:
    """Scheme and host as the browser wrote them into its address line."""
    assert public_origin(scope(), None) == OURS
    assert public_origin(scope(scheme="https"), None) == "https://127.0.0.1:3000"


def test_the_setting_is_the_origin_whatever_host_was_asked() -> None:
    """Behind a proxy the request's own host is another; a path in the setting is none of its origin."""
    assert public_origin(scope(("host", "evil.example")), PUBLIC) == PUBLIC
    assert public_origin(scope(), f"{PUBLIC}/") == PUBLIC


@pytest.mark.parametrize("hosts", [(), ("a.example", "a.example"), ("a.example", "b.example")])
def test_no_host_and_two_hosts_are_no_origin(hosts: tuple[str, ...]) -> None:
    """Then nothing is our own by its Origin: not one that names either host, and not an empty one."""
    asked = scope()
    asked["headers"] = [(b"host", host.encode()) for host in hosts]
    assert public_origin(asked, None) == ""
    for origin in ("", "http://a.example", "http://", "null"):
        sent = {**asked, "headers": [*asked["headers"], (b"origin", origin.encode())]}
        assert not is_our_own(sent, None), origin


def test_our_origin_is_ours() -> None:
    """Alone, and whatever the browser says beside it."""
    assert is_our_own(scope(("origin", OURS)), None)
    assert is_our_own(scope(("origin", OURS), ("sec-fetch-site", "cross-site")), None)
    assert is_our_own(scope(("origin", PUBLIC)), PUBLIC)


@pytest.mark.parametrize(
    "origin",
    ["", "null", "http://127.0.0.1", "http://127.0.0.1:3001", "https://127.0.0.1:3000", "http://localhost:3000",
     f"{OURS}/", f"{OURS}.evil.example", f" {OURS}", OURS.upper(), "127.0.0.1:3000", f"{OURS}, {OURS}",
     "\xe9"],
)  # fmt: skip
def test_any_other_origin_is_another_site(origin: str) -> None:
    """Compared as a whole, and the rest of what the browser says does not help it."""
    assert not is_our_own(scope(("origin", origin)), None)
    assert not is_our_own(scope(("origin", origin), ("sec-fetch-site", "same-origin")), None)


def test_with_a_setting_the_address_that_was_asked_is_another_site() -> None:
    """Who set the public address has said what ours is."""
    assert not is_our_own(scope(("origin", OURS)), PUBLIC)


def test_two_origins_are_none() -> None:
    """A browser sends one."""
    assert not is_our_own(scope(("origin", OURS), ("origin", OURS)), None)


@pytest.mark.parametrize(
    ("sites", "expected"),
    [
        (("same-origin",), True),
        (("same-site",), False),
        (("cross-site",), False),
        (("none",), False),
        (("",), False),
        (("same-origin", "same-origin"), False),
        (("Same-Origin",), False),
        ((), False),
    ],
)
def test_without_an_origin_the_browser_must_say_same_origin(sites: tuple[str, ...], expected: bool) -> None:
    """Exactly that and once; with neither header nobody says where it comes from."""
    assert is_our_own(scope(*[("sec-fetch-site", site) for site in sites]), None) is expected


def test_where_it_came_from_by_its_referer_counts_for_nothing() -> None:
    """A Referer can be left out by whoever writes the page."""
    assert not is_our_own(scope(("referer", f"{OURS}/keys")), None)
