"""The dependency for FastAPI: the header table, the description, routers, scopes, WebSockets."""

from collections.abc import Iterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Security, WebSocket
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from flowkeys.fastapi import install, require_key
from flowkeys.verify import Unavailable, VerifiedKey, Verifier
from tests.library.table import ADDRESS, CASES, CHATFLOW, FAR, GOOD, KEYS, NAMES, OTHER, VIEWER, Case, bearer

VERIFIER = Verifier.fixed(KEYS)
AnyKey = Annotated[VerifiedKey, Depends(require_key(VERIFIER))]
Viewer = Annotated[VerifiedKey, Security(require_key(VERIFIER), scopes=["logs:view"])]
Proxied = Annotated[VerifiedKey, Depends(require_key(VERIFIER, trusted_proxies=["127.0.0.0/8"]))]
MaybeKey = Annotated[VerifiedKey | None, Depends(require_key(VERIFIER, optional=True))]
MaybeViewer = Annotated[
    VerifiedKey | None, Security(require_key(VERIFIER, optional=True), scopes=["logs:view"])
]


def build() -> FastAPI:
    """Return an application with the dependency wherever one may stand."""
    app = FastAPI()

    @app.get("/any")
    async def any_key(key: AnyKey) -> dict[str, str]:
        return {"id": key.id}

    @app.get("/both")
    async def both(key: AnyKey, viewer: Viewer) -> dict[str, str]:
        return {"id": key.id, "viewer": viewer.id}

    @app.get("/scoped")
    def scoped(key: Viewer) -> dict[str, str]:
        return {"id": key.id}

    router = APIRouter(dependencies=[Depends(require_key(VERIFIER, chatflow_param="flow"))])

    @router.get("/flows/{flow}")
    async def flow(flow: str) -> dict[str, str]:
        return {"flow": flow}

    @router.get("/without")
    async def without() -> None:
        raise AssertionError("nobody gets here")

    @app.websocket("/ws")
    async def ws(socket: WebSocket, key: AnyKey) -> None:
        await socket.accept()
        await socket.send_text(key.id)
        await socket.close()

    @app.get("/maybe")
    async def maybe(key: MaybeKey, viewer: MaybeViewer) -> dict[str, str | None]:
        return {"id": key and key.id, "viewer": viewer and viewer.id}

    @app.get("/proxied")
    async def proxied(key: Proxied) -> dict[str, str]:
        return {"id": key.id}

    @app.get("/maybe-any")
    async def maybe_any(key: MaybeKey) -> dict[str, str | None]:
        return {"id": key and key.id}

    app.include_router(router)
    return app


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """A client of the application with its handler."""
    app = build()
    install(app)
    with TestClient(app, raise_server_exceptions=False, client=(ADDRESS, 4711)) as opened:
        yield opened


def get(client: TestClient, path: str, headers: list[tuple[bytes, bytes]] = ()) -> httpx.Response:
    """Ask with headers as they are."""
    return client.get(path, headers=[*headers])


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_headers_are_read_as_by_the_server(client: TestClient, case: Case) -> None:
    """The table holds, with the server's own body and challenge."""
    answer = get(client, "/any", case.headers)
    assert answer.status_code == case.status
    if case.status != 200:
        assert answer.json()["code"] == case.code
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith('Bearer realm="flowkeys"')


def test_an_optional_key_is_good_or_not_there(client: TestClient) -> None:
    """Of all headers in the table, only none at all comes in without a key; the others fare as ever."""
    for case in CASES:
        answer = get(client, "/maybe-any", case.headers)
        missing = case.code == "missing_credentials"
        assert answer.status_code == (200 if missing else case.status), case
        assert "WWW-Authenticate" in answer.headers or answer.status_code == 200
        if missing:
            assert answer.json() == {"id": None}
    assert get(client, "/maybe-any", bearer(GOOD)).json() == {"id": "good"}
    assert get(client, "/maybe").json() == {"id": None, "viewer": None}
    assert get(client, "/maybe", bearer(VIEWER)).json() == {"id": "viewer", "viewer": "viewer"}
    assert get(client, "/maybe", bearer(GOOD)).status_code == 403


def test_a_key_is_used_from_its_networks(client: TestClient) -> None:
    """Whoever is connected counts; a proxy's word only where it is trusted, and its last one."""
    named = {"192.0.2.1": 200, "192.0.2.1, 192.0.3.1": 403, "": 403}
    for address, status in named.items():
        headers = [*bearer(FAR), (b"X-Forwarded-For", address.encode())]
        assert get(client, "/any", headers).status_code == 403
        assert get(client, "/proxied", headers).status_code == status, address


def test_the_handler_gets_the_key(client: TestClient) -> None:
    """It is what the dependency returns."""
    assert get(client, "/any", bearer(GOOD)).json() == {"id": "good"}


def test_scopes_are_permissions(client: TestClient) -> None:
    """What `Security` asks for is asked of the key, also beside the same dependency without."""
    assert get(client, "/scoped", bearer(VIEWER)).json() == {"id": "viewer"}
    for path in ("/scoped", "/both"):
        refused = get(client, path, bearer(GOOD))
        assert (refused.status_code, refused.json()["code"]) == (403, "permission_missing")
        assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]


def test_the_chatflow_comes_from_the_path(client: TestClient) -> None:
    """A router's dependency guards all of its routes, each for the chatflow in its path."""
    assert get(client, f"/flows/{CHATFLOW}", bearer(GOOD)).status_code == 200
    refused = get(client, f"/flows/{OTHER}", bearer(GOOD))
    assert (refused.status_code, refused.json()["code"]) == (403, "chatflow_not_allowed")


def test_a_path_without_the_parameter_lets_nobody_in(client: TestClient) -> None:
    """A mistake in the program is not a weaker check."""
    assert get(client, "/without", bearer(GOOD)).status_code == 500


def test_the_description_names_the_scheme(client: TestClient) -> None:
    """Readers of the OpenAPI see that a bearer key is needed, and where."""
    description: dict[str, Any] = get(client, "/openapi.json").json()
    (scheme,) = description["components"]["securitySchemes"].items()
    assert scheme[0] == "bearerKey"
    assert (scheme[1]["type"], scheme[1]["scheme"]) == ("http", "bearer")
    for path in ("/any", "/scoped", "/flows/{flow}"):
        security = description["paths"][path]["get"]["security"]
        assert [name for entry in security for name in entry] == ["bearerKey"]


def test_without_the_handler_status_and_challenge_are_the_same() -> None:
    """FastAPI answers the exception itself; only the body is its own."""
    answer = get(TestClient(build()), "/any")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="flowkeys"'
    assert "Authorization: Bearer" in answer.json()["detail"]


def test_a_websocket_needs_a_key_too(client: TestClient) -> None:
    """Its handshake is a request with headers."""
    with client.websocket_connect("/ws", headers={"Authorization": f"Bearer {GOOD}"}) as socket:
        assert socket.receive_text() == "good"
    with pytest.raises((WebSocketDisconnect, httpx.HTTPError, RuntimeError)), client.websocket_connect("/ws"):
        pass


def test_an_outage_is_not_a_denial(monkeypatch: pytest.MonkeyPatch, client: TestClient) -> None:
    """503 and when to try again, whatever the key."""

    def away(text: bytes, request: object, client: object) -> None:
        raise Unavailable

    monkeypatch.setattr(VERIFIER._source, "at_once", away)
    answer = get(client, "/any", bearer(GOOD))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"permission": "log:view"},
        {"permission": ""},
        {"permission": None},
        {"chatflow_id": "a", "chatflow_param": "b"},
    ],
)
def test_a_wrong_requirement_is_told_at_once(wrong: dict) -> None:
    """When the route is made, not when it is first called."""
    with pytest.raises((ValueError, TypeError), match=r"permission|not both"):
        require_key(VERIFIER, **wrong)
