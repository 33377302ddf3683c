"""What leaves together in a stream, and what leaves at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from flowkeys.service.ports.flows import Emit, Event, FlowResult, Tokens
from flowkeys.service.predictions.run import Answer
from flowkeys.web.predictions import events, stream
from flowkeys.web.predictions.stream import EventStream
from tests.support.waiting import patience, soon

ANSWER = Answer(
    question="Hi",
    chat_id="c",
    session_id="s",
    message_id="m",
    execution_id=None,
    result=FlowResult(text="Hello"),
)


class Client:
    """Whoever reads a stream."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.reads = asyncio.Event()
        self.reads.set()

    async def send(self, message: Any) -> None:
        """Take what is sent, when it reads."""
        await self.reads.wait()
        if message["type"] == "http.response.body":
            self.bodies.append(message["body"])

    async def receive(self) -> Any:
        """Never leave."""
        await asyncio.Event().wait()

    def has(self, record: bytes) -> bool:
        """Tell whether something has arrived."""
        return record in b"".join(self.bodies)


class Does:
    """A run that does what a function does."""

    def __init__(self, work: Callable[[Emit], Awaitable[None]]) -> None:
        self._work = work

    async def execute(self, emit: Emit) -> Answer:
        """Do it."""
        await self._work(emit)
        return ANSWER


async def sent(client: Client, work: Callable[[Emit], Awaitable[None]]) -> bytes:
    """Return all that a client was sent of a run."""
    async with patience("the end of a stream"):
        await EventStream({}, client.send).run(Does(work), client.receive, asyncio.Event())
    return b"".join(client.bodies)


async def test_what_is_ready_together_leaves_together() -> None:
    """A run that does not wait is one write, whatever it emits, and one record for each piece."""
    client = Client()

    async def work(emit: Emit) -> None:
        await emit(Event("agentFlowEvent", "INPROGRESS"))
        for _ in range(10):
            await emit(Tokens(["a", "b"]))

    whole = await sent(client, work)
    assert len(client.bodies) == 1
    assert whole.startswith(events.encode("start", "") + events.encode("agentFlowEvent", "INPROGRESS"))
    assert whole.count(events.encode("token", "a") + events.encode("token", "b")) == 10
    assert whole.endswith(events.encode("end", "[DONE]"))


async def test_a_lone_piece_leaves_at_once() -> None:
    """The run goes on only when the client has the piece: nothing is held back for more."""
    client = Client()

    async def work(emit: Emit) -> None:
        for piece in ("one", "two", "three"):
            await emit(Tokens([piece]))
            await soon(lambda piece=piece: client.has(events.encode("token", piece)), piece)

    await sent(client, work)
    assert len(client.bodies) == 4  # the pieces, and the end


async def test_a_run_waits_for_a_reader_who_is_far_behind() -> None:
    """And goes on when it reads; nothing is lost."""
    client = Client()
    pieces = 0

    async def work(emit: Emit) -> None:
        nonlocal pieces
        for _ in range(100):
            await emit(Tokens(["x" * 10_000]))
            pieces += 1

    client.reads.clear()
    running = asyncio.create_task(sent(client, work))
    await soon(lambda: pieces > 3, "the first pieces")
    for _ in range(10):
        await asyncio.sleep(0)
    assert pieces < 20
    client.reads.set()
    assert (await running).count(b'"token"') == 100


async def test_a_run_that_takes_its_time_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream begins, and a comment says now and then that it is still there."""
    monkeypatch.setattr(stream, "BEGIN_SECONDS", 0.01)
    monkeypatch.setattr(stream, "COMMENT_SECONDS", 0.01)
    client = Client()

    async def work(emit: Emit) -> None:
        await soon(lambda: client.has(events.COMMENT * 2), "two comments")
        await emit(Tokens(["late"]))

    whole = await sent(client, work)
    assert whole.startswith(events.encode("start", "") + events.COMMENT)
    assert whole.count(events.encode("token", "late")) == 1
