"""The configurations of docs/forward-auth, each in the real proxy, in front of a real application."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from flowkeys.domain.errors import Unavailable
from flowkeys.service.keys.verifier import Verifier
from tests.proxies.conftest import World
from tests.proxies.programs import KINDS, Proxy
from tests.proxies.wire import Answer, call, fresh_address, opened

IDENTITY = ("x-auth-key-id", "x-auth-key-name", "x-auth-workspace-id", "x-auth-customer-id")


def bearer(token: str) -> str:
    """Return the header of a token."""
    return f"Authorization: Bearer {token}"


def reached(answer: Answer) -> dict[str, list[str]]:
    """Return the headers that the application got, by name."""
    assert answer.status == 200, answer
    found: dict[str, list[str]] = {}
    for name, value in answer.json["headers"]:
        found.setdefault(name, []).append(value)
    return found


def check_identity(headers: dict[str, list[str]], key: dict) -> None:
    """Check that the application got the key's identity once, from flowkeys, and not the key."""
    assert [headers.get(name) for name in IDENTITY] == [
        [key["id"]],
        [quote(key["keyName"], safe="")],
        [key["workspaceId"]],
        [key["customerId"]],
    ]
    assert "authorization" not in headers


def test_a_good_key_gets_through(proxy: Proxy, world: World) -> None:
    """Method, target and body arrive as they were sent, with the key's identity and without the key."""
    target = "/a/b%20c?q=1%2f&q=2"
    answer = call(proxy.port, target, bearer(world.token), method="POST", body=b'{"question": "Hello"}')
    check_identity(reached(answer), world.key)
    told = {name: answer.json[name] for name in ("method", "target", "body")}
    assert told == {"method": "POST", "target": target, "body": '{"question": "Hello"}'}


def test_a_key_of_no_customer_claims_none(proxy: Proxy, world: World) -> None:
    """What the client says of a customer never arrives for a key that has none."""
    token = world.new_key("of nobody")["apiKey"]
    claimed = ("X-Auth-Customer-Id: evil", "x_auth_customer_id: evil")
    got = reached(call(proxy.port, "/", bearer(token), *claimed))
    assert got.get("x-auth-customer-id", [""]) == [""]
    assert "evil" not in str(got)


def test_a_large_body_arrives(proxy: Proxy, world: World) -> None:
    """Three megabytes are no matter for the proxy, and without a key none for the application."""
    body = b"0123456789" * 300_000
    answer = call(proxy.port, "/", bearer(world.token), method="POST", body=body)
    assert answer.json["body"] == body.decode()
    before = len(world.upstream.seen)
    assert call(proxy.port, "/", method="POST", body=body).status in {0, 401}
    assert len(world.upstream.seen) == before


def test_the_applications_own_query_is_its_own(proxy: Proxy, world: World, request: Any) -> None:
    """What the application is asked is nothing to flowkeys; with path_prefix it is, as README.md says."""
    target = "/_flowkeys/x?permission=apikeys:view&mode=nginx&path=/chatflow/x"
    answer = call(proxy.port, target, bearer(world.token))
    if "older" in request.node.name:
        assert (answer.status, answer.code) == (403, "permission_missing")
    else:
        assert answer.json["target"] == target


def test_nginx_answers_no_question_of_a_client(proxy: Proxy, world: World) -> None:
    """The location that asks flowkeys is nginx's own; any other proxy has none."""
    status = 404 if proxy.name == "nginx" else 200
    assert call(proxy.port, "/_flowkeys", bearer(world.token)).status == status


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS"])
def test_every_method_needs_the_key(proxy: Proxy, world: World, method: str) -> None:
    """No method is open, a preflight's neither."""
    assert call(proxy.port, "/", method=method).status == 401
    assert call(proxy.port, "/", bearer(world.token), method=method).status == 200


def test_without_a_key_there_is_one_challenge(proxy: Proxy, world: World) -> None:
    """Status, code, and one WWW-Authenticate (RFC 9110 section 11.6.1); the application hears of nothing."""
    before = len(world.upstream.seen)
    answer = call(proxy.port, "/", method="POST", body=b"hello")
    assert (answer.status, answer.code) == (401, "missing_credentials")
    assert answer.all("www-authenticate") == ['Bearer realm="flowkeys"']
    assert len(world.upstream.seen) == before


def test_a_key_of_another_chatflow_is_refused(proxy: Proxy, world: World) -> None:
    """The configuration pins one chatflow."""
    answer = call(proxy.port, "/", bearer(world.elsewhere))
    assert (answer.status, answer.code) == (403, "chatflow_not_allowed")
    assert [('error="insufficient_scope"' in value) for value in answer.all("www-authenticate")] == [True]


@pytest.mark.parametrize(
    "headers",
    [
        ["X-Auth-Key-Id: evil", "X-Auth-Key-Name: evil", "X-Auth-Workspace-Id: evil"],
        ["X-Auth-Customer-Id: evil", "x-auth-customer-ID: evil", "X_Auth_Customer_Id: evil"],
        ["x-auth-key-id: evil", "X-AUTH-KEY-NAME: evil", "x-Auth-Workspace-ID: evil", "X-Auth-Key-Id: evil"],
        ["X_Auth_Key_Id: evil", "X_Auth_Key_Name: evil", "x_auth_workspace_id: evil", "X_Auth_Code: evil"],
        ["X-Auth_Key_Id: evil", "X_Auth-Key_Name: evil", "X_Auth-Code: evil", "X-Auth_Code: evil"],
        ["X-Auth-Status: evil", "X-Auth-Code: evil", "X-Auth-Retry-After: evil"],
    ],
    ids=["usual", "customer", "case and twice", "underscores", "mixed", "of the nginx mode"],
)
def test_an_identity_cannot_be_claimed(proxy: Proxy, world: World, headers: list[str]) -> None:
    """What a client says of its identity never arrives, in whatever spelling a program reads as the same."""
    got = reached(call(proxy.port, "/", bearer(world.token), *headers))
    check_identity(got, world.key)
    assert "evil" not in str(got)
    assert call(proxy.port, "/", *headers).status == 401


@pytest.mark.parametrize(
    "named", ["X-Auth-Key-Id", "X-Auth-Key-Name, X-Auth-Workspace-Id", "x-auth-customer-id"]
)
def test_an_identity_cannot_be_dropped(proxy: Proxy, world: World, named: str) -> None:
    """What Connection names is dropped on the way (RFC 9110 section 7.6.1): not these. HAProxy says 400."""
    answer = call(proxy.port, "/", bearer(world.token), f"Connection: close, {named}")
    if proxy.name == "haproxy":
        assert answer.status == 400
    else:
        check_identity(reached(answer), world.key)


@pytest.mark.parametrize(
    "target",
    [
        "/chatflow/OTHER",
        "/../OTHER",
        "/../chatflow/OTHER",
        "/../../verify/chatflow/OTHER",
        "//chatflow/OTHER",
        "/%2e%2e/chatflow/OTHER",
        "/%2e%2e%2fchatflow%2fOTHER",
        "/..%2f..%2fchatflow/OTHER",
        "/..;/chatflow/OTHER",
        "/api/v1/auth/verify/chatflow/OTHER",
        "/_flowkeys",
        "/?chatflow=OTHER",
        "/?chatflowId=OTHER&path=/chatflow/OTHER",
        "/?permission=apikeys:view",
        "/?permission=",
        "/?mode=nginx",
        "/x?mode=nginx&mode=other&permission=*",
        "http://app.test/chatflow/OTHER",
    ],
)
def test_a_client_cannot_choose_what_is_asked(proxy: Proxy, world: World, target: str) -> None:
    """A key of another chatflow stays outside, whatever path or query it is sent with."""
    before = len(world.upstream.seen)
    answer = call(proxy.port, target.replace("OTHER", world.other), bearer(world.elsewhere))
    assert answer.status in {400, 403, 404}, answer
    assert len(world.upstream.seen) == before


@pytest.mark.parametrize(
    "header",
    [
        "X-Original-URI: /chatflow/OTHER",
        "X-Original-URL: /api/v1/auth/verify/chatflow/OTHER",
        "X-Rewrite-URL: /api/v1/auth/verify/chatflow/OTHER",
        "X-Forwarded-Uri: /chatflow/OTHER",
        "X-Forwarded-Prefix: /chatflow/OTHER",
        "X-Envoy-Original-Path: /api/v1/auth/verify/chatflow/OTHER",
        "X-HTTP-Method-Override: OPTIONS",
        "X-Request-From: internal",
        "X-Auth-Status: 200",
        "Connection: close, Authorization",
        "Host: keys.test",
    ],
)
def test_no_header_lets_a_key_in(proxy: Proxy, world: World, header: str) -> None:
    """Nothing but the credential opens, neither for a key of another chatflow nor for nobody."""
    before = len(world.upstream.seen)
    header = header.replace("OTHER", world.other)
    assert call(proxy.port, "/", bearer(world.elsewhere), header).status in {400, 401, 403}
    assert call(proxy.port, "/", header).status in {400, 401}
    assert len(world.upstream.seen) == before


def test_two_authorization_headers_are_refused(proxy: Proxy, world: World) -> None:
    """Which of them counts is nobody's to choose; nginx refuses them itself."""
    for headers in ([world.token, "x"], ["x", world.token], [world.token, world.token]):
        assert call(proxy.port, "/", *map(bearer, headers)).status == 400


def test_a_megabyte_of_junk_is_refused(proxy: Proxy, world: World) -> None:
    """A header that large reaches nobody, with a good key beside it either."""
    before = len(world.upstream.seen)
    answer = call(proxy.port, "/", bearer(world.token), b"X-Junk: " + b"j" * 1024 * 1024)
    assert answer.status in {0, 400, 431}
    assert len(world.upstream.seen) == before


def test_a_change_holds_at_the_next_call(proxy: Proxy, world: World) -> None:
    """A proxy remembers no decision: disabled, enabled, revoked."""
    key = world.new_key()
    url = f"/apikey/{key['id']}"
    told = []
    for change in (None, "disable", "enable", "revoke"):
        if change is not None:
            answer = world.owner.delete(url) if change == "revoke" else world.owner.post(f"{url}/{change}")
            assert answer.status_code == 200
        answer = call(proxy.port, "/", bearer(key["apiKey"]))
        told.append((answer.status, answer.code))
    assert told == [(200, None), (401, "disabled_key"), (200, None), (401, "revoked_key")]


def test_a_stream_arrives_event_by_event(proxy: Proxy, world: World) -> None:
    """The application sends the next event only when the one before has arrived."""
    events = world.upstream.events
    with opened(proxy.port, "/events", bearer(world.token)) as response:
        assert response is not None
        assert response.status == 200
        for number in range(3):
            events.put(f"{number}")
            assert response.readline() == f"data: {number}\n".encode()
            assert response.readline() == b"\n"
        events.put(None)
        assert response.read() == b""


def test_guesses_are_limited_by_the_clients_address(proxy: Proxy, world: World) -> None:
    """The proxy names the client's address, about which no client can lie; the 429 has its headers."""
    guesser, other = fresh_address(), fresh_address()
    for number in range(400):
        lie = f"X-Forwarded-For: 192.0.{number % 200}.1"
        answer = call(proxy.port, "/", bearer("garbage"), lie, source=guesser)
        if answer.status != 401:
            break
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert int(answer.all("retry-after")[0]) > 0
    assert [len(answer.all(name)) for name in ("ratelimit", "ratelimit-policy")] == [1, 1]
    assert call(proxy.port, "/", bearer("garbage"), source=other).status == 401
    assert call(proxy.port, "/", bearer(world.token), source=guesser).status == 200


@pytest.mark.parametrize(("failure", "status"), [(Unavailable("No store."), 503), (ValueError(), 500)])
def test_an_outage_is_no_refusal(
    proxy: Proxy, world: World, monkeypatch: pytest.MonkeyPatch, failure: Exception, status: int
) -> None:
    """The client learns that it may try again with the same key. Envoy makes 503 of every 5xx."""

    def fail(*_: Any, **__: Any) -> None:
        raise failure

    before = len(world.upstream.seen)
    monkeypatch.setattr(Verifier, "at_once", fail)
    monkeypatch.setattr(Verifier, "verify", fail)
    answer = call(proxy.port, "/", bearer(world.token))
    assert len(world.upstream.seen) == before
    if proxy.name == "envoy":
        assert (answer.status, answer.body) == (503, b"")
        return
    assert (answer.status, answer.code) == (status, {503: "unavailable", 500: "internal_error"}[status])
    assert len(answer.all("retry-after")) == (status == 503)


@pytest.mark.parametrize("kind", list(KINDS))
def test_without_flowkeys_nobody_gets_through(kind: str, world: World, launch: Callable[..., Proxy]) -> None:
    """No answer is a refusal, and an outage by its status."""
    before = len(world.upstream.seen)
    answer = call(launch(kind, world.values(port=1)).port, "/", bearer(world.token))
    assert answer.status == (502 if kind == "caddy" else 503)
    assert len(world.upstream.seen) == before


def test_haproxy_lets_nobody_through_when_its_lua_fails(world: World, launch: Callable[..., Proxy]) -> None:
    """An error in an action does not end a request in HAProxy; the rule behind it does."""
    proxy = launch("haproxy", world.values(port=world.upstream.port))  # 200, but without an identity
    answer = call(proxy.port, "/", bearer(world.token))
    assert answer.status == 503
    assert "runtime error" in proxy.log
