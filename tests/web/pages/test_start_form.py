"""Reading the form that a chatflow starts with, from any graph that is stored."""

import asyncio
import json

from flowkeys.web.pages.graph.reading import MAX_BRACKETS
from flowkeys.web.pages.predictions.start_form import start_form


def graph(others: int) -> str:
    """Return a graph that starts with a form, and so many other nodes."""
    inputs = {"startInputType": "formInput", "formTitle": "T", "formInputTypes": []}
    start = {"id": "s", "data": {"name": "startAgentflow", "inputs": inputs}}
    return json.dumps({"nodes": [start, *({} for _ in range(others))], "edges": []})


async def test_a_graph_is_read_while_others_are_served() -> None:
    """A large one takes a while."""
    reading = asyncio.create_task(start_form(graph(100_000)))
    await asyncio.sleep(0)
    assert not reading.done()
    found = await reading
    assert found is not None
    assert found.title == "T"


async def test_a_graph_that_is_too_large_to_be_drawn_is_not_read() -> None:
    """It would take seconds, at every look."""
    assert await start_form(graph(MAX_BRACKETS)) is None
