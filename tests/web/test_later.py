"""What a start does not wait for."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Scope

from flowkeys import bootstrap
from flowkeys.web.later import Later
from flowkeys.web.requests.context import KEY, RequestContext
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    """Begin and end nothing."""
    yield


class Slow:
    """What takes long to make, and may fail."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.began = threading.Event()
        self.makes = 0
        self.error: Exception | None = None

    def __call__(self) -> Any:
        """Make it, when it may be made."""
        self.began.set()
        self.makes += 1
        assert self.may.wait(PATIENCE_SECONDS)
        if self.error is not None:
            raise self.error
        return PlainTextResponse("made")


async def ask(later: Later, path: str, method: str = "GET") -> str:
    """Return the body of an answer."""
    body = b""

    async def send(message: Message) -> None:
        nonlocal body
        body += message.get("body", b"")

    scope: Scope = {
        "type": "http", "path": path, "method": method, KEY: RequestContext("id", None, {}),
    }  # fmt: skip
    receive: Any = None
    await later(scope, receive, send)
    return body.decode()


def test_calls_wait_for_what_is_loaded_once_and_ping_does_not() -> None:
    """Given many calls before it is there, each is answered by it, and it is made once."""
    slow = Slow()
    later = Later(slow, nothing)

    async def calls() -> None:
        waiting = [asyncio.create_task(ask(later, "/")) for _ in range(10)]
        assert await ask(later, "/api/v1/ping") == "pong"
        gone = waiting.pop()
        await asyncio.sleep(0)
        gone.cancel()  # a client that does not wait takes nothing from the others
        slow.may.set()
        assert await asyncio.gather(*waiting) == ["made"] * 9
        assert await ask(later, "/api/v1/ping") == "made"
        assert await ask(later, "/api/v1/ping", "POST") == "made"

    asyncio.run(calls())
    assert slow.makes == 1


def test_what_cannot_be_loaded_fails_and_is_tried_again() -> None:
    """Given an error, the calls fail with it, `ping` too; when its cause is gone, they are answered."""
    slow = Slow()
    slow.error = OSError("too many open files")
    slow.may.set()
    later = Later(slow, nothing)

    async def calls() -> None:
        with pytest.raises(OSError, match="too many"):
            await ask(later, "/")
        await asyncio.sleep(0)
        with pytest.raises(OSError, match="too many"):
            await ask(later, "/api/v1/ping")
        slow.error = None
        assert await ask(later, "/api/v1/ping") == "made"

    asyncio.run(calls())


def test_the_lifespan_is_that_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading begins when the server has started; a stop meanwhile waits for it, and then ends everything."""
    monkeypatch.setattr("flowkeys.web.later._AFTER_SECONDS", 0)
    slow = Slow()
    told: list[str] = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        told.append("begun")
        yield
        told.append("ended")

    async def live() -> None:
        later = Later(slow, lifespan)
        messages: asyncio.Queue[Message] = asyncio.Queue()

        async def send(message: Message) -> None:
            told.append(message["type"])

        messages.put_nowait({"type": "lifespan.startup"})
        living = asyncio.create_task(later({"type": "lifespan"}, messages.get, send))
        assert await asyncio.to_thread(slow.began.wait, PATIENCE_SECONDS)
        messages.put_nowait({"type": "lifespan.shutdown"})
        for _ in range(5):
            await asyncio.sleep(0)
        assert told == ["begun", "lifespan.startup.complete"]
        slow.may.set()
        await living

    asyncio.run(live())
    assert told == ["begun", "lifespan.startup.complete", "ended", "lifespan.shutdown.complete"]


def test_a_lifespan_that_fails_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Given a start that fails, the server hears so, and that is not hidden."""
    told: list[str] = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        raise OSError("no")
        yield

    async def live() -> None:
        async def send(message: Message) -> None:
            told.append(message["type"])

        async def receive() -> Message:
            return {"type": "lifespan.startup"}

        await Later(Slow(), lifespan)({"type": "lifespan"}, receive, send)

    with pytest.raises(OSError, match="no"):
        asyncio.run(live())
    assert told == ["lifespan.startup.failed"]


def test_ping_says_the_same_before_and_after(server: Running) -> None:
    """Given a server that loads and one that has loaded, status, headers and body are the same."""

    async def asked() -> list[httpx.Response]:
        app: Any = bootstrap.create_app(server.runtime)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://keys.test", timeout=PATIENCE_SECONDS
        ) as client:
            answers = []
            for method in ("GET", "HEAD"):
                answers.append(await client.request(method, "/api/v1/ping"))
            assert (await client.get("/api/v1/version")).status_code == 200  # has waited for it
            for method in ("GET", "HEAD"):
                answers.append(await client.request(method, "/api/v1/ping"))
            return answers

    told = [
        (
            answer.status_code,
            sorted((n, v) for n, v in answer.headers.items() if n != "x-request-id"),
            answer.content,
        )
        for answer in asyncio.run(asked())
    ]
    assert told[0] == told[2]
    assert told[1] == told[3]
    assert told[0][2] == b"pong"
