"""Calls of the API with the cookie of somebody who is signed in, and the cookie itself, behind https too."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from flowkeys.domain.people.person import Role
from flowkeys.domain.principal import Caller
from flowkeys.web.requests.sign_in_cookie import COOKIE
from tests.support.flows import make_key
from tests.support.people import PASSWORD, SignedIn, person
from tests.support.server import Api, Running
from tests.support.waiting import PATIENCE_SECONDS

PUBLIC = "https://keys.example.com"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def ada(server: Running) -> SignedIn:
    """An owner."""
    return person(server, name="Ada")


def call(server: Running, who: SignedIn, **headers: str) -> Api:
    """Return a client of the API with somebody's cookie."""
    return server.api(None, **{"Cookie": who.headers["Cookie"], **headers})


def code(answer: httpx.Response) -> tuple[int, str | None]:
    """Return the status and, of a refusal, the code."""
    return answer.status_code, None if answer.is_success else answer.json()["code"]


def test_who_is_signed_in_looks_without_an_origin(server: Running, ada: SignedIn) -> None:
    """A browser sends none when it only looks; what it reads another site cannot."""
    for headers in ({}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = call(server, ada, **headers).get("/apikey")
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("headers", [{"Origin": "{url}"}, SAME_SITE, {"Origin": "{url}", **SAME_SITE}])
def test_our_own_pages_change_things(server: Running, ada: SignedIn, headers: dict[str, str]) -> None:
    """By their Origin; by what the browser says of the site where it sends no Origin."""
    filled = {name: value.format(url=server.url) for name, value in headers.items()}
    made = make_key(call(server, ada, **filled), "by Ada")
    assert made["createdBy"] == {"type": "person", "id": ada.person.id, "name": "Ada"}


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/apikey"), ("PUT", "/apikey/x"), ("DELETE", "/apikey/x")]
)
def test_a_page_from_elsewhere_changes_nothing(
    server: Running, ada: SignedIn, method: str, path: str
) -> None:
    """It is refused before its body is read and before anything is looked up, and not challenged."""
    answer = call(server, ada, Origin="https://evil.example").request(method, path, content=b"{not json")
    assert code(answer) == (403, "cross_site")
    assert "www-authenticate" not in answer.headers


def test_nothing_is_said_to_a_page_from_elsewhere_about_who_is_signed_in(server: Running) -> None:
    """Without a cookie that works the answer is the one to anybody."""
    api = server.api(None, Cookie=f"{COOKIE}={'x' * 43}", Origin="https://evil.example")
    assert code(api.post("/apikey", json={"keyName": "x"})) == (401, "missing_credentials")


def test_what_was_taken_from_a_person_is_gone_at_the_next_call(server: Running, ada: SignedIn) -> None:
    """Role and permissions are read at each call, and a removed person's sign-in is none."""
    bob = person(server, "member")
    api = call(server, bob, Origin=server.url)
    assert api.post("/apikey", json={"keyName": "before"}).status_code == 201
    caller = Caller(ada.person.as_principal())
    server.do(server.runtime.people.change(caller, bob.person.id, Role.VIEWER))
    assert code(api.post("/apikey", json={"keyName": "after"})) == (403, "permission_missing")
    server.do(server.runtime.people.remove(caller, bob.person.id))
    assert code(api.get("/apikey")) == (401, "missing_credentials")


def test_a_preflight_is_never_answered(server: Running, ada: SignedIn) -> None:
    """CORS is not offered on management routes: with a cookie least of all."""
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = call(server, ada, **asked).options("/apikey")
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control-")]


class Behind:
    """A server behind a proxy that speaks https, as a browser sees it."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.email = person(server).person.email

    def pages(self, **headers: str) -> Api:
        """Return a client of the pages; the proxy has another name for the server."""
        api = self.server.api(None, **{"Accept": "text/html", "Host": "internal:3000", **headers})
        api.base_url = httpx.URL(self.server.url)
        return api

    def sign_in(self, **headers: str) -> httpx.Response:
        """Send the form of the sign-in."""
        form = {"email": self.email, "password": PASSWORD}
        return self.pages(**headers).post("/sign-in", data=form)


@pytest.fixture
def behind(start: Callable[..., Running]) -> Behind:
    """A server that was told its public address."""
    return Behind(start(public_url=PUBLIC))


def secret_in(answer: httpx.Response) -> str:
    """Return the secret that an answer set."""
    assert answer.status_code == 303, answer.text
    header = answer.headers["set-cookie"]
    return str(header.partition("=")[2].partition(";")[0])


def test_behind_https_the_cookie_is_the_hosts_alone(behind: Behind) -> None:
    """`__Host-`, Secure, for the whole site, and no plain one beside it."""
    answer = behind.sign_in(Origin=PUBLIC)
    (header,) = answer.headers.get_list("set-cookie")
    assert header.startswith(f"__Host-{COOKIE}=")
    for part in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
        assert part in header
    assert "Domain" not in header


def test_behind_https_only_that_cookie_signs_in(behind: Behind) -> None:
    """The plain name, which http or a sister domain may set, is not read."""
    secret = secret_in(behind.sign_in(Origin=PUBLIC))
    assert behind.pages(Cookie=f"__Host-{COOKIE}={secret}").get("/people").status_code == 200
    assert behind.pages(Cookie=f"{COOKIE}={secret}").get("/people").status_code == 303
    assert behind.server.api(None, Cookie=f"__Host-{COOKIE}={secret}").get("/apikey").status_code == 200
    assert behind.server.api(None, Cookie=f"{COOKIE}={secret}").get("/apikey").status_code == 401


def test_behind_https_the_public_address_is_our_origin(behind: Behind) -> None:
    """Not the address that the proxy uses, nor the same name over http, nor what a header claims."""
    for origin in ("http://internal:3000", "http://keys.example.com", behind.server.url, "null"):
        claims = {"X-Forwarded-Host": "keys.example.com", "X-Forwarded-Proto": "https"}
        assert behind.sign_in(Origin=origin, **claims).status_code == 403
    cookie = f"__Host-{COOKIE}={secret_in(behind.sign_in(Origin=PUBLIC))}"
    api = behind.server.api(None, Cookie=cookie, Origin=PUBLIC)
    assert api.post("/apikey", json={"keyName": "x"}).status_code == 201
    inside = behind.server.api(None, Cookie=cookie, Origin=behind.server.url)
    assert code(inside.post("/apikey", json={"keyName": "x"})) == (403, "cross_site")


def test_behind_https_pages_ask_for_https_from_now_on(behind: Behind, server: Running) -> None:
    """Strict-Transport-Security, on every page; never over http, where it would mean nothing."""
    for path in ("/sign-in", "/no-such-page", "/keys", "/static/base.css"):
        assert behind.pages().get(path).headers["strict-transport-security"] == "max-age=31536000"
        plain = httpx.get(
            f"{server.url}{path}", headers={"Accept": "text/html"}, trust_env=False, timeout=PATIENCE_SECONDS
        )
        assert "strict-transport-security" not in plain.headers


def test_behind_https_links_begin_with_the_public_address(behind: Behind) -> None:
    """An invitation leads where people reach the server."""
    cookie = f"__Host-{COOKIE}={secret_in(behind.sign_in(Origin=PUBLIC))}"
    form: dict[str, Any] = {"email": "new@example.com", "role": "viewer"}
    answer = behind.pages(Cookie=cookie, Origin=PUBLIC).post("/people/invite", data=form)
    assert f"{PUBLIC}/invitation/" in answer.text


def test_signing_out_behind_https_takes_that_cookie_away(behind: Behind) -> None:
    """On the server and in the browser."""
    secret = secret_in(behind.sign_in(Origin=PUBLIC))
    cookie = f"__Host-{COOKIE}={secret}"
    answer = behind.pages(Cookie=cookie, Origin=PUBLIC).post("/sign-out")
    cleared = [item for item in answer.headers.get_list("set-cookie") if COOKIE in item]
    assert cleared[0].startswith(f'__Host-{COOKIE}=""')
    assert "Secure" in cleared[0]
    assert behind.pages(Cookie=cookie).get("/people").status_code == 303
