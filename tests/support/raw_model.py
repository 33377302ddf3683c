"""A model server that is told byte for byte what to answer, on a real socket of this machine."""

import asyncio
import atexit
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, NamedTuple

import msgspec

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSED = HEAD + b"Connection: close\r\n\r\n"

_PLACE: Final = socket.socket()
atexit.register(_PLACE.close)
_PLACE.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # so that a model may listen beside it
_PLACE.bind(("127.0.0.1", 0))
PORT: Final = int(_PLACE.getsockname()[1])
"""Kept free in this process of tests: every server of theirs may call the model that listens there."""
URL: Final = f"http://127.0.0.1:{PORT}"


class Sent(NamedTuple):
    """A request as it arrived, and over which connection."""

    connection: int
    headers: bytes
    body: dict[str, Any]


class RawModel:
    """Answers each request as `script` says: bytes are sent, numbers are waited for in seconds."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.script: Callable[[Sent], Iterable[Any]] = lambda _: ()
        self.port = 0
        self.connections = 0
        self.serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def says(self, *steps: Any) -> None:
        """Answer every request like this."""
        self.script = lambda _: steps

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.current_task()
        assert task is not None
        self.serving.add(task)
        self.connections += 1
        number = self.connections
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                body = msgspec.json.decode(await reader.readexactly(length))
                sent = Sent(number, head, body)
                self.sent.append(sent)
                for step in self.script(sent):
                    if step == "close":
                        return
                    if step == "reset":
                        writer.transport.abort()
                        return
                    if isinstance(step, bytes):
                        writer.write(step)
                        await writer.drain()
                        await asyncio.sleep(0.001)  # so that it is a segment of its own
                    else:
                        await asyncio.sleep(step)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.serving.discard(task)
            writer.close()


def chunk(data: bytes) -> bytes:
    """Return a chunk of a chunked body (RFC 9112 section 7.1); an empty one ends it."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def whole(data: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Return an answer with its length."""
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(data), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + data


def record(content: Any, **members: Any) -> bytes:
    """Return an event with a piece of an answer."""
    chunk = {"choices": [{"index": 0, "delta": {"content": content}, **members}]}
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"


STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
ANSWER = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]}'


@asynccontextmanager
async def serving(context: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[RawModel]:
    """Serve for the length of a block, over TLS if there is a context; 0 picks a free port."""
    model = RawModel()
    server = await asyncio.start_server(model.serve, "127.0.0.1", port, ssl=context)
    model.port = server.sockets[0].getsockname()[1]
    try:
        yield model
    finally:
        server.close()
        tasks = list(model.serving)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # in which their connections are closed
        await server.wait_closed()


@contextmanager
def in_a_thread(port: int = 0) -> Iterator[RawModel]:
    """Serve for the length of a block, beside tests that are not async."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    serves = serving(port=port)
    model = asyncio.run_coroutine_threadsafe(serves.__aenter__(), loop).result(30)
    try:
        yield model
    finally:
        asyncio.run_coroutine_threadsafe(serves.__aexit__(None, None, None), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
