"""Whether a request comes from our own pages."""

import pytest
from starlette.types import Scope

from flowkeys.web.requests.origin import Place, PublicUrls

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
    assert PublicUrls().first(scope()).origin == OURS
    assert PublicUrls().first(scope(scheme="https")).origin == "https://127.0.0.1:3000"


def test_the_setting_is_the_origin_whatever_host_was_asked() -> None:
    """Behind a proxy the request's own host is another; a path in the setting is none of its origin."""
    assert PublicUrls([PUBLIC]).first(scope(("host", "evil.example"))).origin == PUBLIC
    assert PublicUrls([f"{PUBLIC}/"]).first(scope()).url == PUBLIC


@pytest.mark.parametrize("hosts", [(), ("a.example", "a.example"), ("a.example", "b.example")])
def test_no_host_and_two_hosts_are_no_origin(hosts: tuple[str, ...]) -> None:
    """Then nothing is our own by its Origin: not one that names either host, and not an empty one."""
    asked = scope()
    asked["headers"] = [(b"host", host.encode()) for host in hosts]
    assert PublicUrls().first(asked).origin == ""
    for origin in ("", "http://a.example", "http://", "null"):
        sent = {**asked, "headers": [*asked["headers"], (b"origin", origin.encode())]}
        assert not PublicUrls().made(sent), origin


def test_our_origin_is_ours() -> None:
    """Alone, and whatever the browser says beside it."""
    assert PublicUrls().made(scope(("origin", OURS)))
    assert PublicUrls().made(scope(("origin", OURS), ("sec-fetch-site", "cross-site")))
    assert PublicUrls([PUBLIC]).made(scope(("origin", PUBLIC)))


@pytest.mark.parametrize(
    "origin",
    ["", "null", "http://127.0.0.1", "http://127.0.0.1:3001", "https://127.0.0.1:3000", "http://localhost:3000",
     f"{OURS}/", f"{OURS}.evil.example", f" {OURS}", OURS.upper(), "127.0.0.1:3000", f"{OURS}, {OURS}",
     "\xe9"],
)  # fmt: skip
def test_any_other_origin_is_another_site(origin: str) -> None:
    """Compared as a whole, and the rest of what the browser says does not help it."""
    assert not PublicUrls().made(scope(("origin", origin)))
    assert not PublicUrls().made(scope(("origin", origin), ("sec-fetch-site", "same-origin")))


def test_with_a_setting_the_address_that_was_asked_is_another_site() -> None:
    """Who set the public address has said what ours is."""
    assert not PublicUrls([PUBLIC]).made(scope(("origin", OURS)))


def test_two_origins_are_none() -> None:
    """A browser sends one."""
    assert not PublicUrls().made(scope(("origin", OURS), ("origin", OURS)))


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
    assert PublicUrls().made(scope(*[("sec-fetch-site", site) for site in sites])) is expected


def test_where_it_came_from_by_its_referer_counts_for_nothing() -> None:
    """A Referer can be left out by whoever writes the page."""
    assert not PublicUrls().made(scope(("referer", f"{OURS}/keys")))


URLS = [
    "https://keys.example.com/flowkeys",
    "http://internal:3000/flowkeys",
    "https://internal:3000/flowkeys",
]


@pytest.mark.parametrize(
    ("host", "scheme", "expected"),
    [
        ("keys.example.com", "http", 0),
        ("Keys.Example.com", "http", 0),
        ("internal:3000", "http", 1),
        ("internal:3000", "https", 2),
        ("elsewhere", "http", 0),
    ],
)
def test_of_several_places_a_request_was_sent_to_the_one_of_its_host(
    host: str, scheme: str, expected: int
) -> None:
    """And links lead to the first, whichever it was."""
    urls = PublicUrls(URLS)
    asked = scope(("host", host), scheme=scheme)
    assert urls.asked(asked).url == URLS[expected]
    assert urls.first(asked) == Place("https://keys.example.com", "/flowkeys")


def test_pages_of_each_place_are_ours() -> None:
    """By their origins, which have no path; nothing else is."""
    urls = PublicUrls(URLS)
    for origin in ("https://keys.example.com", "http://internal:3000", "https://internal:3000"):
        assert urls.made(scope(("origin", origin))), origin
    for origin in ("http://keys.example.com", *URLS, "http://127.0.0.1:3000"):
        assert not urls.made(scope(("origin", origin))), origin
