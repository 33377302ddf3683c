"""``flowkeys serve``: the server."""

import asyncio
import socket
import sys
from contextlib import ExitStack, closing
from typing import Final

import uvicorn

from flowkeys import bootstrap
from flowkeys.cli.people.links import base_url
from flowkeys.cli.server.beginning import Beginning
from flowkeys.cli.server.metrics_port import MetricsPort
from flowkeys.cli.server.open_files import allow_many
from flowkeys.cli.server.port import listen, listen_for_metrics, url_of
from flowkeys.cli.server.unix_socket import UnixSocket
from flowkeys.config import Settings
from flowkeys.domain.errors import ConfigurationError
from flowkeys.storage.sqlite.access import hindrance
from flowkeys.telemetry import logs
from flowkeys.web.hot.connection import StrictProtocol
from flowkeys.web.hot.protocol import HotProtocol

_BACKLOG: Final = 2048


class Server(uvicorn.Server):
    """uvicorn, which tells running streams to end before it waits for them."""

    def __init__(
        self,
        runtime: bootstrap.Runtime,
        unix: UnixSocket | None = None,
        metrics: socket.socket | None = None,
    ) -> None:
        """Serve an open runtime, with the one way in which uvicorn is set up; on a Unix socket, too.

        `metrics` listens for those who ask for them.
        """
        super().__init__(
            uvicorn.Config(
                bootstrap.create_app(runtime),
                http=HotProtocol if runtime.settings.http == "protocol" else StrictProtocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=runtime.settings.keep_alive_seconds,
                timeout_graceful_shutdown=runtime.settings.shutdown_seconds,
            )
        )
        self._stopping = runtime.predictor.stopping
        self._unix = unix
        self._metrics: MetricsPort | None = None
        if metrics is not None:
            self._metrics = MetricsPort(runtime, metrics, self.server_state)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to take connections. A Unix socket uvicorn would take for one of TCP, which uvloop minds."""
        await super().startup(sockets)
        if self._unix is not None:
            loop = asyncio.get_running_loop()
            listening = self._unix.listening
            self.servers.append(
                await loop.create_unix_server(self._connection, sock=listening, backlog=_BACKLOG)
            )

        if self._metrics is not None:
            await self._metrics.start()

    def _connection(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop taking connections, end streams with an event that says so, and close."""
        self._stopping.set()
        if self._metrics is not None:
            self._metrics.stop()
        if self._unix is not None:
            self._unix.remove()  # who starts while this one ends makes one of their own
        await super().shutdown(sockets)


def serve(settings: Settings) -> None:
    """Serve until a signal ends it.

    Raises:
        ConfigurationError: the address is taken, or the data directory cannot be used.
    """
    logs.configure(settings.log_level, settings.log_format)
    if not logs.is_text(settings.log_format):
        logs.take_over()
    sys.path.insert(0, str(settings.python_path.absolute()))
    allow_many()
    with ExitStack() as opened:
        port = opened.enter_context(closing(listen(settings, _BACKLOG))) if settings.has_port else None
        metrics = listen_for_metrics(settings, _BACKLOG)
        if metrics is not None:
            opened.enter_context(closing(metrics))
        unix = None if settings.uds is None else UnixSocket(settings.uds, _BACKLOG)
        if unix is not None:
            opened.enter_context(closing(unix))
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(settings, port, unix, metrics))


async def _serve(
    settings: Settings,
    listening: socket.socket | None,
    unix: UnixSocket | None,
    metrics: socket.socket | None,
) -> None:
    if settings.traces:
        from flowkeys.telemetry.traces import exporting

        exporting.destination()  # what is missing, or wrong, stops the start
    runtime = await bootstrap.open_runtime(settings)
    is_file = settings.database_url is None
    if is_file and (why := hindrance(settings.database_file)):  # SQLite opens such a file, to be read
        await runtime.close()
        raise ConfigurationError(f"The database cannot be used. {why}")
    url = None if listening is None else url_of(listening)
    number = None if listening is None else listening.getsockname()[1]
    at = None if metrics is None else f"{url_of(metrics)}/metrics"
    beginning = Beginning(runtime, url=url, base=base_url(settings, number), metrics=at)
    try:
        await beginning.tell()
        await Server(runtime, unix, metrics).serve([] if listening is None else [listening])
    finally:
        beginning.forget()


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not on Windows
        return None
    return uvloop.Loop
