"""Connections to a server: what is read of an answer, when one is used again, and when it is closed."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import pytest

from flowkeys.outbound.http import connection as connections
from flowkeys.outbound.http.connection import ClosedError, Connection, NotHttpError
from flowkeys.outbound.http.pool import Origin, Pool
from tests.support.raw_model import CHUNKED, RawModel, chunk, serving, whole
from tests.support.waiting import PATIENCE_SECONDS, patience, soon

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
OK = whole(b"Hello")
END = chunk(b"")


@pytest.fixture
async def raw() -> AsyncIterator[RawModel]:
    """A server that answers as it is told."""
    async with serving() as model:
        yield model


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    """Connections that are closed at the end."""
    made = Pool(ssl.create_default_context(), None)
    yield made
    await made.aclose()
    assert made._open == {}


async def call(pool: Pool, raw: RawModel, *, is_enough: bool = False) -> tuple[int, bytes]:
    """Call, over a kept connection if there is one, and read the answer to its end."""
    origin = Origin("127.0.0.1", raw.port, is_tls=False)
    async with patience("an answer"):
        opened = pool.kept(origin) or await pool.open(origin, 10)
        opened.send(REQUEST)
        try:
            await opened.head(10)
            body = b""
            while part := await opened.read(10):
                body += part
            return opened.status, body
        finally:
            opened.leave(is_enough=is_enough)


async def closed(opened: Connection) -> None:
    """Wait until the connection is closed."""
    await soon(lambda: opened.is_closed, "the end of a connection")


CLOSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nHello"
ANSWERS: dict[str, tuple[Sequence[Any], bool]] = {
    "a length": ([OK], True),
    "chunks": ([CHUNKED, chunk(b"Hel"), chunk(b"lo"), END], True),
    "chunks with an extension, and trailers": (
        [CHUNKED, b"5;a=b\r\nHello\r\n0\r\nX-Sum: 99\r\n\r\n"],
        True,
    ),
    "an interim answer before": ([b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", OK], True),
    "lines that end early": ([b"HTTP/1.1 200 OK\nContent-Length: 5\n\nHello"], True),
    "the server closes": ([CLOSE, "close"], False),
    "the server says that it will close": ([CLOSE], False),
    "HTTP/1.0": ([b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nHello"], False),
    "until it closes": ([b"HTTP/1.1 200 OK\r\n\r\nHel", b"lo", "close"], False),
    "more than the answer": ([OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEvil"], False),
    "garbage behind the answer": ([OK + b"\x00\x01\x02"], False),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_is_read_and_nothing_else_is_taken_for_the_next(
    raw: RawModel, pool: Pool, name: str
) -> None:
    """The connection is used again when it is certain where the next answer begins, and only then."""
    steps, is_kept = ANSWERS[name]
    raw.says(*steps)
    assert await call(pool, raw) == (200, b"Hello")
    assert pool.idle == int(is_kept)
    raw.says(OK)
    assert await call(pool, raw) == (200, b"Hello")
    assert raw.connections == (1 if is_kept else 2)


async def test_what_comes_unasked_closes_a_connection(raw: RawModel, pool: Pool) -> None:
    """It would be taken for the answer to the next call."""
    raw.says(OK, 0.05, OK)
    await call(pool, raw)
    opened = next(iter(pool._open))
    await closed(opened)
    assert pool.idle == 0
    raw.says(whole(b"Next"))
    assert await call(pool, raw) == (200, b"Next")


async def test_what_comes_behind_an_answer_is_none_of_it(raw: RawModel, pool: Pool) -> None:
    """Not even when whoever reads has not asked yet whether there is more."""
    raw.says(OK, 0.05, whole(b"Evil"))
    opened = await pool.open(Origin("127.0.0.1", raw.port, is_tls=False), 10)
    opened.send(REQUEST)
    await opened.head(10)
    assert await opened.read(10) == b"Hello"
    await soon(lambda: opened._is_spoiled, "another answer")
    assert await opened.read(10) == b""
    opened.leave(is_enough=True)
    await closed(opened)
    assert pool.idle == 0


async def test_an_answer_to_half_a_request_closes_the_connection(pool: Pool) -> None:
    """The server may read no more of it, and then the next request would stand behind the rest."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(whole(b"No", status=b"413 Too Large"))
        await soon(lambda: opened.is_closed, "the client to leave")
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(refuse, "127.0.0.1", 0, limit=1000)
    async with server, patience("an answer"):
        origin = Origin("127.0.0.1", server.sockets[0].getsockname()[1], is_tls=False)
        opened = await pool.open(origin, 10)
        opened.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n\r\n" + b"x" * 30_000_000)
        await opened.head(10)
        assert (await opened.read(10), await opened.read(10)) == (b"No", b"")
        opened.leave(is_enough=False)
        assert pool.idle == 0
        await ended.wait()


async def test_what_may_not_have_been_read_closes_the_connection(
    raw: RawModel, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a server is kept waiting, more than its answer may stand in the system's buffers."""
    monkeypatch.setattr(connections, "BUFFER_BYTES", 10)
    raw.says(whole(b"x" * 20))
    opened = await pool.open(Origin("127.0.0.1", raw.port, is_tls=False), 10)
    opened.send(REQUEST)
    await opened.head(10)
    await soon(lambda: opened.is_complete, "the answer")
    opened.leave(is_enough=False)
    assert pool.idle == 0
    await closed(opened)


BROKEN: dict[str, tuple[Sequence[Any], type[Exception]]] = {
    "no answer": (["close"], ClosedError),
    "half a head": ([b"HTTP/1.1 200 OK\r\nContent-", "close"], ClosedError),
    "half a body": ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHello", "close"], ClosedError),
    "no last chunk": ([CHUNKED, chunk(b"Hello"), "close"], ClosedError),
    "another protocol": ([b"SSH-2.0-x\r\n"], NotHttpError),
    "a chunk without its length": ([CHUNKED, chunk(b"Hello"), b"zz\r\n"], NotHttpError),
    "two lengths": (
        [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nHello"],
        NotHttpError,
    ),
    "a length and chunks": (
        [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nHello"],
        NotHttpError,
    ),
    "a head without end": ([b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000], NotHttpError),
    "interim answers without end": ([b"HTTP/1.1 100 Continue\r\n\r\n" * 5000], NotHttpError),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_half_an_answer_ends_with_an_error(raw: RawModel, pool: Pool, name: str) -> None:
    """And its connection is not used again."""
    steps, expected = BROKEN[name]
    raw.says(*steps)
    with pytest.raises(expected):
        await call(pool, raw)
    assert pool.idle == 0


async def test_a_server_that_switches_protocols_has_not_answered(raw: RawModel, pool: Pool) -> None:
    """Nobody asked for it: the status says enough, and what follows is another protocol's."""
    raw.says(b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nmore")
    assert await call(pool, raw) == (101, b"")
    assert pool.idle == 0


async def test_what_came_before_a_break_is_read_first(raw: RawModel, pool: Pool) -> None:
    """The answer may have been complete but for the end of its framing."""
    raw.says(CHUNKED + chunk(b"Hello"), "close")
    opened = await pool.open(Origin("127.0.0.1", raw.port, is_tls=False), 10)
    opened.send(REQUEST)
    await opened.head(10)
    await closed(opened)
    assert await opened.read(10) == b"Hello"
    with pytest.raises(ClosedError):
        await opened.read(10)


async def test_a_server_that_is_silent_is_waited_for_as_long_as_was_said(raw: RawModel, pool: Pool) -> None:
    """Each wait is limited, not their sum; a wait that is over leaves no timer behind."""
    raw.says(CHUNKED, *(step for _ in range(4) for step in (chunk(b"x"), 0.02)), 60)
    opened = await pool.open(Origin("127.0.0.1", raw.port, is_tls=False), 10)
    opened.send(REQUEST)
    await opened.head(10)
    got = b""
    while len(got) < 4:
        got += await opened.read(10)
    with pytest.raises(TimeoutError):
        await opened.read(0.1)
    assert got == b"xxxx"
    opened.leave(is_enough=False)
    assert opened._waiting._timer is None


async def test_a_server_waits_while_nobody_reads(
    raw: RawModel, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is not taken does not fill the memory."""
    monkeypatch.setattr(connections, "BUFFER_BYTES", 10_000)
    raw.says(whole(b"x" * 20_000_000))
    opened = await pool.open(Origin("127.0.0.1", raw.port, is_tls=False), 10)
    opened.send(REQUEST)
    await opened.head(10)
    await soon(lambda: opened._is_paused, "the server to be kept waiting")
    assert sum(map(len, opened._parts)) < 2_000_000
    read = 0
    async with patience("the rest"):
        while part := await opened.read(10):
            read += len(part)
    assert read == 20_000_000
    opened.leave(is_enough=False)
    assert pool.idle == 1


async def test_the_end_of_an_answer_is_read_by_nobody_and_the_connection_kept(
    raw: RawModel, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to a size and a time; an answer that is left in its middle closes it."""
    origin = Origin("127.0.0.1", raw.port, is_tls=False)
    for tail, is_enough, seconds, is_kept in (
        ([0.01, chunk(b"a little"), END], True, PATIENCE_SECONDS, True),
        ([0.01, chunk(b"a little"), END], False, PATIENCE_SECONDS, False),
        ([0.01, *[chunk(b"x" * 30_000)] * 4, END], True, PATIENCE_SECONDS, False),
        ([60], True, 0.2, False),
    ):
        monkeypatch.setattr(connections, "DRAIN_SECONDS", seconds)
        raw.says(CHUNKED + chunk(b"Hello"), *tail)
        opened = await pool.open(origin, 10)
        opened.send(REQUEST)
        await opened.head(10)
        assert await opened.read(10) == b"Hello"
        opened.leave(is_enough=is_enough)
        await soon(lambda opened=opened: pool.idle or opened.is_closed, "the connection to be kept or closed")
        assert (pool.idle, opened.is_closed) == (int(is_kept), not is_kept)
        if is_kept:
            opened.close()
            await closed(opened)


async def test_connections_that_wait_too_long_are_closed(
    raw: RawModel, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And those that the server closes are forgotten."""
    monkeypatch.setattr("flowkeys.outbound.http.pool.IDLE_SECONDS", 0.5)
    raw.says(OK)
    await call(pool, raw)
    (opened,) = pool._open
    await closed(opened)
    assert (pool.idle, pool._open) == (0, {})
    monkeypatch.setattr("flowkeys.outbound.http.pool.IDLE_SECONDS", 60)
    raw.says(OK, 0.5, "close")
    await call(pool, raw)
    (opened,) = pool._open
    await closed(opened)
    assert (pool.idle, pool._open) == (0, {})


async def test_a_connection_leads_to_one_place_only(raw: RawModel, pool: Pool) -> None:
    """The same address under another name, port or scheme is another place."""
    raw.says(OK)
    await call(pool, raw)
    for other in (
        Origin("localhost", raw.port, is_tls=False),
        Origin("127.0.0.1", raw.port + 1, is_tls=False),
        Origin("127.0.0.1", raw.port, is_tls=True),
    ):
        assert pool.kept(other) is None
    assert pool.kept(Origin("127.0.0.1", raw.port, is_tls=False)) is not None
