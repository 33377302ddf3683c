"""uvicorn's connection with limits: what a client sends beside calls, slowly, or not at all."""

import asyncio
import re
import select
import socket
import threading
from typing import Any

import pytest

from flowkeys.bootstrap import clock
from flowkeys.limits.failures import Failures
from flowkeys.web.hot import FastPath, Hot, Refuser, bounds
from flowkeys.web.refusals import Refusals
from flowkeys.web.requests.address import TrustedProxies
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS, until
from tests.verification.case import World
from tests.verification.serving import BOTH, FORWARD, LIST, PING, VERIFY, Connect, Serve, Slow, hot_of
from tests.verification.wire import Wire, get, post

PIECES = pytest.mark.parametrize("size", [0, 20, 1000])
"""How much of the trailers comes with the body."""


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
    refuser = Refuser(
        TrustedProxies(["127.0.0.0/8"]), Refusals(Failures(1, 2), clock), lines.append, server.runtime.calls
    )
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
    assert not _is_closed(server, wire)
    wire.send(b"a" * (bounds.MAX_BYTES + 1))
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
    http: Any, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """Neither on a new connection nor on one that was used; a call in two pieces is answered."""
    beside = serve(server.server.config.app, http=http)
    new, used = connect(beside.url), connect(beside.url)
    call = get(FORWARD, bearer)
    used.send(call[:30])
    beside.look()
    assert not _is_closed(server, used)
    used.send(call[30:])
    assert used.answer().status == 200
    for wire in (new, used):
        wire.send(call[:30])
    beside.look()
    beside.look()
    assert new.ended()
    assert used.ended()


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
) -> None:
    """Whoever reads it, and whether the call was answered already: the connection is closed."""
    beside = serve(server.server.config.app, http=http, timeout_keep_alive=3600)
    wire = connect(beside.url)
    token = f"Authorization: Bearer {world.named[b'owner'].decode()}"
    wire.send(get(target, token, "Content-Type: application/json", length, method="POST") + b"3\r\n{}")
    beside.look()
    beside.look()
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
) -> None:
    """As long as some of it comes."""
    beside = serve(server.server.config.app, http=http)
    wire = connect(beside.url)
    body = b'{"unknown":              1}'
    token = f"Authorization: Bearer {world.named[b'owner'].decode()}"
    whole = get(
        target, token, "Content-Type: application/json", f"Content-Length: {len(body)}", method="POST"
    )
    wire.send(whole)
    for index in range(len(body)):
        wire.send(body[index : index + 1])
        beside.look()
        assert not _is_closed(server, wire) or index == len(body) - 1
    assert wire.answer().status == 422


def test_a_head_behind_a_slow_call_is_waited_for(server: Running, serve: Serve, connect: Connect) -> None:
    """The timer must not close the connection under an answer that is on its way."""
    slow = Slow()
    beside = serve(FastPath(slow, hot_of(server)))
    wire = connect(beside.url)
    wire.send(get("/slow") + get("/later")[:10])
    for _ in range(3):
        beside.look()
    server.loop.call_soon_threadsafe(slow.may.set)
    assert wire.answer().body == b"/slow"


def _upgrading(target: str, body: bytes, *lines: str, chunked: bool = False) -> bytes:
    """Return a call that offers another protocol, as programs in Java do with each (RFC 9110 section 7.8)."""
    offer = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAA"]
    json = "Content-Type: application/json"
    if chunked:
        head = get(target, *lines, *offer, json, "Transfer-Encoding: chunked", method="POST")
        return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return get(target, *lines, *offer, json, f"Content-Length: {len(body)}", method="POST") + body


@BOTH
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("pieces", [(0,), (60, 30), (-5,), (-100, 90)], ids=["one", "head", "body", "both"])
@pytest.mark.parametrize("target", [VERIFY, LIST, "/api/v1/chatflows"])
def test_the_body_of_a_call_with_upgrade_is_its_body(
    http: Any,
    target: str,
    pieces: tuple[int, ...],
    chunked: bool,
    server: Running,
    world: World,
    serve: Serve,
    connect: Connect,
) -> None:
    """And no call: behind a proxy it would be one with the credential of whoever comes next."""
    wire = connect(serve(server.server.config.app, http=http).url)
    token = f"Authorization: Bearer {world.named[b'owner'].decode()}"
    hidden = f"GET /api/v1/version HTTP/1.1\r\nHost: x\r\n{token}\r\n\r\n"
    body = b'{"unknown": "' + hidden.replace("\r\n", "  ").encode() + b'"}'
    call = _upgrading(target, body, token, chunked=chunked)
    for piece in pieces:
        wire.send(call[:piece])
        call = call[piece:] if piece else call
        server.take_up()
    wire.send(call + get(FORWARD, token))
    assert wire.answer().status == 422
    answer = wire.answer()
    assert (answer.status, answer.headers.get("x-auth-key-name")) == (200, "owner")
    raw_body = _upgrading(target, hidden.encode(), token, chunked=chunked)
    head, split, rest = raw_body.partition(b"\r\n\r\n")
    wire.send(head + split)
    server.take_up()
    wire.send(rest + get(PING))
    assert wire.answer().status == 400, "the body is no JSON"
    assert wire.answer().body == b"pong"


@BOTH
def test_a_call_with_upgrade_is_answered_as_any(
    http: Any, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """The connection goes on in HTTP/1.1, several times over."""
    wire = connect(serve(server.server.config.app, http=http).url)
    call = get(FORWARD, bearer, "Connection: upgrade", "Upgrade: websocket")
    wire.send(call * 3 + get(PING, "Connection: upgrade", "Upgrade: h2c") + call)
    assert [wire.answer().status for _ in range(5)] == [200] * 5


@BOTH
def test_many_headers_hide_no_length(
    http: Any, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """Of an offer to upgrade, which is read twice, every header is needed."""
    wire = connect(serve(server.server.config.app, http=http).url)
    lines = [bearer, "Connection: upgrade", "Upgrade: x", *["a: b"] * 1000, "Content-Length: 5"]
    wire.send(get(VERIFY, *lines, method="POST") + b"12345" + get(PING))
    assert wire.answer().status == 431
    assert wire.ended()


@BOTH
def test_there_is_nothing_to_connect_to(
    http: Any, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """What follows CONNECT would be no HTTP."""
    wire = connect(serve(server.server.config.app, http=http).url)
    wire.send(get(FORWARD, bearer, "Content-Length: 100", method="CONNECT") + get(PING))
    assert wire.answer().status == 400
    assert wire.ended()


@BOTH
@pytest.mark.parametrize("first", [VERIFY, FORWARD, PING])
def test_a_trailer_that_closes_closes(
    http: Any, first: str, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """The parser takes nothing more: a call behind it is not left without an answer for ever."""
    wire = connect(serve(server.server.config.app, http=http).url)
    head, trailers = _chunked(first, [bearer], ["Connection: close"])
    wire.send(head)
    server.take_up()
    wire.send(trailers + get(PING))
    assert wire.answer().status == 200
    assert wire.ended()


@BOTH
def test_calls_that_wait_are_not_read_without_end(
    http: Any, server: Running, serve: Serve, connect: Connect
) -> None:
    """Answers that nobody reads let in nothing more: one connection does not fill the memory."""
    slow = Slow()
    server.loop.call_soon_threadsafe(slow.may.set)
    beside = serve(FastPath(slow, hot_of(server)), http=http)
    wire = connect(beside.url)
    wire.socket.setblocking(False)
    call = get("/" + "a" * 2000)
    rest, sent, in_vain = call * 20_000, 0, 0
    while sent < len(rest) and in_vain < 10:
        try:
            sent += wire.socket.send(rest[sent : sent + 100_000])
            in_vain = 0
        except BlockingIOError:
            server.take_up()
            in_vain += 1
    (one,) = beside.server.server_state.connections
    assert len(one.pipeline) < 1000


@BOTH
@pytest.mark.parametrize("sent", [b"", b"\r\n", b"<good>", b"<good>\r\n"], ids=repr)
def test_silence_is_not_listened_to(
    http: Any,
    sent: bytes,
    server: Running,
    bearer: str,
    serve: Serve,
    connect: Connect,
) -> None:
    """Nor are line ends: a connection without a call costs the server a place that others need."""
    beside = serve(server.server.config.app, http=http, timeout_keep_alive=3600)
    wire = connect(beside.url)
    wire.send(sent.replace(b"<good>", get(PING)))
    if b"good" in sent:
        assert wire.answer().status == 200
    beside.look()
    beside.look()
    beside.idle()
    assert wire.ended()


@BOTH
def test_a_long_answer_to_a_silent_client_is_let_finish(
    http: Any, server: Running, serve: Serve, connect: Connect
) -> None:
    """Who waits for an answer has nothing to say."""
    slow = Slow()
    beside = serve(FastPath(slow, hot_of(server)), http=http)
    wire = connect(beside.url)
    wire.send(get("/slow"))
    for _ in range(3):
        beside.look()
    server.loop.call_soon_threadsafe(slow.may.set)
    assert wire.answer().body == b"/slow"


class Endless:
    """An application whose answer has no end."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send until nobody is there."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await receive()
        watch = asyncio.create_task(receive())
        while not watch.done():
            await send({"type": "http.response.body", "body": b"a" * 50_000, "more_body": True})
            await asyncio.sleep(0)
        self.gone.set()


@BOTH
def test_who_stops_reading_is_not_waited_for(
    http: Any, server: Running, serve: Serve, connect: Connect
) -> None:
    """Who reads slowly is."""
    endless = Endless()
    beside = serve(FastPath(endless, hot_of(server)), http=http)
    wire = connect(beside.url)
    wire.send(get("/endless"))
    for _ in range(3 * bounds.UNREAD_LOOKS):
        for _ in range(100):
            assert wire.socket.recv(30_000)
        beside.look()
    assert not endless.gone.is_set()

    def is_gone() -> bool:
        beside.look()
        return endless.gone.is_set()

    until(is_gone, "the end of an answer that nobody reads")


class Reading:
    """An application that reads each body, and answers; it looks how many calls wait meanwhile."""

    def __init__(self) -> None:
        self.connections: set[Any] = set()
        self.most = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer with nothing."""
        await receive()
        await asyncio.sleep(0)
        self.most = max(self.most, *(len(one.pipeline) for one in self.connections))
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


@BOTH
@pytest.mark.parametrize("call", [get("/a"), post("/a", b"{}")], ids=["get", "post"])
def test_an_application_that_reads_bodies_lets_in_no_more_calls(
    http: Any, call: bytes, server: Running, serve: Serve, connect: Connect
) -> None:
    """All are answered, and few of them wait inside at a time."""
    application = Reading()
    beside = serve(FastPath(application, hot_of(server)), http=http)
    application.connections = beside.server.server_state.connections
    wire = connect(beside.url)
    number = 20_000
    sending = threading.Thread(target=wire.send, args=(call * number,))
    sending.start()
    assert {wire.answer().status for _ in range(number)} == {200}
    sending.join()
    assert 0 < application.most < 1000


@BOTH
@pytest.mark.parametrize("target", ["http://", "http://a:b:c/"])
def test_an_address_that_is_none_takes_no_answer_from_others(
    http: Any, target: str, server: Running, serve: Serve, connect: Connect
) -> None:
    """The parser lets it pass. Behind a proxy the call before it may be somebody else's."""
    slow = Slow()
    wire = connect(serve(FastPath(slow, hot_of(server)), http=http).url)
    wire.send(get("/slow") + get(target))
    assert not _is_closed(server, wire)
    server.loop.call_soon_threadsafe(slow.may.set)
    assert wire.answer().body == b"/slow"
    assert wire.ended()


@BOTH
def test_a_call_hears_that_its_client_left_when_others_wait_behind_it(
    http: Any, server: Running, serve: Serve, connect: Connect
) -> None:
    """Uvicorn tells the last one only, and this one would run on for nobody."""
    endless = Endless()
    wire = connect(serve(FastPath(endless, hot_of(server)), http=http).url)
    wire.send(get("/endless") + get("/waits"))
    assert wire.socket.recv(30_000)
    wire.close()
    server.do(asyncio.wait_for(endless.gone.wait(), PATIENCE_SECONDS))


@BOTH
def test_an_answer_is_not_cut_for_a_body_that_nobody_reads(
    http: Any, server: Running, serve: Serve, connect: Connect
) -> None:
    """It may begin before the body has come, and go on without it."""
    more = asyncio.Event()

    async def early(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})
        for piece in (b"a", b"b", b"c", b"d", b"e", b"f"):
            await send({"type": "http.response.body", "body": piece, "more_body": piece != b"f"})
            await more.wait()
            more.clear()

    beside = serve(FastPath(early, hot_of(server)), http=http)
    wire = connect(beside.url)
    wire.send(get("/early", "Content-Length: 100", method="POST"))
    for _ in range(6):
        beside.look()
        server.loop.call_soon_threadsafe(more.set)
    assert wire.answer().body == b"abcdef"


@BOTH
def test_garbage_behind_a_call_costs_it_nothing(
    http: Any, server: Running, serve: Serve, connect: Connect
) -> None:
    """Its answer comes whole, and then the end."""
    slow = Slow()
    wire = connect(serve(FastPath(slow, hot_of(server)), http=http).url)
    wire.send(get("/first") + get("/second") + b"\0garbage\r\n\r\n" + get("/third"))
    assert not _is_closed(server, wire)
    server.loop.call_soon_threadsafe(slow.may.set)
    assert [wire.answer().body, wire.answer().body] == [b"/first", b"/second"]
    assert wire.ended()
    assert slow.began == 2


@BOTH
def test_what_is_no_http_is_a_problem(http: Any, server: Running, serve: Serve, connect: Connect) -> None:
    """As every refusal is."""
    wire = connect(serve(server.server.config.app, http=http).url)
    wire.send(b"\0garbage\r\n\r\n")
    answer = wire.answer()
    assert (answer.status, answer.headers["connection"]) == (400, "close")
    assert answer.headers["content-type"] == "application/problem+json"
    assert wire.ended()


@BOTH
@pytest.mark.parametrize("target", [FORWARD, PING])
def test_a_long_target_is_refused(
    http: Any, target: str, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """Before its parameters are looked at."""
    wire = connect(serve(server.server.config.app, http=http).url)
    wire.send(get(f"{target}?{'%61&' * 5000}", bearer))
    answer = wire.answer()
    assert answer.status == 431
    assert answer.headers.get("x-auth-key-id") == ("" if target == FORWARD else None)
    assert wire.ended()


@BOTH
def test_a_body_that_is_too_large_is_refused_before_it_comes(
    http: Any, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """Also by the route that has the smallest limit."""
    wire = connect(serve(server.server.config.app, http=http).url)
    json = "Content-Type: application/json"
    wire.send(get(VERIFY, bearer, json, "Content-Length: 99999999", method="POST") + b"{")
    assert wire.answer().status == 413


@BOTH
def test_who_knows_no_100_is_sent_none(
    http: Any, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """RFC 9110 section 10.1.1: an HTTP/1.0 client is not told to continue."""
    wire = connect(serve(server.server.config.app, http=http).url)
    call = get(VERIFY, bearer, "Expect: 100-continue", "Content-Length: 2", method="POST")
    wire.send(call.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert not _is_closed(server, wire)
    wire.send(b"{}")
    assert wire.answer().status != 100


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


def _is_closed(server: Running, wire: Wire) -> bool:
    """Tell whether the server closed, once it has read what was sent."""
    server.take_up()
    readable, _, _ = select.select([wire.socket], [], [], 0)
    return bool(readable) and wire.socket.recv(1, socket.MSG_PEEK) == b""
