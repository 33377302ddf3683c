"""Python objects that the server in these tests runs. Questions are paths, where they leave their marks."""

import asyncio
import threading
import time
from pathlib import Path


def mark(text, what):
    """Leave a file beside the path that was asked."""
    Path(f"{text}.{what}").touch()


async def wait(text):
    """Answer only after an hour; say whether that was interrupted."""
    mark(text, "started")
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        mark(text, "cancelled")
        raise
    return "too late"


async def drip(text):
    """Say one word at once and the next after an hour; say whether that was interrupted."""
    yield "first "
    try:
        await asyncio.sleep(3600)
    except (asyncio.CancelledError, GeneratorExit):
        mark(text, "cancelled")
        raise
    yield "second"


async def pour(text):
    """Say one word at once, and the next when a file appears."""
    yield "first "
    await asyncio.to_thread(block, text)
    yield "second"


def block(text):
    """Hold a thread until a file appears."""
    mark(text, "started")
    while not Path(f"{text}.release").exists():
        time.sleep(0.01)
    return "released"


def quick(text):
    """Answer at once."""
    return f"quick {text}"


async def hold(text):
    """Hold threads that nothing ends, one of the event loop's too, and mind no cancellation."""
    threading.Thread(target=threading.Event().wait).start()
    held = asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)
    mark(text, "started")
    while True:
        try:
            await asyncio.shield(held)
        except asyncio.CancelledError:
            continue
