"""The configurations of docs/reverse-proxy when flowkeys is idle, silent, stopped, killed or hanging."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Final

import httpx
import pytest

from flowkeys.config import Settings
from tests.proxies import chat
from tests.proxies.plain import Plain, told
from tests.proxies.programs import FILES, PLAIN, Proxy
from tests.proxies.wire import connected
from tests.support.flows import events
from tests.support.network.relay import Relay
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS

IDLE: Final = {
    "nginx": "keepalive_timeout 60s;",
    "caddy": "keepalive 60s",
    "haproxy": "option http-server-close",
    "envoy": "idle_timeout: 60s",
}
"""How long each keeps a connection to flowkeys: HAProxy not at all."""
PATIENCE: Final = {
    "nginx": {"proxy_read_timeout 1h": "proxy_read_timeout 1s"},
    "caddy": {"response_header_timeout 1h": "response_header_timeout 1s"},
    "haproxy": {"timeout server 1h": "timeout server 1s"},
    "envoy": {"stream_idle_timeout: 3600s": "stream_idle_timeout: 1s"},
}
"""How long each waits for flowkeys, and so much less that a test can wait for it."""
EACH: Final = pytest.mark.parametrize("kind", list(FILES))


def test_every_proxy_closes_before_flowkeys_does() -> None:
    """Who closes last loses no call."""
    for kind, idle in IDLE.items():
        assert (PLAIN / FILES[kind][0]).read_text("utf-8").count(idle) == 1, kind
    assert Settings.model_fields["keep_alive_seconds"].default > 60 + 5


@EACH
def test_an_idle_connection_is_closed_by_the_proxy(
    kind: str, plain: Plain, launch: Callable[..., Proxy]
) -> None:
    """Long before flowkeys closes it, so that no prediction is sent into one that is just being closed."""
    relay = Relay(plain.flowkeys.port)
    try:
        changes = {IDLE[kind]: IDLE[kind].replace("60s", "1s")}
        proxy = launch(kind, plain.values(relay.port), changes, PLAIN)
        head = b"GET /api/v1/ping HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with closing(connected(proxy.port, tls=plain.tls)) as client:
            client.sendall(head)
            assert b"200" in client.recv(1000).partition(b"\r\n")[0]
            relay.wait_for(lambda: relay.made > 0 and relay.open == 0)  # the client's own is still open
    finally:
        relay.stop()


def test_a_flowkeys_that_stops_ends_its_streams(
    launch: Callable[..., Proxy], start: Callable[..., Running], certificates: Path
) -> None:
    """A stream that is cut says so in every proxy; a call afterwards is an outage at once, not a refusal."""
    flowkeys = start(python_flows=(chat.TARGET,))
    plain = Plain(flowkeys, certificates)
    proxies = {kind: launch(kind, plain.values(), source=PLAIN) for kind in FILES}
    with ExitStack() as stack:
        responses = {}
        for kind, proxy in proxies.items():
            responses[kind] = stack.enter_context(plain.ask(proxy, kind, streaming=True))
            chat.pieces[kind].put("first")
            told(responses[kind], "first")
        flowkeys.stop()
        for kind, response in responses.items():
            rest = response.read().decode()
            ends = [event["event"] for event in events(rest[rest.index("message:") :])]
            assert ends[-2:] == ["error", "end"], kind
    while not chat.stopped.empty():
        chat.stopped.get()
    found = {kind: plain.call(proxy, "/api/v1/ping").status for kind, proxy in proxies.items()}
    assert found == {"nginx": 502, "caddy": 502, "haproxy": 503, "envoy": 503}


def test_a_flowkeys_that_is_killed_ends_its_streams(plain: Plain, launch: Callable[..., Proxy]) -> None:
    """Not as if they were complete: whoever reads one finds that it broke off."""
    relay = Relay(plain.flowkeys.port)
    proxies = {kind: launch(kind, plain.values(relay.port), source=PLAIN) for kind in FILES}
    with ExitStack() as stack:
        responses = {}
        for kind, proxy in proxies.items():
            responses[kind] = stack.enter_context(plain.ask(proxy, kind, streaming=True))
            chat.pieces[kind].put("first")
            told(responses[kind], "first")
        relay.stop()
        for kind, response in responses.items():
            assert isinstance(response, HTTPResponse)
            with pytest.raises((HTTPException, OSError)):
                response.read()
            assert chat.stopped.get(timeout=PATIENCE_SECONDS) in FILES, kind


def test_a_flowkeys_that_hangs_is_an_outage(plain: Plain, launch: Callable[..., Proxy]) -> None:
    """Whoever waits is told in the end, as soon as nothing has come for as long as the file says."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as hanging:
        port = hanging.getsockname()[1]
        proxies = {kind: launch(kind, plain.values(port), PATIENCE[kind], PLAIN) for kind in FILES}
        with ThreadPoolExecutor() as pool:
            answers = pool.map(lambda proxy: plain.call(proxy, "/api/v1/ping").status, proxies.values())
            assert dict(zip(proxies, answers, strict=True)) == dict.fromkeys(FILES, 504)


@pytest.mark.slow
def test_two_minutes_of_silence_end_nothing(plain: Plain, launch: Callable[..., Proxy]) -> None:
    """In a stream, in which comments are passed on, and in a call that is not streamed."""
    proxies = {kind: launch(kind, plain.values(), source=PLAIN) for kind in FILES}

    def wait(kind: str, streaming: bool) -> str:
        body = {"question": f"{kind} {streaming}", "streaming": streaming}
        name, _, value = plain.bearer.partition(": ")
        url = f"https://localhost:{proxies[kind].port}{plain.path}"
        return httpx.post(
            url, json=body, headers={name: value}, verify=plain.tls, timeout=200, trust_env=False
        ).text

    with ThreadPoolExecutor(2 * len(FILES)) as pool:
        answers = [pool.submit(wait, kind, streaming) for kind in FILES for streaming in (True, False)]
        threading.Event().wait(125)
        for kind in FILES:
            for streaming in (True, False):
                chat.pieces[f"{kind} {streaming}"].put("at last")
                chat.pieces[f"{kind} {streaming}"].put(None)
        assert all("at last" in answer.result(PATIENCE_SECONDS) for answer in answers)
