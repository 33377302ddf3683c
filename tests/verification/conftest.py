"""The ways on which the table is asked, all over the same keys."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn

from flowkeys import bootstrap
from flowkeys.web.hot.protocol import HotProtocol
from tests.support.server import Running
from tests.support.waiting import soon
from tests.verification.case import World
from tests.verification.wire import Wire


class Beside:
    """Another uvicorn in the event loop of a running server, over an application of one's own."""

    def __init__(self, running: Running, app: Any, **options: Any) -> None:
        self._running = running
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.server = uvicorn.Server(
            uvicorn.Config(
                app,
                **{"http": "httptools", "timeout_keep_alive": 5, **options},
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
            )
        )
        running.do(self._start())

    async def _start(self) -> None:
        self._task = asyncio.create_task(self.server.serve([self._socket]))
        await soon(lambda: self.server.started, "the server beside to start")

    async def _stop(self) -> None:
        self.server.should_exit = True
        await self._task

    def stop(self) -> None:
        """End at once: uvicorn takes its time to stop, a fifth of a second."""

        async def end() -> None:
            for server in self.server.servers:
                server.close()
            for one in tuple(self.server.server_state.connections):
                one.transport.abort()
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

        self._running.do(end())

    def look(self) -> None:
        """Let each connection look whether it waits for something too long, as its timer does by and by."""

        async def looks() -> None:
            for one in tuple(self.server.server_state.connections):
                timer = one._late_timer
                if timer is not None:
                    (mark,) = timer._args
                    timer.cancel()
                    one._when_late(mark)

        self._running.take_up()
        self._running.do(looks())

    def idle(self) -> None:
        """Let the time pass after which a connection is closed that nobody uses."""

        async def pass_by() -> None:
            for one in tuple(self.server.server_state.connections):
                hot = getattr(one, "_idle_timer", None)
                if hot is not None:
                    hot.cancel()
                    one._idle_until = 0.0
                    one._when_idle()
                if one.timeout_keep_alive_task is not None:
                    one.timeout_keep_alive_task.cancel()
                    one.timeout_keep_alive_handler()

        self._running.take_up()
        self._running.do(pass_by())


class Awaiting:
    """A verifier or predictor with a store that takes time: only `known` tokens are known at once."""

    def __init__(self, real: Any, known: tuple[bytes, ...] = ()) -> None:
        self._real = real
        self._known = known

    def at_once(self, text: bytes, *rest: Any, **how: Any) -> Any:
        """Know nothing of others."""
        return self._real.at_once(text, *rest, **how) if text in self._known else None

    def authorize_at_once(self, *_: Any, **__: Any) -> None:
        """Know nothing."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def with_waits(server: Running, *known: bytes) -> Any:
    """Return the application of a server over a store that takes time for all but some tokens."""
    app: Any = bootstrap.create_app(server.runtime)
    app.hot.forward_auth._verifier = Awaiting(server.runtime.verifier, known)
    app.hot.verify._verifier = Awaiting(server.runtime.verifier, known)
    app.hot.predictions._predictor = Awaiting(server.runtime.predictor)
    return app


@pytest.fixture(scope="session")
def world(server: Running) -> World:
    """Keys and chatflows for the cases."""
    return World(server)


@pytest.fixture(scope="session")
def ways(server: Running) -> Iterator[dict[str, str]]:
    """The URL of each way."""
    whole: Any = server.server.config.app
    awaiting = with_waits(server)
    beside = {
        "asgi": Beside(server, whole),
        "awaiting": Beside(server, awaiting),
        "waiting": Beside(server, awaiting, http=HotProtocol),
        "framework": Beside(server, whole.app),
    }
    yield {"protocol": server.urls[-1], **{name: one.url for name, one in beside.items()}}
    for one in beside.values():
        one.stop()


@pytest.fixture
def connect() -> Iterator[Callable[[str], Wire]]:
    """Open connections that are closed after the test."""
    made: list[Wire] = []

    def make(url: str) -> Wire:
        made.append(Wire(url))
        return made[-1]

    yield make
    for wire in made:
        wire.close()


@pytest.fixture
def serve(server: Running) -> Iterator[Callable[..., Beside]]:
    """Start servers with the protocol beside the shared one; they stop after the test."""
    made: list[Beside] = []

    def make(app: Any, **options: Any) -> Beside:
        made.append(Beside(server, app, **{"http": HotProtocol, **options}))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def bearer(world: World) -> str:
    """The header of a good key."""
    return f"Authorization: Bearer {world.named[b'good'].decode()}"
