"""A real HTTP server that answers as a test tells it to, and remembers what it was asked."""

import asyncio
import json
import socket
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl

import uvicorn

from tests.support.waiting import PATIENCE_SECONDS, until


@dataclass
class Reply:
    """One scripted answer. `chunks` are sent one by one; `then` is what happens after the last."""

    status: int = 200
    json: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    chunks: list[bytes] | None = None
    then: str = "end"  # or "cut": the connection breaks; or "wait": silence until the client hangs up


@dataclass
class Request:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    peer: tuple[str, int]

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.body)


class Scripted:
    """The ASGI application, and the hands of the test on it."""

    def __init__(self) -> None:
        self.url = ""
        self.reset()

    def reset(self) -> None:
        """Forget what earlier tests left."""
        self.replies: deque[Reply] = deque()
        self.requests: list[Request] = []
        self.hung_up = threading.Event()
        self.otherwise: Callable[[Request], Reply] = lambda _: Reply(status=599)
        """Answers what the script does not."""

    def answers(self, json: Any = None, status: int = 200, **rest: Any) -> None:
        """Add an answer to the script."""
        self.replies.append(Reply(status=status, json=json, **rest))

    def streams(self, *chunks: bytes, then: str = "end") -> None:
        """Add an event stream to the script."""
        headers = {"content-type": "text/event-stream"}
        self.replies.append(Reply(chunks=list(chunks), headers=headers, then=then))

    async def __call__(self, scope: Any, receive: Callable, send: Callable) -> None:
        """Remember the request and send the next answer of the script."""
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        path = scope["raw_path"].decode()
        request = Request(scope["method"], path, query, headers, body, tuple(scope["client"]))
        self.requests.append(request)
        await self._answer(self.replies.popleft() if self.replies else self.otherwise(request), receive, send)

    async def _answer(self, reply: Reply, receive: Callable, send: Callable) -> None:
        headers = {"content-type": "application/json"} | reply.headers
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
        chunks = reply.chunks
        if chunks is None:
            chunks = [b"" if reply.json is None else json.dumps(reply.json).encode()]
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await asyncio.sleep(0.002 if len(chunks) > 1 else 0)
        if reply.then == "wait":
            while (await receive())["type"] != "http.disconnect":
                pass
            self.hung_up.set()
        elif reply.then == "end":
            await send({"type": "http.response.body", "body": b""})


class Serving:
    """Runs a `Scripted` application with uvicorn in a thread."""

    def __init__(self, app: Scripted) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        app.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(app, lifespan="off", ws="none", log_level="critical", access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> None:
        self._thread.start()
        until(lambda: self._server.started, "the scripted server to start")

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=PATIENCE_SECONDS)
        self._socket.close()


class Silent:
    """A port that accepts connections, reads, and breaks them off without a word."""

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=PATIENCE_SECONDS)

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                self.connections += 1
