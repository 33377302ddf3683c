"""Waiting for what is to happen, with one bound for all tests: on a busy machine everything takes longer.

No test measures a time or leans on one (tests/architecture/test_steadiness.py): it waits for a condition, and
counts steps, calls or bytes where work must stay small.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

PATIENCE_SECONDS: Final = 90.0
"""How long anything may take before a test says that it never came. Only a failure waits so long."""
PATIENCE_MS: Final = PATIENCE_SECONDS * 1000
"""The same for playwright."""
_PAUSE_SECONDS: Final = 0.005

Found = TypeVar("Found")


def until(condition: Callable[[], Found], what: str | Callable[[], str]) -> Found:
    """Ask `condition` until it is true, and return what it then says; `what` says what was waited for."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, _in_vain(what)
        time.sleep(_PAUSE_SECONDS)
    return found


async def soon(condition: Callable[[], Found], what: str | Callable[[], str]) -> Found:
    """Do the same in an event loop, which goes on meanwhile."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, _in_vain(what)
        await asyncio.sleep(_PAUSE_SECONDS)
    return found


@asynccontextmanager
async def patience(what: str) -> AsyncIterator[None]:
    """Bound what is awaited in the block; `what` says what it is."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield
    except TimeoutError as error:
        raise AssertionError(_in_vain(what)) from error


def _in_vain(what: str | Callable[[], str]) -> str:
    return f"waited {PATIENCE_SECONDS:.0f} seconds in vain: {what if isinstance(what, str) else what()}"
