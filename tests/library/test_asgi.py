"""The ASGI middleware: the header table, open paths, WebSockets, outages."""

import json
from typing import Any

import pytest

from flowkeys.asgi import KEY, KeyMiddleware
from flowkeys.verify import ConfigurationError, Unavailable, Verifier
from flowkeys.verify.verifier import Verifier as Plain
from tests.library.table import CASES, CHATFLOW, FAR, GOOD, KEYS, NAMES, OTHER, VIEWER, Case, bearer

VERIFIER = Verifier.fixed(KEYS)


class Inner:
    """An application that notes the scopes that reach it."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer 200 to HTTP; accept a WebSocket."""
        self.scopes.append(scope)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        elif scope["type"] == "websocket":
            await send({"type": "websocket.accept"})


async def ask(
    inner: Inner, headers: list[tuple[bytes, bytes]] = (), *, verifier=VERIFIER, scope=None, **guard
):
    """Send one connection through the middleware, and return what was sent back."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    whole = {
        "type": "http",
        "path": "/",
        "headers": list(headers),
        "client": ("127.0.0.1", 4711),
        "state": {"from": "lifespan"},
        **(scope or {}),
    }
    await KeyMiddleware(inner, verifier, **guard)(whole, receive, send)
    return sent


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_headers_are_read_as_by_the_server(case: Case) -> None:
    """The table holds, and a refused call does not reach the application."""
    inner = Inner()
    sent = await ask(inner, case.headers)
    assert sent[0]["status"] == case.status
    assert len(inner.scopes) == (case.status == 200)
    if case.status != 200:
        headers = dict(sent[0]["headers"])
        assert headers[b"www-authenticate"].startswith(b'Bearer realm="flowkeys"')
        assert headers[b"cache-control"] == b"no-store"
        assert headers[b"content-type"] == b"application/problem+json"
        assert json.loads(sent[1]["body"])["code"] == case.code
        assert len(sent[1]["body"]) == int(headers[b"content-length"])


async def test_an_optional_key_is_good_or_not_there() -> None:
    """Of all headers in the table, only none at all goes through without a key."""
    for case in CASES:
        inner = Inner()
        sent = await ask(inner, case.headers, optional=True)
        missing = case.code == "missing_credentials"
        assert sent[0]["status"] == (200 if missing else case.status), case
        assert len(inner.scopes) == (sent[0]["status"] == 200)
        if missing:
            (scope,) = inner.scopes
            assert scope[KEY] is scope["state"][KEY] is None


async def test_the_application_finds_the_key_beside_its_own_state() -> None:
    """In the scope and in its state; what a client sends is no identity."""
    inner = Inner()
    await ask(inner, [*bearer(GOOD), (b"x-auth-key-id", b"viewer"), (b"flowkeys", b"viewer")])
    (scope,) = inner.scopes
    assert scope[KEY].id == scope["state"][KEY].id == "good"
    assert scope["state"]["from"] == "lifespan"


@pytest.mark.parametrize(
    ("token", "guard", "status"),
    [
        (VIEWER, {"permission": "logs:view"}, 200),
        (GOOD, {"permission": "logs:view"}, 403),
        (VIEWER, {"permission": ["logs:view", "users:manage"]}, 403),
        (GOOD, {"chatflow_id": CHATFLOW}, 200),
        (GOOD, {"chatflow_id": OTHER}, 403),
        (GOOD, {"chatflow_id": lambda scope: scope["path"].strip("/")}, 403),
        (GOOD, {"chatflow_id": lambda _scope: None}, 403),
    ],
)
async def test_it_asks_for_what_it_was_told_to(token: str, guard: dict, status: int) -> None:
    """A permission, several, or a chatflow; one that cannot be named is nobody's."""
    assert (await ask(Inner(), bearer(token), **guard))[0]["status"] == status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/health", 200),
        ("/health/", 401),
        ("/healthy", 401),
        ("/HEALTH", 401),
        ("//health", 401),
        ("/static/a.css", 200),
        ("/static/", 200),
        ("/static", 401),
        ("/static/../secret", 401),
        ("/static/./a", 401),
        ("/static//a", 401),
        ("/static/..\\secret", 401),
        ("/", 401),
    ],
)
async def test_open_paths_are_exact(path: str, status: int) -> None:
    """Flowise CVE-2024-31621: no way of writing another path makes it an open one."""
    inner = Inner()
    sent = await ask(inner, scope={"path": path}, open_paths=["/health", "/static/"])
    assert sent[0]["status"] == status
    assert all(scope[KEY] is None for scope in inner.scopes)


@pytest.mark.parametrize(
    ("path", "status"), [("/", 200), ("/health", 200), ("/admin", 401), ("/health/a", 401), ("//", 401)]
)
@pytest.mark.parametrize("root", ["", "/sub"])
async def test_the_open_root_is_one_path(path: str, status: int, root: str) -> None:
    """Who opens the page that greets people does not open the application."""
    scope = {"path": root + path, "root_path": root}
    assert (await ask(Inner(), scope=scope, open_paths=["/", "/health"]))[0]["status"] == status


async def test_open_paths_of_a_mounted_application_are_its_own() -> None:
    """What stands before them belongs to whoever mounted it."""
    scope = {"path": "/sub/health", "root_path": "/sub"}
    assert (await ask(Inner(), scope=scope, open_paths=["/health"]))[0]["status"] == 200
    assert (await ask(Inner(), scope=scope, open_paths=["/sub/health"]))[0]["status"] == 401


def test_an_open_path_begins_with_a_slash() -> None:
    """One that does not would never be open, and nobody would know why."""
    with pytest.raises(ConfigurationError):
        KeyMiddleware(Inner(), VERIFIER, open_paths=["health"])


async def test_a_websocket_needs_a_key_too() -> None:
    """A refused one is closed before it is accepted, which servers answer with 403."""
    inner = Inner()
    assert await ask(inner, bearer(GOOD), scope={"type": "websocket"}) == [{"type": "websocket.accept"}]
    (sent,) = await ask(inner, scope={"type": "websocket"})
    assert (sent["type"], sent["code"]) == ("websocket.close", 1008)
    assert len(inner.scopes) == 1


async def test_a_refused_websocket_gets_a_response_where_the_server_can() -> None:
    """The extension of ASGI for that carries the same status and challenge."""
    scope = {"type": "websocket", "extensions": {"websocket.http.response": {}}}
    start, body = await ask(Inner(), scope=scope)
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
    assert json.loads(body["body"])["code"] == "missing_credentials"


async def test_the_lifespan_goes_through() -> None:
    """Start and stop are no calls."""
    inner = Inner()
    await ask(inner, scope={"type": "lifespan"})
    assert [scope["type"] for scope in inner.scopes] == ["lifespan"]


@pytest.mark.parametrize("kind", ["webtransport", "", "HTTP"])
async def test_what_cannot_be_guarded_does_not_go_through(kind: str) -> None:
    """A type of connection that comes one day is not open for that."""
    inner = Inner()
    with pytest.raises(ValueError, match="cannot guard"):
        await ask(inner, bearer(GOOD), scope={"type": kind})
    assert inner.scopes == []


@pytest.mark.parametrize(("permission", "error"), [("", ValueError), (None, TypeError), ([""], ValueError)])
def test_a_setting_that_is_missing_is_no_weaker_check(permission: Any, error: type[Exception]) -> None:
    """`os.environ.get("PERMISSION")` would otherwise open it to every key."""
    with pytest.raises(error):
        KeyMiddleware(Inner(), VERIFIER, permission=permission)


@pytest.mark.parametrize(
    ("peer", "named", "proxies", "status"),
    [
        ("192.0.2.1", [], [], 200),
        ("::ffff:192.0.2.1", [], [], 200),
        ("192.0.3.1", ["192.0.2.1"], [], 403),
        ("192.0.2.1", ["192.0.3.1"], [], 200),
        ("10.0.0.1", ["192.0.2.1"], ["10.0.0.0/8"], 200),
        ("10.0.0.1", ["192.0.2.1, 10.0.0.9"], ["10.0.0.0/8"], 200),
        ("10.0.0.1", ["192.0.2.1, 192.0.3.1"], ["10.0.0.0/8"], 403),
        ("10.0.0.1", ["192.0.2.1", "192.0.3.1"], ["10.0.0.0/8"], 403),
        ("10.0.0.1", [], "10.0.0.1", 403),
        ("11.0.0.1", ["192.0.2.1"], ["10.0.0.0/8"], 403),
        (None, ["192.0.2.1"], ["10.0.0.0/8"], 403),
        (None, ["192.0.2.1"], ["unix"], 200),
        ("", ["192.0.2.1"], ["unix"], 200),
        (None, [], ["unix"], 403),
        ("testclient", [], [], 403),
    ],
)
async def test_a_key_is_used_from_its_networks(
    peer: str | None, named: list[str], proxies: list[str] | str, status: int
) -> None:
    """Of whoever is connected, or of whom a trusted proxy names; the address of nobody is in no network."""
    headers = [*bearer(FAR), *((b"X-Forwarded-For", each.encode()) for each in named)]
    scope = {"client": None if peer is None else (peer, 1)}
    inner = Inner()
    assert (await ask(inner, headers, scope=scope, trusted_proxies=proxies))[0]["status"] == status
    assert len(inner.scopes) == (status == 200)


def test_a_proxy_that_is_no_network_is_a_mistake() -> None:
    """It is told when the application is put together."""
    with pytest.raises(ConfigurationError, match="trusted_proxies"):
        KeyMiddleware(Inner(), VERIFIER, trusted_proxies=["10.0.0.1/8"])


class _Away:
    """A source that cannot be reached."""

    def at_once(self, text: bytes, request: object, client: object) -> None:
        """Raise what an outage is."""
        raise Unavailable(retry_after_seconds=7)

    decide = adecide = at_once

    def close(self) -> None:
        """Do nothing."""


async def test_an_outage_is_not_a_denial() -> None:
    """Neither let in nor told that the key is wrong: 503, and when to try again."""
    inner = Inner()
    sent = await ask(inner, bearer(GOOD), verifier=Plain(_Away()))
    assert sent[0]["status"] == 503
    assert dict(sent[0]["headers"])[b"retry-after"] == b"7"
    assert inner.scopes == []
