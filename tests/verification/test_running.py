"""Predictions inside the connection: what is plain is answered there, in the order of HTTP/1.1."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from flowkeys.bootstrap import clock
from flowkeys.limits.failures import Failures
from flowkeys.service.documents.retrieving import StoreRetriever
from flowkeys.web.hot import FastPath, Hot, Refuser
from flowkeys.web.hot.protocol import HotProtocol
from flowkeys.web.refusals import Refusals
from flowkeys.web.requests.address import TrustedProxies
from tests.support.databases import ON_POSTGRES
from tests.support.server import Api, Running
from tests.support.waiting import PATIENCE_SECONDS, soon, until
from tests.verification.case import World
from tests.verification.conftest import Beside
from tests.verification.serving import FORWARD, PING, VERIFY, Connect, Serve, hot_of
from tests.verification.wire import get, post

QUESTION = b'{"question":"Hello"}'


class Elsewhere:
    """What stands for the framework: it says what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Read the body, and answer with a status that nobody else gives."""
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.request":
            self.asked.append(scope["path"])
            await send({"type": "http.response.start", "status": 299, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def target(server: Running, world: World, connect: Connect, bearer: str) -> str:
    """The path of a prediction whose chatflow was compiled: the first call of one is the framework's."""
    path = f"/api/v1/prediction/{world.named[b'chatflow'].decode()}"
    wire = connect(server.url)
    wire.send(post(path, QUESTION, bearer))
    assert wire.answer().status == 200
    return path


@contextmanager
def _held(server: Running) -> Iterator[None]:
    """Keep the store from committing messages meanwhile: PostgreSQL has a connection of its own for them."""
    store: Any = server.runtime.store
    writer = store._appender if ON_POSTGRES else store._writer
    may, begun = threading.Event(), threading.Event()

    def wait(_: Any) -> None:
        begun.set()
        may.wait(PATIENCE_SECONDS)

    held = asyncio.run_coroutine_threadsafe(writer.run(wait), server.loop)
    begun.wait(PATIENCE_SECONDS)
    try:
        yield
    finally:
        may.set()
        held.result(PATIENCE_SECONDS)


def _messages(owner: Api, world: World, name: bytes = b"chatflow") -> list[dict[str, Any]]:
    path = f"/chatflows/{world.named[name].decode()}/messages"
    found: list[dict[str, Any]] = owner.get(path, params={"limit": 2}).json()["data"]
    return found


@pytest.fixture
def owner(server: Running, world: World) -> Api:
    """The owner, whose key is there already: while the store is held none can be made."""
    return server.api(world.named[b"owner"].decode())


def _busy(server: Running, beside: Beside, count: int = 1) -> None:
    """Wait until predictions run."""
    one_runs = "a prediction to run"

    async def running() -> None:
        connections = beside.server.server_state.connections
        await soon(
            lambda: (
                sum(one.cycle is not None and not one.cycle.response_complete for one in connections) == count
            ),
            one_runs,
        )

    server.do(running())


def test_a_plain_question_makes_no_scope(
    target: str, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """With a key, in pieces, in chunks, of HTTP/1.0; a line of the log each, with the facts of all others."""
    lines: list[dict[str, Any]] = []
    runtime, elsewhere = server.runtime, Elsewhere()
    refusals = Refusals(Failures(1, 2), clock)
    refuser = Refuser(TrustedProxies(["127.0.0.0/8"]), refusals, lines.append, runtime.calls)
    hot = Hot(runtime.verifier, runtime.predictor, refuser, 1_000_000, path="/below")
    beside = serve(FastPath(elsewhere, hot))
    call = post(target, QUESTION, bearer, "X-Request-Id: number-0123", "X-Forwarded-For: 192.0.2.7")
    chunked = get(target, bearer, "Transfer-Encoding: chunked", method="POST")
    calls = [
        call,
        post(f"/below{target}", QUESTION, bearer),
        chunked + b"1;x=y\r\n{\r\n13\r\n" + QUESTION[1:] + b"\r\n0\r\nAuthorization: Bearer x\r\n\r\n",
        call.replace(b"HTTP/1.1", b"HTTP/1.0"),
    ]
    wire = connect(beside.url)
    for data in calls:
        wire.send(data)
        assert json.loads(wire.answer().body)["text"] == "You said: Hello"
    assert wire.ended()
    slow = connect(beside.url)
    for start in range(len(call)):
        slow.send(call[start : start + 1])
    assert slow.answer().headers["x-request-id"] == "number-0123"
    assert elsewhere.asked == []
    assert beside.server.server_state.total_requests == 5
    until(lambda: len(lines) == 5, "five lines")
    assert list(lines[0]) == [
        "method", "route", "status", "ms", "request_id", "address", "chatflow_id", "key_id",
    ]  # fmt: skip
    assert {line["status"] for line in lines} == {200}
    assert (lines[0]["request_id"], lines[0]["address"]) == ("number-0123", "192.0.2.7")


def test_a_connection_that_waits_for_its_next_call_holds_nothing_of_the_last(
    target: str, server: Running, bearer: str, world: World, serve: Serve, connect: Connect
) -> None:
    """Neither a question nor an answer, which may be long: there may be thousands of such connections."""
    beside = serve(server.server.config.app)
    waiting = f"/api/v1/prediction/{world.named[b'waiting'].decode()}"
    long = b'{"question":"%b"}' % (b"held " * 1000)
    streamed = long.replace(b"}", b',"streaming":true}')
    for path, body in ((target, long), (waiting, long), (VERIFY, long), (target, streamed)):
        wire = connect(beside.url)
        if body is streamed:
            wire.send(post(target, body, bearer, "Connection: keep-alive"))
            wire.socket.recv(1)
        else:
            wire.send(post(path, body, "X: y" if path == waiting else bearer))
            assert wire.answer().status == (422 if path == VERIFY else 200)

    async def look() -> str:
        return "".join(
            repr([one._body, one._asked, getattr(one._running, "_answer", None)])
            for one in beside.server.server_state.connections
        )

    assert "held" not in server.do(look())


def test_what_is_not_plain_is_handed_on(
    target: str, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """Streams, odd bodies, long ones, those of which the server takes no such size, and `Expect`."""
    elsewhere = Elsewhere()
    hot = hot_of(server)
    small = Hot(server.runtime.verifier, server.runtime.predictor, hot.predictions._refuser, 100)
    long = b'{"question":"%b"}' % (b"x" * 100)
    odd = [
        (hot, post(target, b'{"question":"Hello","streaming":true}', bearer)),
        (hot, post(target, b'{"question":"Hello"', bearer)),
        (hot, post(target, b'{"question":"x","form":{"a":1}}', bearer)),
        (hot, post(target, QUESTION + b" " * 70_000, bearer)),
        (hot, post(target, QUESTION, bearer, "Content-Encoding: identity")),
        (hot, post(f"{target}?x=1", QUESTION, bearer)),
        (hot, post(target, QUESTION, bearer, "Expect: 100-continue")),
        (hot, get(target, bearer, method="OPTIONS")),
        (small, post(target, long, bearer)),
    ]
    for routes, call in odd:
        wire = connect(serve(FastPath(elsewhere, routes)).url)
        wire.send(call)
        answer = wire.answer()
        while answer.status == 100:
            answer = wire.answer()
        assert answer.status == 299, call[:100]
    assert len(elsewhere.asked) == len(odd)


def test_a_body_behind_an_upgrade_is_no_call(
    target: str, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """It is read as the body that it is, whatever stands in it, and the call behind it has its own answer."""
    wire = connect(serve(server.server.config.app).url)
    offer = (bearer, "Connection: Upgrade", "Upgrade: websocket")
    hidden = post(target, QUESTION, bearer)
    wire.send(post(target, QUESTION, *offer) + post(target, hidden, *offer) + get(FORWARD))
    assert [wire.answer().status for _ in range(3)] == [200, 400, 401]


def test_nothing_is_answered_before_both_messages_are_stored(
    target: str, server: Running, owner: Api, world: World, bearer: str, serve: Serve, connect: Connect
) -> None:
    """And what is sent behind a question waits for it, whoever answers; each has its own answer."""
    beside = serve(server.server.config.app)
    wire = connect(beside.url)
    with _held(server):
        behind = [
            get(FORWARD, bearer, "X-Request-Id: number-2"),
            post(target, QUESTION, bearer, "X-Request-Id: number-3"),
            get(PING, "X-Request-Id: number-4"),
            post(VERIFY, b"{}", bearer, "X-Request-Id: number-5"),
            post(target, QUESTION, "X-Request-Id: number-6"),
        ]
        wire.send(post(target, b'{"question":"held"}', bearer, "X-Request-Id: number-1") + b"".join(behind))
        _busy(server, beside)
        assert _messages(owner, world)[0]["content"] != "You said: held"
        assert all(
            one.transport.get_write_buffer_size() == 0 for one in beside.server.server_state.connections
        )
        wire.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            wire.socket.recv(1)
        wire.socket.settimeout(PATIENCE_SECONDS)
    answers = [wire.answer() for _ in range(6)]
    assert [one.headers["x-request-id"] for one in answers] == [f"number-{n}" for n in range(1, 7)]
    assert [one.status for one in answers] == [200, 200, 200, 200, 200, 401]
    assert json.loads(answers[0].body)["question"] == "held"


def test_after_the_last_call_nothing_is_answered(
    target: str, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """RFC 9112 section 9.6, also while it waits, and where a trailer says that nothing more comes."""
    elsewhere = Elsewhere()
    beside = serve(FastPath(elsewhere, hot_of(server)))
    chunked = get(target, bearer, "Transfer-Encoding: chunked", method="POST") + b"14\r\n" + QUESTION
    lasts = [
        post(target, QUESTION, bearer, "Connection: close"),
        chunked + b"\r\n0\r\nConnection: close\r\n\r\n",
    ]
    for last in lasts:
        wire = connect(beside.url)
        with _held(server):
            wire.send(last + get("/behind") + post(target, QUESTION, bearer))
            _busy(server, beside)
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert wire.ended()
    assert elsewhere.asked == []


def test_stopping_waits_for_an_answer(target: str, server: Running, bearer: str, connect: Connect) -> None:
    """It comes, with `Connection: close`, and what is sent behind it does not."""
    beside = Beside(server, server.server.config.app, http=HotProtocol)
    wire = connect(beside.url)
    with _held(server):
        wire.send(post(target, QUESTION, bearer))
        _busy(server, beside)
        stopping = asyncio.run_coroutine_threadsafe(beside._stop(), server.loop)

        async def told() -> None:
            connections = beside.server.server_state.connections
            await soon(lambda: all(one._is_leaving for one in connections), "the connection to hear of it")

        server.do(told())
        wire.send(get(FORWARD, bearer))
    answer = wire.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert wire.ended()
    stopping.result(PATIENCE_SECONDS)


def test_who_leaves_meanwhile_leaves_nothing_behind(
    target: str, server: Running, owner: Api, world: World, bearer: str, serve: Serve, connect: Connect
) -> None:
    """What was given to the store is stored; the connection is let go of, and no other answer is sent."""
    beside = serve(server.server.config.app)
    wire, other = connect(beside.url), connect(beside.url)
    with _held(server):
        wire.send(post(target, b'{"question":"left"}', bearer))
        _busy(server, beside)
        wire.close()

        async def gone() -> None:
            await soon(lambda: len(beside.server.server_state.connections) == 1, "the connection to be gone")

        server.do(gone())
    other.send(get(FORWARD, bearer))
    assert other.answer().status == 200
    until(lambda: _messages(owner, world)[0]["content"] == "You said: left", "the messages")


@pytest.mark.parametrize("end", ["leaves", "stops"])
def test_a_run_that_has_to_wait_is_stopped(
    end: str, server: Running, owner: Api, world: World, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a client that leaves, and by a server that has waited long enough: 503, and nothing is stored."""
    began, ended = threading.Event(), threading.Event()

    async def search(*_: Any) -> list[Any]:
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()
        return []

    target = f"/api/v1/prediction/{world.named[b'waiting'].decode()}"
    wire = connect(server.url)
    wire.send(post(target, QUESTION))
    assert wire.answer().status == 200
    before = _messages(owner, world, b"waiting")
    beside = Beside(server, server.server.config.app, http=HotProtocol, timeout_graceful_shutdown=0)
    monkeypatch.setattr(StoreRetriever, "search", search)
    wire = connect(beside.url)
    wire.send(post(target, QUESTION) + (get(FORWARD) if end == "leaves" else b""))
    assert began.wait(PATIENCE_SECONDS)
    if end == "leaves":
        wire.close()
        assert ended.wait(PATIENCE_SECONDS)
        beside.stop()
    else:
        server.do(beside._stop())
        answer = wire.answer()
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert (answer.headers["connection"], json.loads(answer.body)["code"]) == ("close", "unavailable")
        assert wire.ended()
    assert _messages(owner, world, b"waiting") == before
