"""The configurations of docs/reverse-proxy, each in the real proxy, over TLS, in front of flowkeys itself."""

import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from flowkeys.config import Settings
from flowkeys.flows.drafts.templates import python_flow
from flowkeys.web.predictions import events as stream_events
from flowkeys.web.predictions import stream
from tests.proxies import chat
from tests.proxies.programs import FILES, PLACEHOLDER, PLAIN, Proxy
from tests.proxies.wire import Answer, call, connected, opened
from tests.support.flows import bound_key, events, make_chatflow
from tests.support.relay import Relay
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
COMMENT: Final = stream_events.COMMENT.decode().partition("\n")[0] + "\n"
"""A line that nothing else in a stream is."""
EACH: Final = pytest.mark.parametrize("kind", list(FILES))


class Plain:
    """A flowkeys with a chatflow that says what it is told to, and the way to it through each proxy."""

    def __init__(self, flowkeys: Running, certificates: Path) -> None:
        self.flowkeys = flowkeys
        self.owner = flowkeys.owner()
        chatflow = make_chatflow(self.owner, "Chat", python_flow(chat.TARGET))
        self.path = f"/api/v1/prediction/{chatflow['id']}"
        self.bearer = f"Authorization: Bearer {bound_key(self.owner, chatflow)['apiKey']}"
        self.certificates = certificates
        self.tls = ssl.create_default_context(cafile=str(certificates / "certificate.pem"))
        self.proxies: dict[str, Proxy] = {}

    @property
    def port(self) -> int:
        """Where flowkeys itself listens."""
        return int(self.flowkeys.url.rpartition(":")[2])

    def values(self, port: int | None = None) -> dict[str, str]:
        """Return what the placeholders stand for; another `port` of flowkeys if given."""
        return {
            "FLOWKEYS_HOST": "127.0.0.1",
            "FLOWKEYS_PORT": str(port or self.port),
            "CERTIFICATE": str(self.certificates / "certificate.pem"),
            "CERTIFICATE_KEY": str(self.certificates / "key.pem"),
            "CERTIFICATE_AND_KEY": str(self.certificates / "both.pem"),
        }

    def call(self, proxy: Proxy, target: str, *headers: str, **options: Any) -> Answer:
        """Call something."""
        return call(proxy.port, target, *headers, tls=self.tls, **options)

    def ask(self, proxy: Proxy, question: str, *headers: str, streaming: bool = False) -> Any:
        """Ask the chatflow; a context manager that gives the answer as soon as it has begun."""
        json_ = "Content-Type: application/json"
        body = json.dumps({"question": question, "streaming": streaming}).encode()
        sent = (self.bearer, json_, *headers)
        return opened(proxy.port, self.path, *sent, method="POST", body=body, tls=self.tls)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine that nobody but these tests believes, and its key."""
    openssl = shutil.which("openssl") or pytest.skip("openssl is not installed: make tools")
    folder = tmp_path_factory.mktemp("certificates")
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run([openssl, *options.split(), *names, *files], cwd=folder, check=True, capture_output=True)
    both = [(folder / name).read_text() for name in ("certificate.pem", "key.pem")]
    (folder / "both.pem").write_text("".join(both))
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[Plain]:
    """What stands behind the proxies."""
    folder = tmp_path_factory.mktemp("flowkeys") / "data"
    settings = {
        "trusted_proxies": ("127.0.0.1",),
        "python_flows": (chat.TARGET,),
        "failures_per_second": 10,
        "failures_burst": 5,
        "keep_alive_seconds": 3600,
    }
    flowkeys = Running(folder, **settings).start()
    yield Plain(flowkeys, certificates)
    flowkeys.stop()


@pytest.fixture(scope="module", params=list(FILES))
def proxy(request: pytest.FixtureRequest, plain: Plain, launch: Callable[..., Proxy]) -> Proxy:
    """Each of the proxies with its ready configuration."""
    return launch(request.param, plain.values(), source=PLAIN)


def told(response: HTTPResponse | None, piece: str) -> None:
    """Read a stream until a piece has come."""
    assert response is not None
    assert response.status == 200
    found = b""
    while found != piece.encode() if piece == COMMENT else piece.encode() not in found:
        found = response.readline()
        assert found, "the stream ended"


def test_every_file_is_started_by_a_test() -> None:
    """And every placeholder is explained."""
    there = {path.name for path in PLAIN.iterdir()}
    assert there == {"README.md", *(files[0] for files in FILES.values())}
    texts = {path.name: path.read_text("utf-8") for path in PLAIN.iterdir()}
    used = {name for file, text in texts.items() if file != "README.md" for name in PLACEHOLDER.findall(text)}
    assert used == set(PLACEHOLDER.findall(texts["README.md"]))


def test_a_stream_arrives_piece_by_piece(proxy: Proxy, plain: Plain) -> None:
    """The next is said only when the one before has arrived."""
    with plain.ask(proxy, "Hello", streaming=True) as response:
        for number in range(3):
            chat.pieces["Hello"].put(f"piece {number}")
            told(response, f"piece {number}")
        chat.pieces["Hello"].put(None)
        rest = response.read().decode()
    assert events(rest[rest.index("message:") :])[-1] == {"event": "end", "data": "[DONE]"}


def test_silence_ends_nothing(proxy: Proxy, plain: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
    """What flowkeys says to keep a silent stream open is passed on at once."""
    monkeypatch.setattr(stream, "COMMENT_SECONDS", 0.01)
    with plain.ask(proxy, "Hello", streaming=True) as response:
        for _ in range(3):
            told(response, COMMENT)
        chat.pieces["Hello"].put("at last")
        told(response, "at last")
        chat.pieces["Hello"].put(None)
        response.read()


@pytest.mark.parametrize("streaming", [True, False])
def test_a_run_is_stopped_when_its_client_leaves(proxy: Proxy, plain: Plain, streaming: bool) -> None:
    """In the middle of a stream, and before any of an answer."""
    question = f"{proxy.name} {streaming}"
    if streaming:
        with plain.ask(proxy, question, streaming=True) as response:
            chat.pieces[question].put("first")
            told(response, "first")
            assert chat.stopped.empty()
    else:
        body = json.dumps({"question": question}).encode()
        lines = [
            f"POST {plain.path} HTTP/1.1",
            "Host: localhost",
            plain.bearer,
            f"Content-Length: {len(body)}",
        ]
        with closing(connected(proxy.port, tls=plain.tls)) as client:
            client.sendall("\r\n".join([*lines, "Content-Type: application/json", "", ""]).encode() + body)
            while chat.begun.get(timeout=PATIENCE_SECONDS) != question:
                pass
            assert chat.stopped.empty()
    assert chat.stopped.get(timeout=PATIENCE_SECONDS) == question


def test_a_large_body_arrives(proxy: Proxy, plain: Plain) -> None:
    """Nine megabytes, which flowkeys takes and nginx by itself does not; flowkeys refuses more."""
    with plain.ask(proxy, "a" * 9_000_000) as response:
        assert response.status == 200
        assert json.loads(response.read())["text"] == "9000000 characters"
    with plain.ask(proxy, "a" * 12_000_000) as response:
        assert response is None or response.status == 413


def test_what_flowkeys_says_is_kept(proxy: Proxy, plain: Plain) -> None:
    """Its problem, the client's request id, the challenge and when to try again; and the client's address."""
    refused = plain.call(proxy, "/api/v1/apikey", "X-Request-Id: own-id-1234")
    assert (refused.status, refused.code) == (401, "missing_credentials")
    assert refused.all("x-request-id") == ["own-id-1234"]
    assert refused.all("www-authenticate") == ['Bearer realm="flowkeys"']
    for _ in range(400):
        limited = plain.call(proxy, "/api/v1/apikey", "Authorization: Bearer x", source="127.8.7.6")
        if limited.status == 429:
            break
    assert (limited.status, limited.code) == (429, "rate_limited")
    assert int(limited.all("retry-after")[0]) > 0
    other = plain.call(proxy, "/api/v1/apikey", "Authorization: Bearer x", source="127.8.7.7")
    assert other.status == 401


def test_long_headers_arrive(proxy: Proxy, plain: Plain) -> None:
    """A cookie of 20 kB, and a good many headers, are no matter for the proxy."""
    lines = ["Cookie: a=" + "b" * 20_000, *[f"X-Header-{number}: x" for number in range(80)]]
    assert plain.call(proxy, "/api/v1/ping", *lines).body == b"pong"


def test_http_2_carries_a_stream(proxy: Proxy, plain: Plain, certificates: Path) -> None:
    """Piece by piece, to a client that speaks nothing else; and the run stops when it leaves."""
    curl = shutil.which("curl") or pytest.skip("curl is not installed: make tools")
    question = f"{proxy.name} over HTTP/2"
    arguments = [
        "-sS",
        "-N",
        "-i",
        "--http2",
        "--cacert",
        str(certificates / "certificate.pem"),
        "-H",
        plain.bearer,
    ]
    arguments += ["--noproxy", "*", "--json", json.dumps({"question": question, "streaming": True})]
    url = f"https://localhost:{proxy.port}{plain.path}"
    resolve = ["--resolve", f"localhost:{proxy.port}:127.0.0.1"]
    with subprocess.Popen([curl, *arguments, *resolve, url], stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        try:
            assert client.stdout.readline().startswith(b"HTTP/2 200")
            for number in range(2):
                chat.pieces[question].put(f"piece {number}")
                line = b"."
                while f"piece {number}".encode() not in line:
                    line = client.stdout.readline()
                    assert line, "the stream ended"
        finally:
            client.kill()
    assert chat.stopped.get(timeout=PATIENCE_SECONDS) == question


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
    relay = Relay(plain.port)
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
    relay = Relay(plain.port)
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
