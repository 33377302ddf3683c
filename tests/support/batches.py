"""Units of work that share one commit."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from flowkeys.storage.sqlite.writer import Writer
from flowkeys.storage.statement import Connection
from tests.support.waiting import PATIENCE_SECONDS, soon


async def held(writer: Writer, meanwhile: Callable[[], list[asyncio.Future[Any]]]) -> list[Any]:
    """Let units come while the writer is busy, so that they make one batch; return their outcomes."""
    may, begun = threading.Event(), threading.Event()

    def wait(_: Connection) -> bool:
        begun.set()
        return may.wait(PATIENCE_SECONDS)

    busy = asyncio.create_task(writer.run(wait))
    await soon(begun.is_set, "the writer to be busy")
    try:
        tasks = meanwhile()
        await asyncio.sleep(0)
    finally:
        may.set()
    assert await busy
    return await asyncio.gather(*tasks, return_exceptions=True)
