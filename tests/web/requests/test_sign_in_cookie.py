"""The cookie of a sign-in."""

import pytest
from starlette.responses import Response
from starlette.types import Scope

from flowkeys.web.requests import sign_in_cookie
from flowkeys.web.requests.origin import Place
from flowkeys.web.requests.sign_in_cookie import COOKIE

SECRET = "s" * 43
PLAIN = Place("http://127.0.0.1:3000")
SECURE = Place("https://keys.example.com")
BELOW = Place("https://example.com", "/flowkeys")


def scope(*cookies: str) -> Scope:
    """Return a request with these Cookie headers."""
    return {"type": "http", "headers": [(b"cookie", value.encode("latin-1")) for value in cookies]}


@pytest.mark.parametrize(
    "cookies",
    [
        (f"{COOKIE}={SECRET}",),
        (f"a=b; {COOKIE}={SECRET}; c=d",),
        (f"a=b;{COOKIE}={SECRET}",),
        ("a=b", f"{COOKIE}={SECRET}"),
        (f'x={{"a": 1, "b": [2]}}; {COOKIE}={SECRET}',),
        (f"=; ;x; {COOKIE}={SECRET}",),
        (f"x=a b c; {COOKIE}={SECRET}",),
        (f"x=\xe9\xff; {COOKIE}={SECRET}",),
        (f"{COOKIE}=; {COOKIE}={SECRET}",),
    ],
)
def test_the_secret_is_found_among_whatever_other_programs_have_set(cookies: tuple[str, ...]) -> None:
    """Cookies are shared by all ports of a host, and nobody else has to write them well."""
    assert sign_in_cookie.read(scope(*cookies), PLAIN) == SECRET


@pytest.mark.parametrize(
    "cookies",
    [(), ("",), (f"x{COOKIE}={SECRET}",), (f"{COOKIE}x={SECRET}",), (f"{COOKIE.upper()}={SECRET}",),
     (f"{COOKIE}",), (f"{COOKIE}=",), (f"x={COOKIE}={SECRET}",), (f"__Host-{COOKIE}={SECRET}",)],
)  # fmt: skip
def test_there_is_none_under_another_name(cookies: tuple[str, ...]) -> None:
    """The name counts as a whole."""
    assert sign_in_cookie.read(scope(*cookies), PLAIN) is None


def test_over_https_the_name_is_one_that_no_other_host_can_set() -> None:
    """A sister domain or plain http can plant the plain name: it is not read there."""
    assert sign_in_cookie.read(scope(f"__Host-{COOKIE}={SECRET}"), SECURE) == SECRET
    assert sign_in_cookie.read(scope(f"{COOKIE}={SECRET}"), SECURE) is None


@pytest.mark.parametrize("is_https", [False, True])
def test_what_is_set_is_kept_from_scripts_and_from_other_sites(is_https: bool) -> None:
    """HttpOnly and SameSite=Lax always; over https Secure and the whole host, with no Domain."""
    response = Response()
    sign_in_cookie.write(response, SECRET, seconds=60, place=SECURE if is_https else PLAIN)
    header = response.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=60"):
        assert part in header
    assert "Domain" not in header
    assert ("Secure" in header) is header.startswith("__Host-") is is_https


@pytest.mark.parametrize("is_https", [False, True])
def test_what_was_set_is_taken_away_under_the_same_name(is_https: bool) -> None:
    """A browser drops a `__Host-` cookie only by one that keeps its rules."""
    set_, cleared = Response(), Response()
    sign_in_cookie.write(set_, SECRET, seconds=60, place=SECURE if is_https else PLAIN)
    sign_in_cookie.clear(cleared, place=SECURE if is_https else PLAIN)
    name = set_.headers["set-cookie"].partition("=")[0]
    assert cleared.headers["set-cookie"].startswith(f'{name}=""')
    assert "Max-Age=0" in cleared.headers["set-cookie"]
    assert ("Secure" in cleared.headers["set-cookie"]) is is_https


def test_below_a_path_the_cookie_is_of_that_path_alone() -> None:
    """Another application on the host does not get it; over https its name says that it is Secure."""
    response = Response()
    sign_in_cookie.write(response, SECRET, seconds=60, place=BELOW)
    header = response.headers["set-cookie"]
    assert header.startswith(f"__Secure-{COOKIE}={SECRET};")
    assert {"Path=/flowkeys", "Secure", "HttpOnly"} <= set(header.split("; "))
    assert sign_in_cookie.read(scope(f"__Secure-{COOKIE}={SECRET}"), BELOW) == SECRET
    assert sign_in_cookie.read(scope(f"{COOKIE}={SECRET}"), BELOW) is None
