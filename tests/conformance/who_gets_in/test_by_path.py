"""Who gets in: by no spelling of a path, and by no route that was forgotten."""

from collections.abc import Iterator

import pytest

from flowkeys.web.routes import ANY_KEY, OPEN
from tests.conformance import raw
from tests.conformance.routes import (
    ALL,
    CLOSED,
    PREDICTION,
    UNDECLARED,
    WITH_PERMISSION,
    Declared,
    request_for,
)
from tests.conformance.tenants import Tenant

BASE = "/api/v1"
OPEN_ROUTES = {
    "GET /chatflows-streaming/{chatflow_id}",
    "GET /health",
    "GET /health/live",
    "GET /health/ready",  # for who sends calls to servers: they know no key
    "GET /ping",
    "GET /public-chatbotConfig/{chatflow_id}",
    "GET /version",
    "POST /prediction/{chatflow_id}",  # decided by the chatflow: open only when it is public
}
"""CONTRACT section 3. A route that is added here is one that everybody on the network may call."""
DESCRIPTION = {"GET /openapi.json", "HEAD /openapi.json"}


def spellings(path: str) -> Iterator[str]:
    """Yield what a proxy, a router and an authorization check may each read differently."""
    first = path.split("/")[1]
    rest = path.removeprefix(f"/{first}")
    yield from (f"{BASE}{path.upper()}", f"/API/V1{path}", f"/Api/v1{path}", f"{BASE}/{first.title()}{rest}")
    yield from (
        f"/{BASE}{path}",
        f"/api//v1{path}",
        f"{BASE}/{path}",
        f"{BASE}/{first}/{rest}",
        f"//h{BASE}{path}",
    )
    yield from (
        f"/.{BASE}{path}",
        f"{BASE}/.{path}",
        f"{BASE}{path}/.",
        f"{BASE}/%2e{path}",
        f"{BASE}/./.{path}",
    )
    yield from (
        f"{BASE}%2f{path[1:]}",
        f"%2Fapi/v1{path}",
        f"/api%2fv1{path}",
        f"{BASE}/{first}%2f{rest[1:]}",
    )
    yield from (f"{BASE}{path}/", f"{BASE}{path}//", f"{BASE}{path}%2f", f"{BASE}{path}/%2e")
    yield from (f"{BASE}{path};x", f"{BASE};x{path}", f"{BASE}/{first};a=b{rest}", f"{BASE}{path};/ping")
    yield from (f"{BASE}/ping/..{path}", f"{BASE}/ping/..;{path}", f"{BASE}/ping%2f..{path}")
    yield from (
        f"{BASE}/public-chatbotConfig/..{path}",
        f"{BASE}/prediction/..{path}",
        f"/static/../api/v1{path}",
    )
    yield from (f"{BASE}/%{ord(first[0]):02x}{first[1:]}{rest}", f"{BASE}{path}%00", f"{BASE}{path}%20")
    yield from (f"{BASE}{path}?x=/ping", f"{BASE}{path}#/ping", f"\\api\\v1{path}", f"{BASE}{path}/ping")
    yield from (f"http://localhost{BASE}{path}", f"http://localhost/ping/..{BASE}{path}", f"{BASE}/v1{path}")


@pytest.mark.parametrize("route", [*CLOSED, PREDICTION], ids=str)
def test_no_spelling_of_a_path_opens_it(route: Declared, here: Tenant) -> None:
    """Flowise CVE-2024-31621: authorization matched a path in one case, the router in any.

    Every route, in every spelling, without a credential: never a success, never a redirect, never a crash.
    """
    path, arguments = request_for(route, here.ids)
    headers, body = raw.encoded(arguments)
    for target in [f"{BASE}{path}", *spellings(path)]:
        answer = raw.send(here.server.url, route.method, target, headers, body)
        assert 400 <= answer.status < 500, (target, answer)


def test_the_spellings_reach_the_router(here: Tenant) -> None:
    """The test above would prove nothing if no spelling led anywhere: with a credential some do."""
    headers = [(b"Authorization", f"Bearer {here.owner.token}".encode())]
    path = f"/chatflows/{here.chatflow['id']}"
    found = [raw.send(here.server.url, "GET", target, headers).status for target in spellings(path)]
    assert found.count(200) >= 4
    assert set(found) <= {200, 400, 404}


@pytest.mark.parametrize("route", [*CLOSED, PREDICTION], ids=str)
def test_every_closed_route_asks_for_a_credential_before_anything_else(route: Declared, here: Tenant) -> None:
    """Flowise CVE-2026-30824: without a credential the answer is 401, whatever body and id were sent."""
    nowhere = dict.fromkeys(here.ids, "nothing-of-this-id")
    for ids in (here.ids, nowhere):
        path, _ = request_for(route, ids)
        for body in (None, b"", b"{not json", b"[]"):
            answer = raw.send(here.server.url, route.method, BASE + path, [], body)
            assert (answer.status, answer.code) == (401, "missing_credentials"), (path, body)
            assert answer.header("www-authenticate") == 'Bearer realm="flowkeys"'


def test_every_route_declares_what_it_needs_or_is_on_the_list_of_open_ones() -> None:
    """Flowise CVE-2026-30824: the list of open routes is exact, and nothing is open by default."""
    assert {str(route) for route in ALL if route.needs == OPEN} == OPEN_ROUTES
    assert {str(route) for route in ALL if route.needs == UNDECLARED} == DESCRIPTION
    assert [str(route) for route in ALL if route.needs == ANY_KEY] == ["GET /usage", "POST /apikey/verify"]
    assert len(WITH_PERMISSION) == len(ALL) - len(OPEN_ROUTES) - len(DESCRIPTION) - 2 > 15


def test_nothing_is_open_by_its_prefix(here: Tenant) -> None:
    """Flowise CVE-2026-30824 opened whole routers: below an open route nothing is open."""
    for route in ALL:
        if route.is_closed and route.needs != UNDECLARED:
            continue
        path = BASE + route.path.format(**{"report": "never-used", **here.ids})
        for target in (f"{path}/x", f"{path}x/", f"{path}/../apikey", f"{path}/apikey", f"{path}%2fapikey"):
            answer = raw.send(here.server.url, route.method, target)
            assert answer.status in {400, 401, 404}, target


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"]
)
def test_no_other_method_gets_around_the_declaration(method: str, here: Tenant) -> None:
    """A path that is closed to one method is not open to another, nor to one named in a header."""
    override = [
        (b"X-HTTP-Method-Override", b"GET"),
        (b"X-HTTP-Method", b"GET"),
        (b"X-Method-Override", b"GET"),
    ]
    for path in sorted({route.path for route in CLOSED}):
        answer = raw.send(
            here.server.url, method, BASE + path.format(**{"report": "never-used", **here.ids}), override
        )
        assert 400 <= answer.status < 500, (method, path)
