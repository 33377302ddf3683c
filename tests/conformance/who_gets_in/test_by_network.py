"""Who gets in: a key that is bound to networks is used from there, and nobody can say that they are there.

Flowise and Unkey believed the leftmost `X-Forwarded-For`: a client came from wherever it said.
"""

from collections.abc import Iterator

import pytest

from tests.conformance import raw, ways
from tests.conformance.routes import CLOSED, request_for
from tests.conformance.tenants import Tenant
from tests.support.flows import bound_key, make_key
from tests.support.server import Running

FOUR, SIX = "198.51.100.0/24", "2001:db8:7::/48"
PROXIES = "127.0.0.1, 10.0.0.0/8, fd00::/8"
INSIDE = [
    "198.51.100.7",
    "::ffff:198.51.100.7",
    "198.51.100.7:4711",
    "2001:db8:7::1",
    "2001:DB8:7:0:0:0:0:1",
    "[2001:db8:7::1]",
    "[2001:db8:7::1]:4711",
    "192.0.2.1, 198.51.100.7",
    "garbage, 198.51.100.7",
    "192.0.2.1, 198.51.100.7, 10.1.2.3",
    "192.0.2.1, 198.51.100.7, fd00::9, 10.1.2.3",
    "198.51.100.7, ::ffff:10.1.2.3",
]
OUTSIDE = [
    "192.0.2.1",
    "2001:db8:8::1",
    "::ffff:192.0.2.1",
    "198.51.100.7, 192.0.2.1",
    "198.51.100.7,192.0.2.1, 10.1.2.3",
    "198.51.100.7, garbage",
    "198.51.100.7, unknown, 10.1.2.3",
    "198.51.100.256",
    "::198.51.100.7",
    "",
    "10.1.2.3",
    "127.0.0.1",
]
"""What a trusted proxy may send on; the last address that is no proxy's counts."""
WAYS: dict[str, ways.Way] = {
    **ways.PREDICTIONS,
    "verify": ways.verify,
    "forward-auth": ways.forward_auth,
    "management": ways.management,
}


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """A workspace of a server that trusts its proxies."""
    folder = tmp_path_factory.mktemp("behind")
    server = Running(folder / "data", trusted_proxies=PROXIES, uds=folder / "s").start()
    yield Tenant(server, "default")
    server.stop()


def _bound(tenant: Tenant, *networks: str) -> ways.Headers:
    key = bound_key(tenant.owner, tenant.chatflow, permissions=["apikeys:view"], allowedIps=list(networks))
    return ways.bearer(key["apiKey"])


def _from(addresses: str) -> ways.Headers:
    return [(b"X-Forwarded-For", addresses.encode())]


def test_behind_a_trusted_proxy_the_last_address_that_is_no_proxy_s_counts(behind: Tenant) -> None:
    """IPv4, IPv6 and mapped, with ports and through several proxies; the same on every way in."""
    key = _bound(behind, FOUR, SIX)
    for name, way in WAYS.items():
        for addresses in INSIDE:
            asked = way(behind.server, behind.chatflow["id"], [*key, *_from(addresses)])
            assert asked.status == 200, (name, addresses)
        for addresses in OUTSIDE:
            asked = way(behind.server, behind.chatflow["id"], [*key, *_from(addresses)])
            assert asked[:2] == (403, "ip_not_allowed"), (name, addresses)


def test_several_headers_are_one(behind: Tenant) -> None:
    """RFC 9110 section 5.3: a proxy may add a line instead of a part."""
    key = _bound(behind, FOUR)
    for name, way in WAYS.items():
        inside = [*key, *_from("192.0.2.1"), *_from("198.51.100.7")]
        assert way(behind.server, behind.chatflow["id"], inside).status == 200, name
        outside = [*key, *_from("198.51.100.7"), *_from("192.0.2.1")]
        assert way(behind.server, behind.chatflow["id"], outside).code == "ip_not_allowed", name


def test_without_a_trusted_proxy_the_header_says_nothing(here: Tenant) -> None:
    """Neither into the network of a key nor out of it."""
    inside, outside = _bound(here, "127.0.0.1"), _bound(here, FOUR)
    mapped = _bound(here, "::ffff:127.0.0.0/104")
    for name, way in WAYS.items():
        for addresses in ["198.51.100.7", "127.0.0.1", "192.0.2.1, 198.51.100.7"]:
            headers = _from(addresses)
            assert way(here.server, here.chatflow["id"], [*inside, *headers]).status == 200, name
            assert way(here.server, here.chatflow["id"], [*mapped, *headers]).status == 200, name
            asked = way(here.server, here.chatflow["id"], [*outside, *headers])
            assert asked[:2] == (403, "ip_not_allowed"), name


def test_no_other_header_says_where_a_call_comes_from(behind: Tenant) -> None:
    """Not those of other proxies, and not RFC 7239's."""
    key = _bound(behind, FOUR)
    for name in (b"X-Real-IP", b"True-Client-IP", b"CF-Connecting-IP", b"X-Client-IP", b"X-Forwarded"):
        for way in WAYS.values():
            asked = way(behind.server, behind.chatflow["id"], [*key, (name, b"198.51.100.7")])
            assert asked.code == "ip_not_allowed", name
    headers = [*key, (b"Forwarded", b"for=198.51.100.7")]
    assert ways.forward_auth(behind.server, behind.chatflow["id"], headers).code == "ip_not_allowed"


def test_who_comes_by_a_socket_that_is_not_trusted_comes_from_nowhere(behind: Tenant) -> None:
    """A key that is bound to networks is refused there, even one that is bound to all; another one is not."""
    chatflow = behind.chatflow["id"]
    everywhere = bound_key(behind.owner, behind.chatflow, allowedIps=["0.0.0.0/0", "::/0"])["apiKey"]
    free = bound_key(behind.owner, behind.chatflow)["apiKey"]
    for token, status in ((everywhere, 403), (free, 200)):
        uds = behind.server._settings.uds
        with behind.server.api(token, uds=uds, **{"X-Forwarded-For": "198.51.100.7"}) as api:
            answers = [
                api.get(f"/auth/verify/chatflow/{chatflow}"),
                api.post("/apikey/verify", json={}),
                api.post(f"/prediction/{chatflow}", json={"question": "x"}),
                api.post(f"/prediction/{chatflow}", json={"question": "x", "streaming": True}),
            ]
            assert [answer.status_code for answer in answers] == [status] * 4
            if status == 403:
                assert {answer.json()["code"] for answer in answers} == {"ip_not_allowed"}


def test_the_address_in_a_body_says_nothing_about_other_calls(here: Tenant) -> None:
    """Verify answers what it is asked; a prediction with that member comes from where it comes."""
    key = _bound(here, FOUR)
    asked = raw.send(
        here.server.url, "POST", "/api/v1/apikey/verify", key, json_body={"address": "198.51.100.7"}
    )
    assert asked.status == 200
    path = f"/api/v1/prediction/{here.chatflow['id']}"
    body = {"question": "x", "address": "198.51.100.7"}
    answer = raw.send(here.server.url, "POST", path, key, json_body=body)
    assert (answer.status, answer.code) == (403, "ip_not_allowed")


def test_no_route_answers_a_key_that_is_used_from_elsewhere(there: Tenant) -> None:
    """Whatever it may do, and also what any key may ask about itself."""
    routes = [route for route in CLOSED if "/prediction" not in route.path]
    assert {"/usage", "/apikey/verify"} <= {route.path for route in routes}
    key = make_key(there.owner, permissions=["*"], allowedIps=["198.51.100.0/24"])
    with there.server.api(key["apiKey"]) as client:
        for route in routes:
            path, arguments = request_for(route, there.ids)
            answer = client.request(route.method, path, **arguments)
            assert (answer.status_code, answer.json().get("code")) == (403, "ip_not_allowed"), route
