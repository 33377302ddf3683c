"""The way to a database (`tests.support.network.way`), by its URL."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from tests.support.network.way import Way, way_over
from tests.support.waiting import PATIENCE_SECONDS

T = TypeVar("T")


@contextlib.asynccontextmanager
async def way_to(url: str) -> AsyncIterator[tuple[Way, str]]:
    """Give a way to a database and the URL that leads over it."""
    parts = urlsplit(url)
    async with way_over(Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432") as (way, port):
        yield (
            way,
            f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}?sslmode=disable&gssencmode=disable",
        )


@contextlib.contextmanager
def way_beside(url: str) -> Iterator[tuple[Callable[[Callable[[Way], object]], None], str]]:
    """Give the same from a thread of its own, for tests without an event loop: what does something to it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def do(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(PATIENCE_SECONDS)

    async def applied(what: Callable[[Way], object]) -> None:
        what(way)

    made = way_to(url)
    way, over = do(made.__aenter__())
    try:
        yield lambda what: do(applied(what)), over
    finally:
        do(made.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_SECONDS)
        loop.close()
