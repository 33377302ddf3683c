"""``flowkeys serve``: the server."""

import asyncio
import os
import socket
import sys
from typing import Final

import uvicorn

from flowkeys import bootstrap, logs
from flowkeys.cli.people.links import base_url
from flowkeys.cli.server.beginning import Beginning
from flowkeys.config import Settings
from flowkeys.domain.errors import ConfigurationError
from flowkeys.storage.sqlite.access import hindrance
from flowkeys.web.hot.connection import StrictProtocol
from flowkeys.web.hot.protocol import HotProtocol

_BACKLOG: Final = 2048


class Server(uvicorn.Server):
    """uvicorn, which tells running streams to end before it waits for them."""

    def __init__(self, runtime: bootstrap.Runtime) -> None:
        """Serve an open runtime, with the one way in which uvicorn is set up."""
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

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop taking connections, end streams with an event that says so, and close."""
        self._stopping.set()
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
    listening = _bind(settings)
    try:
        loop_factory = _loop_factory()
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(_serve(settings, listening))
    finally:
        listening.close()


async def _serve(settings: Settings, listening: socket.socket) -> None:
    runtime = await bootstrap.open_runtime(settings)
    if why := hindrance(settings.database):  # SQLite opens such a file all the same, to be read
        await runtime.close()
        raise ConfigurationError(f"The database cannot be used. {why}")
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    beginning = Beginning(runtime, url=f"http://{shown}:{port}", base=base_url(settings, port))
    try:
        await beginning.tell()
        await Server(runtime).serve([listening])
    finally:
        beginning.forget()


def _bind(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # With the protocol named, asyncio too sends answers without Nagle's delay of 40 ms; uvloop always does.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.listen(_BACKLOG)
    except (OSError, UnicodeError) as error:
        listening.close()
        raise ConfigurationError(
            f"Cannot listen on {settings.host} port {settings.port}: {why_not(error)}. "
            "Choose another with --host and --port."
        ) from error
    listening.set_inheritable(False)
    return listening


def why_not(error: OSError | UnicodeError) -> str:
    """Return in words why an address cannot be listened on."""
    if isinstance(error, UnicodeError):
        return "no host has such a name"
    if isinstance(error, socket.gaierror):  # its numbers are not the operating system's
        return f"no address of that name is known ({error.strerror})"
    return os.strerror(error.errno or 0)


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not on Windows
        return None
    return uvloop.Loop
