"""Connections that a client keeps, where they can be used: in the process and the event loop that made them.

A connection belongs to the loop that waits for it, and after a fork to both processes, whose answers would
mix. So each loop and each process has its own, and the client is the same object in all of them.
"""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Final

import httpx

_LEFT_TO_PARENTS: Final[list[object]] = []
"""What a child has inherited. It is neither used nor closed: the parent still speaks over it."""


_Guarded = tuple[httpx.AsyncClient, AsyncGenerator[None, None]]
"""A pool, and what closes it when its loop ends."""


class Pool:
    """The connections of a blocking client."""

    def __init__(self, make: Callable[[], httpx.Client]) -> None:
        self._make = make
        self._made_by = os.getpid()
        self._http = make()

    def current(self) -> httpx.Client:
        """Return the connections of this process."""
        if self._made_by != os.getpid():
            self._begin_again()
        return self._http

    def close(self) -> None:
        """Close them; a later call raises RuntimeError."""
        self.current().close()

    def _begin_again(self) -> None:
        closed = self._http.is_closed
        _LEFT_TO_PARENTS.append(self._http)
        self._http = self._make()
        if closed:
            self._http.close()
        self._made_by = os.getpid()


class AsyncPools:
    """The connections of an asyncio client: a pool for each event loop that it is used in."""

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made_by = os.getpid()
        self._closed = False
        self._pools: dict[
            asyncio.AbstractEventLoop, tuple[httpx.AsyncClient, AsyncGenerator[None, None]]
        ] = {}

    def current(self) -> httpx.AsyncClient:
        """Return the connections of the running loop.

        Raises:
            RuntimeError: the client was closed.
        """
        if self._closed:
            raise RuntimeError("This client was closed.")
        if self._made_by != os.getpid():
            _LEFT_TO_PARENTS.append(self._pools)
            self._pools, self._lock, self._made_by = {}, threading.Lock(), os.getpid()
        loop = asyncio.get_running_loop()
        with self._lock:
            found = self._pools.get(loop)
            if found is None:
                found = self._pools[loop] = self._open(loop)
        return found[0]

    async def aclose(self) -> None:
        """Close them all: those of this loop at once, those of another as soon as it comes to it."""
        self._closed = True
        if self._made_by != os.getpid():
            return
        here = asyncio.get_running_loop()
        with self._lock:
            pools, self._pools = self._pools, {}
        for loop, (http, guard) in pools.items():
            if loop is here:
                await http.aclose()
                await guard.aclose()
            else:
                ending = _end(guard)
                try:
                    asyncio.run_coroutine_threadsafe(ending, loop)
                except RuntimeError:  # it has ended, and its connections with it
                    ending.close()

    def _open(self, loop: asyncio.AbstractEventLoop) -> _Guarded:
        for ended in [each for each in self._pools if each.is_closed()]:
            del self._pools[ended]
        http = self._make()
        guard = self._until_the_end_of(loop, http)
        # A loop that ends closes the generators that were begun in it (PEP 525), as asyncio.run does: so the
        # pool goes while its loop can still close connections. To begin this one takes no waiting.
        with suppress(StopIteration):
            guard.__anext__().send(None)
        return http, guard

    async def _until_the_end_of(
        self, loop: asyncio.AbstractEventLoop, http: httpx.AsyncClient
    ) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            with self._lock:
                self._pools.pop(loop, None)
            await http.aclose()


async def _end(guard: AsyncGenerator[None, None]) -> None:
    await guard.aclose()
