"""The hot routes inside uvicorn's connection: it stays a connection of HTTP/1.1 (RFC 9112)."""

import asyncio
import copy
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flowkeys.bootstrap import clock
from flowkeys.limits.failures import Failures
from flowkeys.web.address import TrustedProxies
from flowkeys.web.hot import FastPath, Hot, Refuser, connection
from flowkeys.web.hot.connection import StrictProtocol
from flowkeys.web.hot.protocol import HotProtocol
from flowkeys.web.refusals import Refusals
from tests.support.server import Running
from tests.verification.case import World
from tests.verification.conftest import Beside
from tests.verification.wire import Wire, get, post

FORWARD = "/api/v1/auth/verify"
VERIFY = "/api/v1/apikey/verify"
PING = "/api/v1/ping"
LIST = "/api/v1/apikey"
BOTH = pytest.mark.parametrize("http", [HotProtocol, StrictProtocol], ids=["protocol", "asgi"])
PIECES = pytest.mark.parametrize("size", [0, 20, 1000])
"""How much of the trailers comes with the body."""


class Slow:
    """An application that answers once it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.began = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer with the path that was asked for."""
        self.began += 1
        await self.may.wait()
        body = scope["path"].encode()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


Connect = Callable[[str], Wire]
Serve = Callable[..., Beside]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Open connections that are closed after the test."""
    made: list[Wire] = []

    def make(url: str) -> Wire:
        made.append(Wire(url))
        return made[-1]

    yield make
    for wire in made:
        wire.close()


@pytest.fixture
def serve(server: Running) -> Iterator[Serve]:
    """Start servers with the protocol beside the shared one; they stop after the test."""
    made: list[Beside] = []

    def make(app: Any, **options: Any) -> Beside:
        made.append(Beside(server, app, **{"http": HotProtocol, **options}))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def bearer(world: World) -> str:
    """The header of a good key."""
    return f"Authorization: Bearer {world.named[b'good'].decode()}"


def test_pipelined_calls_are_answered_in_their_order(server: Running, bearer: str, connect: Connect) -> None:
    """RFC 9112 section 9.3.2: hot and other calls in one write, each answer with its own call's id."""
    wire = connect(server.url)
    calls = [
        get(FORWARD, bearer, "X-Request-Id: number-1"),
        get(PING, "X-Request-Id: number-2"),
        post(VERIFY, b"{}", bearer, "X-Request-Id: number-3"),
        get(FORWARD, "X-Request-Id: number-4"),
        get(FORWARD, bearer, "X-Request-Id: number-5", method="HEAD"),
        get(PING, "X-Request-Id: number-6"),
    ]
    wire.send(b"".join(calls))
    answers = [wire.answer(bodiless=number == 5) for number in range(1, 7)]
    assert [one.headers["x-request-id"] for one in answers] == [f"number-{n}" for n in range(1, 7)]
    assert [one.status for one in answers] == [200, 200, 200, 401, 200, 200]


def test_a_hot_call_waits_behind_one_that_is_still_answered(
    server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """An answer must not overtake one that comes slowly, and keeps its own headers while it waits."""
    slow = Slow()
    wire = connect(serve(FastPath(slow, _hot(server))).url)
    wire.send(get("/slow") + get(FORWARD, bearer) + get("/later") + get(FORWARD, "X-Request-Id: number-4"))
    server.loop.call_soon_threadsafe(slow.may.set)
    answers = [wire.answer() for _ in range(4)]
    assert [one.body[:7] for one in answers] == [b"/slow", b"", b"/later", b'{"type"']
    assert "x-auth-key-id" in answers[1].headers
    assert answers[3].headers["x-request-id"] == "number-4"


@pytest.mark.parametrize("size", [1, 7])
def test_a_call_may_come_in_small_pieces(size: int, server: Running, bearer: str, connect: Connect) -> None:
    """A byte at a time is as good as one segment."""
    wire = connect(server.url)
    for call in (post(VERIFY, b"{}", bearer), get(f"{FORWARD}/x", bearer)):
        for start in range(0, len(call), size):
            wire.send(call[start : start + size])
        assert wire.answer().status == 200


def test_a_chunked_body_is_read_and_a_needless_one_dropped(
    server: Running, bearer: str, connect: Connect
) -> None:
    """RFC 9112 section 7.1, with an extension and a trailer; the call behind it is read from its start."""
    wire = connect(server.url)
    chunked = "Transfer-Encoding: chunked"
    body = b"1;x=y\r\n{\r\n1\r\n}\r\n0\r\nX-Trailer: z\r\n\r\n"
    for target in (VERIFY, FORWARD):
        call = get(target, bearer, chunked, "Content-Type: application/json", method="POST") + body
        wire.send(call + call)
        assert [wire.answer().status, wire.answer().status] == [200, 200]


def test_a_long_body_is_handed_on_whole(server: Running, bearer: str, connect: Connect) -> None:
    """Beyond 64 KiB the framework reads it, from the first byte; beyond the limit it refuses it."""
    wire = connect(server.url)
    wire.send(post(VERIFY, b"{" + b" " * 200_000 + b"}", bearer) + get(FORWARD, bearer))
    assert [wire.answer().status, wire.answer().status] == [200, 200]
    wire.send(post(VERIFY, b" " * (10 * 1024 * 1024 + 1), bearer))
    assert wire.answer().status == 413


def test_a_needless_body_has_an_end(server: Running, bearer: str, serve: Serve, connect: Connect) -> None:
    """What nobody needs is dropped up to FLOWKEYS_MAX_BODY_BYTES; then the connection is closed."""
    hot = copy.copy(_hot(server))
    hot.max_body_bytes = 1000
    wire = connect(serve(FastPath(Slow(), hot)).url)
    wire.send(post(FORWARD, b"x" * 1000, bearer))
    assert wire.answer().status == 200
    wire.send(post(FORWARD, b"x" * 1001, bearer))
    assert wire.answer().status == 200
    assert wire.ended()


def test_expect_is_answered_before_the_body_or_refused(
    server: Running, bearer: str, connect: Connect
) -> None:
    """RFC 9110 section 10.1.1: 100 when the body is wanted, the refusal itself when it is not."""
    wire = connect(server.url)
    lines = ("Expect: 100-continue", "Content-Type: application/json", "Content-Length: 2")
    wire.send(get(VERIFY, bearer, *lines, method="POST"))
    assert wire.answer().status == 100
    wire.send(b"{}")
    assert wire.answer().status == 200
    for target in (VERIFY, "/api/v1/prediction/x", FORWARD):
        refused = connect(server.url)
        refused.send(get(target, *lines, method="POST"))
        assert refused.answer().status == 401


@pytest.mark.parametrize("way", ["protocol", "asgi"])
def test_a_body_that_does_not_come_is_not_waited_for(
    way: str, ways: dict[str, str], connect: Connect
) -> None:
    """CONTRACT section 4: the credential comes first. What is then sent of the body is dropped."""
    for target in (FORWARD, VERIFY, "/api/v1/prediction/x"):
        wire = connect(ways[way])
        wire.send(post(target, b"{}")[:-2])
        assert wire.answer().status == 401
        wire.send(b"{}" + get(FORWARD))
        assert wire.answer().status == 401


def test_an_upgrade_is_not_made(server: Running, bearer: str, connect: Connect) -> None:
    """A proxy may pass a client's Upgrade on: the decision is the same, in HTTP/1.1."""
    wire = connect(server.url)
    wire.send(get(FORWARD, bearer, "Connection: Upgrade", "Upgrade: websocket"))
    assert wire.answer().status == 200


@pytest.mark.parametrize("target", [FORWARD, VERIFY, PING])
def test_after_the_last_call_nothing_is_answered(
    target: str, server: Running, bearer: str, connect: Connect
) -> None:
    """RFC 9112 section 9.6: `Connection: close` ends it, and what stands behind is not done."""
    wire = connect(server.url)
    last = post(target, b"{}", bearer, "Connection: close") if target == VERIFY else None
    wire.send((last or get(target, bearer, "Connection: close")) + get(FORWARD, bearer))
    assert wire.answer().headers["connection"] == "close"
    assert wire.ended()


def test_http_1_0_is_answered_and_closed(server: Running, bearer: str, connect: Connect) -> None:
    """A proxy of old speaks it (nginx by default): one call a connection."""
    for call in (get(FORWARD, bearer), post(VERIFY, b"{}", bearer)):
        wire = connect(server.url)
        wire.send(call.replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert wire.answer().headers["connection"] == "close"
        assert wire.ended()


@pytest.mark.parametrize("last", [PING, FORWARD])
def test_an_idle_connection_is_closed(
    last: str, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """After a hot answer as after any other, and after one of each."""
    idle = serve(server.server.config.app, timeout_keep_alive=0.1)
    wire = connect(idle.url)
    for target in (FORWARD, PING, FORWARD, last):
        wire.send(get(target, bearer))
        assert wire.answer().status == 200
    assert wire.ended()


def test_a_connection_that_waits_for_its_answer_is_not_idle(
    server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """The timer of a hot answer must not close the connection under the slow call that follows it."""
    slow = Slow()
    wire = connect(serve(FastPath(slow, _hot(server)), timeout_keep_alive=0.05).url)
    wire.send(get(FORWARD, bearer) + get("/slow"))
    assert wire.answer().status == 200
    server.loop.call_soon_threadsafe(server.loop.call_later, 0.2, slow.may.set)
    assert wire.answer().body == b"/slow"


def test_a_client_that_goes_away_leaves_nothing(
    server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """Half-way through a body, or after an answer: the connection and its timer are let go of."""
    beside = serve(server.server.config.app, timeout_keep_alive=300)
    for data in (post(VERIFY, b"{}", bearer)[:-1], get(FORWARD, bearer), get(FORWARD, bearer)[:20]):
        wire = connect(beside.url)
        wire.send(data)
        if data.endswith(b"\r\n\r\n"):
            wire.answer()
        wire.close()

    async def gone() -> int:
        async with asyncio.timeout(10):
            while beside.server.server_state.connections:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
        return len(beside.server.server_state.tasks)

    assert server.do(gone()) == 0


def test_stopping_answers_what_has_begun_and_closes_what_is_idle(
    server: Running, bearer: str, connect: Connect
) -> None:
    """A call whose body is on its way is answered, with `Connection: close`; a body that is odd, too."""
    beside = Beside(server, server.server.config.app, http=HotProtocol)
    idle, plain, odd = connect(beside.url), connect(beside.url), connect(beside.url)
    idle.send(get(FORWARD, bearer))
    idle.answer()
    for wire in (plain, odd):
        wire.send(get(FORWARD, bearer) + post(VERIFY, b"{}", bearer)[:-1])
        wire.answer()
    stopping = asyncio.run_coroutine_threadsafe(beside._stop(), server.loop)
    assert idle.ended()
    plain.send(b"}")
    odd.send(b"!")
    for wire, status in ((plain, 200), (odd, 400)):
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert wire.ended()
    stopping.result(15)


def test_a_client_that_does_not_read_is_not_sent_to(server: Running, serve: Serve, connect: Connect) -> None:
    """Answers wait for their client in order, not in memory: reading stops when writing does."""
    beside = serve(server.server.config.app)
    wire = connect(beside.url)
    number = 12_000
    calls = [get(FORWARD, f"X-Request-Id: number-{n:05}") for n in range(number)]
    sending = threading.Thread(target=wire.send, args=(b"".join(calls),))
    sending.start()

    async def stuck() -> None:
        async with asyncio.timeout(15):
            connections = beside.server.server_state.connections
            while not any(one.flow.read_paused for one in connections):  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)

    server.do(stuck())
    found = [wire.answer().headers["x-request-id"] for _ in range(number)]
    sending.join()
    assert found == [f"number-{n:05}" for n in range(number)]


def test_calls_are_counted(server: Running, bearer: str, serve: Serve, connect: Connect) -> None:
    """The count that uvicorn keeps has the hot calls too."""
    beside = serve(server.server.config.app)
    wire = connect(beside.url)
    for _ in range(3):
        wire.send(get(FORWARD, bearer))
        wire.answer()
    assert beside.server.server_state.total_requests == 3


@BOTH
@PIECES
@pytest.mark.parametrize("target", [FORWARD, VERIFY, LIST])
def test_a_trailer_is_no_header(
    http: Any, size: int, target: str, server: Running, world: World, serve: Serve, connect: Connect
) -> None:
    """RFC 9110 section 6.5.1: a token there is not accepted, and is no second one. The next call is read."""
    wire = connect(serve(server.server.config.app, http=http).url)
    token = f"Authorization: Bearer {world.named[b'owner'].decode()}"
    head, trailers = _chunked(target, [], [token])
    wire.send(head + trailers[:size])
    wire.send(trailers[size:])
    found = wire.answer()
    assert (found.status, b"missing_credentials" in found.body) == (401, True)
    head, trailers = _chunked(target, [token], [token])
    wire.send(head + trailers[:size])
    wire.send(trailers[size:] + get(FORWARD, token))
    assert [wire.answer().status, wire.answer().status] == [200, 200]


@BOTH
@PIECES
@pytest.mark.parametrize("target", [FORWARD, VERIFY])
def test_a_trailer_forges_no_address(
    http: Any, size: int, target: str, server: Running, serve: Serve, connect: Connect
) -> None:
    """Failures are counted for the address that the proxy named, though each call has another behind it."""
    whole: Any = server.server.config.app
    lines: list[dict[str, Any]] = []
    refuser = Refuser(TrustedProxies(["127.0.0.0/8"]), Refusals(Failures(1, 2), clock), lines.append)
    hot = Hot(server.runtime.verifier, server.runtime.predictor, refuser, 1000)
    wire = connect(serve(FastPath(whole.app, hot), http=http).url)
    statuses = []
    for number in range(4):
        named = ["X-Forwarded-For: 192.0.2.1", "Authorization: Bearer nonsense"]
        head, trailers = _chunked(target, named, [f"X-Forwarded-For: 198.51.100.{number}"])
        wire.send(head + trailers[:size])
        wire.send(trailers[size:])
        statuses.append(wire.answer().status)
    assert {line["address"] for line in lines} == {"192.0.2.1"}
    assert statuses[-1] == 429


@BOTH
@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (f"GET {FORWARD} HTTP/1.1\r\n", b"X-A: " + b"a" * 8000 + b"\r\n"),
        (f"GET {FORWARD} HTTP/1.1\r\n", b"a:\r\n" * 2000),
        (f"GET {FORWARD} HTTP/1.1\r\nX-A: ", b"a" * 8000),
        (f"GET {FORWARD}?", b"a" * 8000),
    ],
    ids=["headers", "short", "line", "url"],
)
def test_a_head_without_an_end_is_refused(
    http: Any, start: str, piece: bytes, server: Running, serve: Serve, connect: Connect
) -> None:
    """Long before 60 MB: 431, and the connection is closed. Both servers say the same."""
    wire = connect(serve(server.server.config.app, http=http).url)
    assert _pour(wire, start.encode(), piece) < 8_000_000
    found = _received(wire)
    assert not found or found[0] == 431, found  # what was sent after it may have reset the connection


@BOTH
def test_the_refusal_of_a_head_is_a_problem(
    http: Any, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """As other refusals of headers that are too large are, and behind calls that were answered too."""
    wire = connect(serve(server.server.config.app, http=http).url)
    wire.send(get(FORWARD, bearer))
    assert wire.answer().status == 200
    wire.send(f"GET {FORWARD} HTTP/1.1\r\n{bearer}\r\nX-A: ".encode())
    assert not _is_closed_within(wire, 0.1)
    wire.send(b"a" * (connection.MAX_BYTES + 1))
    answer = wire.answer()
    assert (answer.status, answer.headers["connection"]) == (431, "close")
    assert answer.headers["content-type"] == "application/problem+json"
    assert b'"code":"headers_too_large"' in answer.body.replace(b" ", b"")
    assert wire.ended()


@BOTH
@pytest.mark.parametrize("target", [FORWARD, VERIFY, PING])
def test_more_lines_than_are_kept_are_refused(
    http: Any, target: str, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """A head that is complete is refused by its route, however many lines it has."""
    wire = connect(serve(server.server.config.app, http=http).url)
    wire.send(get(target, bearer, *["a: b"] * 5000, method="POST" if target == VERIFY else "GET"))
    assert wire.answer().status == 431


@BOTH
@pytest.mark.parametrize("piece", [b"X-A: " + b"a" * 8000 + b"\r\n", b"a" * 8000], ids=["lines", "line"])
def test_trailers_without_an_end_are_refused(
    http: Any, piece: bytes, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """They are not kept, and not read for ever."""
    wire = connect(serve(server.server.config.app, http=http).url)
    start = get(VERIFY, bearer, "Transfer-Encoding: chunked", method="POST") + b"0\r\n"
    assert _pour(wire, start + (b"" if piece.startswith(b"X") else b"X-A: "), piece) < 8_000_000


@BOTH
def test_a_head_that_does_not_come_is_not_waited_for(
    http: Any, server: Running, bearer: str, serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither on a new connection nor on one that was used; a call in two pieces is answered."""
    monkeypatch.setattr(connection, "LATE_SECONDS", 0.3)
    beside = serve(server.server.config.app, http=http)
    new, used = connect(beside.url), connect(beside.url)
    call = get(FORWARD, bearer)
    used.send(call[:30])
    assert not _is_closed_within(used, 0.05)
    used.send(call[30:])
    assert used.answer().status == 200
    for wire in (new, used):
        wire.send(call[:30])
        assert wire.ended()


@BOTH
@pytest.mark.parametrize("length", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("target", [VERIFY, LIST, FORWARD, "/api/v1/prediction/none"])
def test_a_body_that_stops_coming_is_not_waited_for(
    http: Any,
    target: str,
    length: str,
    server: Running,
    world: World,
    serve: Serve,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever reads it, and whether the call was answered already: the connection is closed."""
    monkeypatch.setattr(connection, "LATE_SECONDS", 0.3)
    wire = connect(serve(server.server.config.app, http=http, timeout_keep_alive=1).url)
    token = f"Authorization: Bearer {world.named[b'owner'].decode()}"
    wire.send(get(target, token, "Content-Type: application/json", length, method="POST") + b"3\r\n{}")
    while not wire.ended():
        pass


@BOTH
@pytest.mark.parametrize("target", [VERIFY, LIST])
def test_a_body_that_comes_slowly_is_waited_for(
    http: Any,
    target: str,
    server: Running,
    world: World,
    serve: Serve,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As long as some of it comes."""
    monkeypatch.setattr(connection, "LATE_SECONDS", 0.3)
    wire = connect(serve(server.server.config.app, http=http).url)
    body = b'{"unknown":              1}'
    token = f"Authorization: Bearer {world.named[b'owner'].decode()}"
    whole = get(
        target, token, "Content-Type: application/json", f"Content-Length: {len(body)}", method="POST"
    )
    wire.send(whole)
    for index in range(len(body)):
        wire.send(body[index : index + 1])
        assert not _is_closed_within(wire, 0.05) or index == len(body) - 1
    assert wire.answer().status == 422


def test_a_head_behind_a_slow_call_is_waited_for(
    server: Running, serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timer must not close the connection under an answer that is on its way."""
    monkeypatch.setattr(connection, "LATE_SECONDS", 0.05)
    slow = Slow()
    wire = connect(serve(FastPath(slow, _hot(server))).url)
    wire.send(get("/slow") + get("/later")[:10])
    server.loop.call_soon_threadsafe(server.loop.call_later, 0.3, slow.may.set)
    assert wire.answer().body == b"/slow"


def _chunked(target: str, lines: list[str], trailers: list[str]) -> tuple[bytes, bytes]:
    """Return a call with a chunked body up to its last chunk, and what follows that."""
    method = "POST" if target == VERIFY else "GET"
    json = "Content-Type: application/json"
    head = get(target, *lines, json, "Transfer-Encoding: chunked", method=method)
    return head + b"2\r\n{}\r\n0\r\n", "\r\n".join([*trailers, "", ""]).encode()


def _pour(wire: Wire, start: bytes, piece: bytes) -> int:
    """Send up to 60 MB; return how much the server took before it closed."""
    sent = 0
    try:
        wire.send(start)
        while sent < 60_000_000:
            wire.send(piece)
            sent += len(piece)
    except (ConnectionResetError, BrokenPipeError):
        pass
    return sent


def _received(wire: Wire) -> list[int]:
    """Return the statuses of what has come."""
    try:
        found = wire.socket.recv(65_536)
    except ConnectionResetError:
        return []
    return [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", found)]


def _is_closed_within(wire: Wire, seconds: float) -> bool:
    """Tell whether the server closes soon."""
    wire.socket.settimeout(seconds)
    try:
        return wire.socket.recv(1, socket.MSG_PEEK) == b""
    except TimeoutError:
        return False
    finally:
        wire.socket.settimeout(15)


def _hot(server: Running) -> Any:
    return server.server.config.app.hot  # type: ignore[attr-defined, union-attr]
