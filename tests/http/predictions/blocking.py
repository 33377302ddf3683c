"""Python objects that hold threads until they are let go; the server of these tests runs them."""

import asyncio
import itertools
import threading

GO = threading.Event()
"""Lets all of them answer."""
held = itertools.count()
begun: list[int] = []
"""One for each that has a thread."""


def block(question: str) -> str:
    """Hold a thread."""
    begun.append(next(held))
    GO.wait()
    return f"let go {question}"


async def to_thread(question: str) -> str:
    """Hold one of the event loop's."""
    return await asyncio.to_thread(block, question)


async def in_a_task(question: str) -> str:
    """Hold one of the event loop's, from a task."""
    loop = asyncio.get_running_loop()

    async def work() -> str:
        return await loop.run_in_executor(None, block, question)

    return await loop.create_task(work())
