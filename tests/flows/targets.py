"""Python objects that flows in the tests run."""

import asyncio
import threading
from pathlib import Path

INTERRUPTED: list[str] = []
THREADS: list[str] = []


def shout(question):
    """Return text; not async."""
    THREADS.append(threading.current_thread().name)
    return question.upper() + "!"


def whisper(question):
    """Return text; not async."""
    return question.lower()


async def polite(question, *, history, session_id):
    """Return text, from all that there is."""
    return f"{session_id}: {[(m['role'], m['content']) for m in history]} {question}"


def remember(question, **given):
    """Take whatever there is."""
    return f"{sorted(given)}"


def spell(question):
    """Yield pieces; not async."""
    THREADS.append(threading.current_thread().name)
    yield from question


async def spell_async(question):
    """Yield pieces."""
    for letter in question:
        await asyncio.sleep(0)
        yield letter


class Bot:
    """An object with an async call and other ways to be called."""

    async def __call__(self, question):
        """Return text."""
        return f"bot: {question}"

    def method(self, question):
        """Return something to wait for, from a function that is not async."""
        return asyncio.sleep(0, f"method: {question}")


bot = Bot()


def rich(question):
    """Return text with documents and tools."""
    return {
        "text": question,
        "sourceDocuments": [{"pageContent": "p", "metadata": {"source": "s"}}],
        "usedTools": [{"tool": "t", "at": Path("x")}, "not an object"],
    }


def fail(question):
    """Raise with a secret in the message."""
    raise ValueError("the password is hunter2")


def stop(question):
    """Raise what a future cannot carry."""
    raise StopIteration


async def forever(question):
    """Yield once, then wait until somebody interrupts."""
    try:
        yield "…"
        await asyncio.sleep(3600)
    finally:
        INTERRUPTED.append("forever")


def number(question):
    """Return what is no text."""
    return 42


def endless(question):
    """Yield without end."""
    while True:
        yield "x" * 1000


NOT_CALLABLE = 7
