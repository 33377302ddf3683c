"""uvicorn, which is stopped or replaced without the loss of a call."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from types import FrameType
from typing import Final, Protocol

import uvicorn

from flowkeys import bootstrap
from flowkeys.cli.server.metrics_port import MetricsPort
from flowkeys.cli.server.places import BACKLOG
from flowkeys.web.hot.leaving import LeavingProtocol, LeavingState
from flowkeys.web.hot.protocol import HotProtocol

_LOOK_SECONDS: Final = 0.05
"""How often is looked whether connections have ended; what was sent before clients knew has come by then."""
_END_SECONDS: Final = 1.0
"""How long streams may take to send their last event, and what is cancelled to answer."""


def _nothing() -> None:
    pass


async def _none() -> None:
    pass


class Unix(Protocol):
    """A Unix socket that is listened on."""

    listening: socket.socket

    def remove(self) -> None:
        """Let others make one of the same name."""
        ...


class Server(uvicorn.Server):
    """Serves until it is told to stop, or until it was replaced by another process on the same sockets.

    Either way it says so first (`Runtime.leaving`), answers what is asked once more on each connection, and
    gives what runs its time; streams that last longer are told why they end. A second signal ends it at once.
    """

    def __init__(
        self, runtime: bootstrap.Runtime, unix: Unix | None = None, metrics: socket.socket | None = None
    ) -> None:
        """Serve an open runtime, with the one way in which uvicorn is set up; on a Unix socket, too.

        `metrics` listens for those who ask for them.
        """
        settings = runtime.settings
        app = bootstrap.create_app(runtime)
        super().__init__(
            uvicorn.Config(
                app,
                http=HotProtocol if settings.http == "protocol" else LeavingProtocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=settings.keep_alive_seconds,
            )
        )
        self._state = self.server_state = LeavingState()
        self._settings = settings
        self._leaving = runtime.leaving
        self._stopping = runtime.predictor.stopping
        self._unix = unix
        self._metrics: MetricsPort | None = None
        if metrics is not None:
            self._metrics = MetricsPort(runtime, metrics, self.server_state)
        self._standing_in: list[asyncio.Server] = []
        self._changing: asyncio.Task[None] | None = None
        self.is_replaced = False
        """Whether another process takes the calls: then nobody waits for this one to end."""
        self._load = app.load
        self._began = 0.0
        self.ready: Callable[[], None] = _nothing
        """Called when calls are answered."""
        self.leaving: Callable[[], None] = _nothing
        """Called when the end has begun."""
        self.gone: Callable[[], Awaitable[None]] = _none
        """Awaited when nobody new is let in any more."""

    async def load(self) -> None:
        """Load beforehand what is loaded behind a start otherwise: somebody else takes the calls so long.

        Raises:
            Exception: whatever kept it from being loaded.
        """
        if self._load is not None:
            await self._load()

    def replace(self) -> None:
        """Leave to the process that has taken over: idle connections are kept until they end as usual."""
        self.is_replaced = True
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; at the second signal at once. Who was replaced may be hurried before."""
        del frame
        self._captured_signals[:] = [sig]
        if self.should_exit and not self.is_replaced:
            self.force_exit = True
        if self.is_replaced:
            self._began = time.monotonic()
        self.is_replaced = False
        self.should_exit = True

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve; what ends it by an error closes the application, too: what is buffered is stored then."""
        try:
            await super().serve(sockets)
        except BaseException:
            lifespan = getattr(self, "lifespan", None)  # there is none before it was begun
            if lifespan and lifespan.startup_event.is_set() and not lifespan.shutdown_event.is_set():
                await lifespan.shutdown()
            raise

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to take connections. A Unix socket uvicorn would take for one of TCP, which uvloop minds."""
        given = sockets or []
        await super().startup([one for one in given if one.family != socket.AF_UNIX])
        own = [] if self._unix is None else [self._unix.listening]
        for listening in (*own, *(one for one in given if one.family == socket.AF_UNIX)):
            loop = asyncio.get_running_loop()
            self.servers.append(
                await loop.create_unix_server(self._connection, sock=listening, backlog=BACKLOG)
            )
        if self._metrics is not None:
            await self._metrics.start()
        self.ready()

    def stand_in(self, listening: list[socket.socket]) -> None:
        """Take connections for other processes on their sockets, and on no others than these from now on."""
        self._changing = asyncio.get_running_loop().create_task(self._stand_in(listening, self._changing))

    async def _stand_in(self, listening: list[socket.socket], before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        self._end_standing_in()
        for one in listening:
            if self._leaving.is_set():
                one.close()
            else:
                self._standing_in.append(
                    await asyncio.get_running_loop().create_server(
                        self._connection, sock=one, backlog=BACKLOG
                    )
                )

    def _end_standing_in(self) -> None:
        for server in self._standing_in:
            server.close()
        self._standing_in = []

    def _connection(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Leave: say so, take no more connections, let end what runs, and close."""
        self._began = time.monotonic()
        self.leaving()
        self._leaving.set()
        self._state.is_leaving = True
        for connection in self._connections():
            connection.leave()
        await self._wait_for_those_who_send_us_calls()
        if self._metrics is not None:
            self._metrics.stop()
        if self._unix is not None:
            self._unix.remove()  # who starts while this one ends makes one of their own
        if self._changing is not None:
            await self._changing
        self._end_standing_in()
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        await self.gone()
        await self._let_end()
        await self._end()
        await self.lifespan.shutdown()

    def _connections(self) -> Sequence[LeavingProtocol]:
        return [one for one in self.server_state.connections if isinstance(one, LeavingProtocol)]

    async def _wait_for_those_who_send_us_calls(self) -> None:
        """Go on as before, but for `ready`, as long as they may take to notice."""
        rounds = 0 if self.is_replaced else self._settings.stop_delay_seconds * 10
        for count in range(rounds):
            if self.force_exit:
                break
            await asyncio.sleep(0.1)
            await self.on_tick(count)  # the time in `Date`
        self._began += rounds / 10

    async def _let_end(self) -> None:
        """Wait for what runs; close what is idle, unless another process has taken over."""
        await asyncio.sleep(_LOOK_SECONDS)
        while not self.force_exit and (self.server_state.connections or self.server_state.tasks):
            if not self.is_replaced:
                for connection in self._connections():
                    connection.shutdown()
            limit = self._settings.drain_seconds if self.is_replaced else self._settings.shutdown_seconds
            if time.monotonic() >= self._began + limit:
                break
            await asyncio.sleep(_LOOK_SECONDS)

    async def _end(self) -> None:
        """Let streams say why they end; then cancel what still runs, which says so too."""
        self._stopping.set()
        for connection in self._connections():
            connection.shutdown()
        await self._wait_for_tasks()
        for task in self.server_state.tasks:
            task.cancel(msg="The server stops.")
        await self._wait_for_tasks()

    async def _wait_for_tasks(self) -> None:
        tasks = list(self.server_state.tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=_END_SECONDS)
