"""What the chatflow behind the plain proxies runs: it says what it is told to, and whether it was stopped."""

import asyncio
import queue
from collections import defaultdict
from collections.abc import AsyncIterator

TARGET = f"{__name__}:answer"
pieces: dict[str, queue.Queue[str | None]] = defaultdict(queue.Queue)
"""What it says next, by the question; None ends it."""
begun: queue.Queue[str] = queue.Queue()
stopped: queue.Queue[str] = queue.Queue()
"""The questions of runs that were begun, and of those that were stopped half-way."""


async def answer(question: str) -> AsyncIterator[str]:
    """Say the pieces as they come; to a long question, how long it is."""
    if len(question) > 100:
        yield f"{len(question)} characters"
        return
    begun.put(question)
    try:
        while (piece := await _next(question)) is not None:
            yield piece
    except (asyncio.CancelledError, GeneratorExit):
        stopped.put(question)
        raise


async def _next(question: str) -> str | None:
    while True:
        try:
            return pieces[question].get_nowait()
        except queue.Empty:
            await asyncio.sleep(0.005)
