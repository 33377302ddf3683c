"""Connections that are kept and used again, to one server or another."""

import asyncio
import ssl
from typing import TYPE_CHECKING, Final

import msgspec

from flowkeys.outbound.connecting import connect
from flowkeys.outbound.http.connection import Connection

if TYPE_CHECKING:
    from flowkeys.outbound.connecting import Resolve

IDLE_SECONDS: Final = 30.0
"""How long a connection that nobody uses is kept."""
_TURNS: Final = 10
"""More than it takes the event loop to end a connection."""


class Origin(msgspec.Struct, frozen=True):
    """What a connection leads to: it is used for nothing else."""

    host: str
    port: int
    is_tls: bool


class Pool:
    """As many connections as there are calls: one that waited for another's would be a riddle."""

    def __init__(self, context: ssl.SSLContext, check: "Resolve | None") -> None:
        """With `check`, names are resolved with it, and connections are made to public addresses only."""
        self._context = context
        self._check = check
        self._idle: dict[Origin, list[Connection]] = {}
        self._open: dict[Connection, Origin] = {}
        self._sweep: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> int:
        """How many connections wait for a call."""
        return sum(map(len, self._idle.values()))

    def kept(self, origin: Origin) -> Connection | None:
        """Return a connection that earlier calls have used, if there is one: the one that waited least."""
        waiting = self._idle.get(origin)
        return waiting.pop() if waiting else None

    async def open(self, origin: Origin, seconds: float) -> Connection:
        """Return a new connection.

        Raises:
            TimeoutError: there is none in time.
            AddressRefusedError: its address is not public.
            ssl.SSLError: the server could not show that it is the one.
            OSError: it cannot be reached.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds):
            connection = await connect(
                lambda: Connection(loop, self._left),
                origin.host,
                origin.port,
                self._context if origin.is_tls else None,
                self._check,
            )
        self._open[connection] = origin
        return connection

    async def aclose(self) -> None:
        """Close all connections."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in list(self._open):
            connection.close()
        for _ in range(_TURNS):
            if self._open:
                await asyncio.sleep(0)  # in which the event loop tells them

    def _left(self, connection: Connection) -> None:
        """Keep a connection that may be used again; forget one that is closed."""
        if connection.is_closed:
            origin = self._open.pop(connection, None)
            waiting = self._idle.get(origin) if origin is not None else None
            if waiting and connection in waiting:
                waiting.remove(connection)
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.setdefault(self._open[connection], []).append(connection)
        if self._sweep is None:
            self._sweep = loop.call_later(IDLE_SECONDS, self._close_idle)

    def _close_idle(self) -> None:
        """Close those that have waited too long; one timer looks for all."""
        loop = asyncio.get_running_loop()
        until = loop.time() - IDLE_SECONDS
        oldest: float | None = None
        for origin, waiting in list(self._idle.items()):
            while waiting and waiting[0].idle_since <= until:  # the last are used first
                waiting.pop(0).close()
            if waiting:
                oldest = waiting[0].idle_since if oldest is None else min(oldest, waiting[0].idle_since)
            else:
                del self._idle[origin]
        self._sweep = None if oldest is None else loop.call_at(oldest + IDLE_SECONDS, self._close_idle)
