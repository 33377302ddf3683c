"""The ways into a server that exist: each takes the same credential and must give the same decision."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import httpx

import flowkeys
from flowkeys import bootstrap
from flowkeys.web.gate import Gate
from tests.conformance import raw
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS

BASE = "/api/v1"
QUESTION = {"question": "Hello"}

Headers = list[tuple[bytes, bytes]]


class Decided(NamedTuple):
    """What became of a call, as far as every way can tell."""

    status: int
    code: str | None
    challenge: str | None = None


Way = Callable[[Running, str, Headers], Decided]
"""Asks a chatflow, or about it, with these headers."""


def fast_path(server: Running, chatflow_id: str, headers: Headers) -> Decided:
    """Ask over HTTP: `FastPath` answers."""
    return _post(server, f"/prediction/{chatflow_id}", headers, QUESTION)


def streamed(server: Running, chatflow_id: str, headers: Headers) -> Decided:
    """Ask over HTTP for a stream: refused before it begins, or begun."""
    return _post(server, f"/prediction/{chatflow_id}", headers, {**QUESTION, "streaming": True})


def plain_app(server: Running, chatflow_id: str, headers: Headers) -> Decided:
    """Ask the application without the fast path, as a server would that mounts it by itself."""

    async def ask() -> httpx.Response:
        gate = _gates.get(server)
        if gate is None:
            whole: Any = bootstrap.create_app(server.runtime)
            framework: Any = await whole.app._app.app.made()
            services = framework.state.services
            gate = Gate(framework, services.proxies, services.refusals, None, services.calls)
            _gates[server] = gate
        transport = httpx.ASGITransport(gate, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", timeout=PATIENCE_SECONDS
        ) as client:
            path = f"{BASE}/prediction/{chatflow_id}"
            return await client.post(path, json=QUESTION, headers=httpx.Headers(headers))

    response = server.do(ask())
    return _decided(response.status_code, response.content, response.headers.get("www-authenticate"))


_gates: WeakKeyDictionary[Running, Gate] = WeakKeyDictionary()
"""The application of each server, which is made once: it holds nothing of a call."""

PREDICTIONS: dict[str, Way] = {
    "the fast path": fast_path,
    "a stream": streamed,
    "the application without the fast path": plain_app,
}


def sdk(server: Running, chatflow_id: str, token: str | None) -> Decided:
    """Ask with `flowkeys.Client`."""
    with flowkeys.Client(server.any_url(), token or "", max_retries=0) as client:
        try:
            client.predict(chatflow_id, "Hello")
        except flowkeys.FlowkeysApiError as error:
            return Decided(error.status or 0, error.code)
    return Decided(200, None)


def verify(server: Running, chatflow_id: str, headers: Headers) -> Decided:
    """Ask about oneself: a route of the framework that decides the same."""
    return _post(server, "/apikey/verify", headers, {"chatflowId": chatflow_id})


def management(server: Running, _: str, headers: Headers) -> Decided:
    """Call a route that needs a permission."""
    answer = raw.send(server.any_url(), "GET", f"{BASE}/apikey", headers)
    return _decided(answer.status, answer.body, answer.header("www-authenticate"))


def forward_auth(server: Running, chatflow_id: str, headers: Headers) -> Decided:
    """Ask as a proxy does before it lets a request through."""
    answer = raw.send(server.any_url(), "GET", f"{BASE}/auth/verify/chatflow/{chatflow_id}", headers)
    return _decided(answer.status, answer.body, answer.header("www-authenticate"))


def bearer(token: str) -> Headers:
    """Return the one header that carries a token."""
    return [(b"Authorization", f"Bearer {token}".encode())]


def _post(server: Running, path: str, headers: Headers, body: dict[str, Any]) -> Decided:
    answer = raw.send(server.any_url(), "POST", BASE + path, headers, json_body=body)
    return _decided(answer.status, answer.body, answer.header("www-authenticate"))


def _decided(status: int, body: bytes, challenge: str | None) -> Decided:
    if status == 200:
        return Decided(200, None)
    return Decided(status, json.loads(body)["code"], challenge)
