"""Python objects that raise what no error handler expects."""

import asyncio
import threading
import time

from langchain_core.runnables import RunnableLambda
from langgraph.graph import END, START, MessagesState, StateGraph

from tests.support.waiting import soon

KINDS = (SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError)


def _made(kind):
    async def coroutine(question):
        raise kind

    async def pieces(question):
        yield "a"
        raise kind

    async def child(question):
        return await asyncio.gather(asyncio.create_task(coroutine(question)))

    def function(question):
        raise kind

    def generator(question):
        yield "a"
        raise kind

    async def node(state):
        raise kind

    def plain_node(state):
        raise kind

    made = {"coroutine": coroutine, "pieces": pieces, "function": function, "generator": generator}
    made |= {
        "child": child,
        "runnable": RunnableLambda(function),
        "runnable_async": RunnableLambda(coroutine),
    }
    for name, work in (("graph", node), ("graph_plain", plain_node)):
        builder = StateGraph(MessagesState)
        builder.add_node("a", work)
        builder.add_edge(START, "a")
        builder.add_edge("a", END)
        made[name] = builder.compile()
    return made


MADE = {f"{kind.__name__}_{shape}": target for kind in KINDS for shape, target in _made(kind).items()}
globals().update(MADE)


def surrogate(question):
    """Return half a character, in each place."""
    return {
        "text": "a\ud800b",
        "sourceDocuments": [{"pageContent": "\udfff", "metadata": {"\ud800": ["\ud800", "é😀"]}}],
    }


_hanging = threading.Event()


def hang(question):
    """Return after much too long a time."""
    _hanging.set()
    time.sleep(3600)


async def hangs():
    """Return once `hang` hangs."""
    await soon(_hanging.is_set, "a function that hangs")
