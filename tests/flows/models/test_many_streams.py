"""How pieces are handed on as a model sends them, one stream or a thousand at a time."""

import asyncio
import resource
from collections.abc import AsyncIterator

import pytest

from flowkeys.flows.drafts.templates import openai_flow
from flowkeys.flows.settings import FlowSettings
from flowkeys.service.ports.flows import Event, Tokens
from tests.flows.support import call, chatflow, engine, pieces
from tests.support.raw_model import CHUNKED, DONE, STOP, RawModel, chunk, record, serving
from tests.support.waiting import patience

END = chunk(STOP) + chunk(DONE) + chunk(b"")


@pytest.fixture
async def raw() -> AsyncIterator[RawModel]:
    """A model server that answers as it is told."""
    async with serving() as model:
        yield model


async def test_pieces_that_come_together_are_handed_on_together(raw: RawModel) -> None:
    """Two hundred of them in a few steps, each still a piece of its own."""
    raw.says(CHUNKED, b"".join(chunk(record(f" {number}")) for number in range(200)) + END)
    heard: list[list[str]] = []

    async def emit(event: Event | Tokens) -> None:
        if isinstance(event, Tokens):
            heard.append(list(event.pieces))

    made = engine(FlowSettings(allowed_endpoints=(raw.url,)))
    flow = made.compile(chatflow(openai_flow(raw.url, "m")))
    await flow.run(call("hi", history=[]), emit)
    await made.aclose()
    said = [piece for together in heard for piece in together if piece]
    assert said == [f" {number}" for number in range(200)]
    assert len(heard) < 10  # as often as the network had something


async def test_a_lone_piece_is_handed_on_while_the_model_says_nothing_more(raw: RawModel) -> None:
    """It does not wait for the next, which may take long."""
    raw.says(CHUNKED, chunk(record("One")), 60)
    heard = asyncio.Event()

    async def emit(event: Event | Tokens) -> None:
        if pieces(event):
            heard.set()

    made = engine(FlowSettings(allowed_endpoints=(raw.url,)))
    flow = made.compile(chatflow(openai_flow(raw.url, "m")))
    running = asyncio.create_task(flow.run(call("hi", history=[]), emit))
    async with patience("the first piece"):
        await heard.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await made.aclose()


@pytest.mark.slow
async def test_a_thousand_streams_are_open_at_once(raw: RawModel) -> None:
    """Each has a connection of its own, which the next calls use again."""
    streams = 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    everybody = asyncio.Barrier(streams)
    raw.says(CHUNKED, chunk(record("One")), 0.5, chunk(record(" two")), 0.5, END)
    made = engine(FlowSettings(allowed_endpoints=(raw.url,)))
    flow = made.compile(chatflow(openai_flow(raw.url, "m")))

    async def one(meet: asyncio.Barrier) -> str:
        is_first = True

        async def emit(event: Event | Tokens) -> None:
            nonlocal is_first
            if pieces(event) and is_first:
                is_first = False
                await meet.wait()  # until all streams have begun: none has ended then

        return (await flow.run(call("hi", history=[]), emit)).text

    try:
        async with patience("a thousand answers"):
            texts = await asyncio.gather(*(one(everybody) for _ in range(streams)))
            assert texts == ["One two"] * streams
            again = await asyncio.gather(*(one(asyncio.Barrier(1)) for _ in range(100)))
            assert again == ["One two"] * 100
        assert raw.connections == streams
    finally:
        await made.aclose()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
