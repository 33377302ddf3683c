"""What clients and the application hear when one of them, or flowkeys, is silent, gone or too much."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Final

import httpx
import pytest

from tests.proxies.conftest import World
from tests.proxies.programs import CONFIGURATIONS, FILES, KINDS, Proxy
from tests.proxies.wire import call, fresh_address, opened
from tests.support.waiting import PATIENCE_SECONDS, until

SHORTER: Final = {
    "nginx": {"proxy_read_timeout 5s": "proxy_read_timeout 1s"},
    "caddy": {"response_header_timeout 5s": "response_header_timeout 1s"},
    "haproxy": {"TIMEOUT_MS = 5000": "TIMEOUT_MS = 1000"},
    "envoy": {"timeout: 5s": "timeout: 1s"},
}
"""How long each waits for flowkeys, and so much less that a test can wait for it."""


def bearer(token: str) -> str:
    """Return the header of a token."""
    return f"Authorization: Bearer {token}"


@pytest.fixture
def silence() -> Iterator[int]:
    """The port of a flowkeys that hangs: connections are taken, and nothing is answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as hanging:
        yield hanging.getsockname()[1]


def test_a_flowkeys_that_hangs_is_an_outage(world: World, launch: Callable[..., Proxy], silence: int) -> None:
    """Whoever waits hears of it, and that it may try again; the application hears of nothing."""
    before = len(world.upstream.seen)
    proxies = {
        kind: launch(kind, world.values(port=silence), SHORTER[name]) for kind, (name, _) in KINDS.items()
    }
    with ThreadPoolExecutor() as pool:
        answers = dict(
            zip(
                proxies,
                pool.map(lambda proxy: call(proxy.port, "/", bearer(world.token)), proxies.values()),
                strict=True,
            )
        )
    assert len(world.upstream.seen) == before
    found = {kind: (answer.status, answer.code) for kind, answer in answers.items()}
    assert found == {
        "nginx": (503, "unavailable"),
        "caddy": (504, None),
        "haproxy": (503, "unavailable"),
        "envoy": (503, None),
        "older envoy": (503, None),
    }
    for kind, answer in answers.items():
        is_problem = kind in {"nginx", "haproxy"}
        assert answer.all("retry-after") == ["1"] * is_problem, kind
        assert answer.all("cache-control") == ["no-store"] * is_problem, kind
        assert bool(answer.body) == is_problem, kind


@pytest.mark.parametrize("target", ["/talking", "/silent"])
def test_the_application_is_told_at_once_that_a_client_left(proxy: Proxy, world: World, target: str) -> None:
    """In the middle of a stream, and before any of an answer: nobody works for nobody."""
    lines = [f"GET {target} HTTP/1.1", "Host: app.test", bearer(world.token), "", ""]
    begun = len(world.upstream.seen)
    with closing(socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_SECONDS)) as client:
        client.sendall("\r\n".join(lines).encode())
        if target == "/talking":
            found = b""
            while b"data: first\n\n" not in found:
                found += client.recv(1000)
        until(lambda: len(world.upstream.seen) > begun, "the call to arrive")
        assert world.upstream.left.empty()
    # Its own wait ends sooner, without a word in the queue.
    assert world.upstream.left.get(timeout=PATIENCE_SECONDS) == target


def test_a_redirect_leads_back(proxy: Proxy, world: World) -> None:
    """What the application makes of Host and the forwarded headers is where the client came in."""
    base = f"http://127.0.0.1:{proxy.port}"
    lies = {"X-Forwarded-Host": "evil.test", "X-Forwarded-Port": "1", "X-Forwarded-Proto": "gopher"}
    with httpx.Client(trust_env=False, follow_redirects=True, timeout=PATIENCE_SECONDS) as client:
        headers = {"Authorization": f"Bearer {world.token}", **lies}
        answer = client.get(f"{base}/slash", headers=headers)
    assert (answer.status_code, str(answer.url)) == (200, f"{base}/slash/")
    told: dict[str, list[str]] = {}
    for name, value in answer.json()["headers"]:
        told.setdefault(name, []).append(value)
    assert told["host"] == told["x-forwarded-host"] == [f"127.0.0.1:{proxy.port}"]
    assert (told["x-forwarded-port"], told["x-forwarded-proto"]) == ([str(proxy.port)], ["http"])


@pytest.mark.parametrize("refused", [401, 403, 400, 429])
def test_a_refusal_is_found_in_the_log(proxy: Proxy, world: World, refused: int) -> None:
    """The client's own request id comes back with it, and nobody keeps a copy of it."""
    own = f"own-{proxy.name}-{refused}"
    sent = {401: [], 403: [bearer(world.elsewhere)], 400: ["Authorization: Basic eDp4"], 429: [bearer("x")]}
    source = fresh_address()
    for _ in range(400 if refused == 429 else 1):
        answer = call(proxy.port, "/", f"X-Request-Id: {own}", *sent[refused], source=source)
        if answer.status == refused:
            break
    assert answer.status == refused
    assert answer.all("x-request-id") == [own]
    assert answer.all("cache-control") == ["no-store"]
    made = call(proxy.port, "/", *sent[refused], source=source).all("x-request-id")
    assert len(made) == 1
    assert made != [own]


def test_the_application_gets_the_clients_request_id(proxy: Proxy, world: World) -> None:
    """One id in every log; Envoy makes one where there is none."""
    answer = call(proxy.port, "/", bearer(world.token), "X-Request-Id: own-id")
    assert [value for name, value in answer.json["headers"] if name == "x-request-id"] == ["own-id"]


def test_nobody_waits_longer_than_five_seconds_for_flowkeys() -> None:
    """What the test of a hanging flowkeys shortens is there, once, in each configuration."""
    for kind, shorter in SHORTER.items():
        text = "".join((CONFIGURATIONS / file).read_text("utf-8") for file in FILES[kind])
        assert [text.count(old) for old in shorter] == [1]


@pytest.mark.slow
@pytest.mark.parametrize("number", [300])
def test_hundreds_of_streams_pass(proxy: Proxy, world: World, number: int) -> None:
    """Each is begun while all others are open, and each ends when its client leaves."""
    with ExitStack() as stack:
        for _ in range(number):
            response = stack.enter_context(opened(proxy.port, "/talking", bearer(world.token)))
            assert response is not None
            assert response.readline() == b"data: first\n"
    for _ in range(number):
        assert world.upstream.left.get(timeout=PATIENCE_SECONDS) == "/talking"
