"""Python objects that the server in these tests runs. Questions are paths, where they leave their marks."""

import asyncio
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
