"""The hot routes inside uvicorn's connection: it stays a connection of HTTP/1.1 (RFC 9112)."""

import asyncio
import copy
import threading

import pytest

from flowkeys.web.hot import FastPath
from flowkeys.web.hot.protocol import HotProtocol
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS, soon
from tests.verification.case import World
from tests.verification.conftest import Beside
from tests.verification.serving import FORWARD, PING, VERIFY, Connect, Serve, Slow, hot_of
from tests.verification.wire import get, post


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
    wire = connect(serve(FastPath(slow, hot_of(server))).url)
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
    hot = copy.copy(hot_of(server))
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


@pytest.mark.parametrize("way", ["protocol", "asgi", "awaiting", "waiting"])
def test_a_body_that_does_not_come_is_not_waited_for(
    way: str, ways: dict[str, str], connect: Connect, world: World
) -> None:
    """CONTRACT section 4: the credential comes first, where it has to be looked up, too.

    What is then sent of the body is dropped.
    """
    unknown = f"Authorization: Bearer {world.named[b'unknown'].decode()}"
    for target in (FORWARD, VERIFY, "/api/v1/prediction/x"):
        for lines in ((), (unknown,)):
            wire = connect(ways[way])
            wire.send(post(target, b"{}", *lines)[:-2])
            assert wire.answer().status == 401, (target, lines)
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
    wishes = [(), *[(f"{name}: keep-alive",) for name in ("Connection", "Proxy-Connection")]]
    plain = [get(FORWARD, bearer, *lines) for lines in wishes]
    for call in (*plain, *(post(VERIFY, b"{}", bearer, *lines) for lines in wishes)):
        wire = connect(server.url)
        wire.send(call.replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert wire.answer().headers["connection"] == "close"
        assert wire.ended()


@pytest.mark.parametrize("last", [PING, FORWARD])
def test_an_idle_connection_is_closed(
    last: str, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """After a hot answer as after any other, and after one of each."""
    beside = serve(server.server.config.app, timeout_keep_alive=3600)
    wire = connect(beside.url)
    for target in (FORWARD, PING, FORWARD, last):
        wire.send(get(target, bearer))
        assert wire.answer().status == 200
    beside.idle()
    assert wire.ended()


def test_a_connection_that_waits_for_its_answer_is_not_idle(
    server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """The timer of a hot answer must not close the connection under the slow call that follows it."""
    slow = Slow()
    beside = serve(FastPath(slow, hot_of(server)), timeout_keep_alive=3600)
    wire = connect(beside.url)
    wire.send(get(FORWARD, bearer) + get("/slow"))
    assert wire.answer().status == 200
    beside.idle()
    server.loop.call_soon_threadsafe(slow.may.set)
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
        await soon(lambda: not beside.server.server_state.connections, "the connections to be let go of")
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
    stopping.result(PATIENCE_SECONDS)


def test_a_client_that_does_not_read_is_not_sent_to(server: Running, serve: Serve, connect: Connect) -> None:
    """Answers wait for their client in order, not in memory: reading stops when writing does."""
    beside = serve(server.server.config.app)
    wire = connect(beside.url)
    number = 12_000
    calls = [get(FORWARD, f"X-Request-Id: number-{n:05}") for n in range(number)]
    sending = threading.Thread(target=wire.send, args=(b"".join(calls),))
    sending.start()

    async def stuck() -> None:
        connections = beside.server.server_state.connections
        await soon(lambda: any(one.flow.read_paused for one in connections), "reading to stop")

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
