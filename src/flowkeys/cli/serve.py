"""``flowkeys serve``: the server."""

import asyncio
import os
import shlex
import socket
import sys
from typing import Final

import typer
import uvicorn

from flowkeys import bootstrap, logs
from flowkeys.cli.links import base_url
from flowkeys.config import Settings
from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.link import Purpose, path_of
from flowkeys.domain.version import VERSION
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
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    typer.echo(f"flowkeys {VERSION} on http://{shown}:{port}, data in {settings.data_dir}", err=True)
    await _help_to_begin(runtime, base_url(settings, port))
    await Server(runtime).serve([listening])


async def _help_to_begin(runtime: bootstrap.Runtime, base: str) -> None:
    """Say what there is to do first. Written to the terminal only: a log is read by others, and is kept."""
    secret = await runtime.links.set_up_link()
    if secret is not None:
        link = f"{base}{path_of(Purpose.SET_UP, secret)}"
        typer.echo(f"Open this link to set up flowkeys: {link}\n  It works once, within an hour.", err=True)
    if not await _has_keys(runtime):
        typer.echo(
            "There is no API key yet. Make one on the pages, or in another terminal, where the first may do "
            "everything:\n"
            f"  FLOWKEYS_DATA_DIR={shlex.quote(str(runtime.settings.data_dir))} "
            "flowkeys keys create Owner --permission '*'",
            err=True,
        )


async def _has_keys(runtime: bootstrap.Runtime) -> bool:
    now = bootstrap.clock()
    return await runtime.store.read(lambda tx: tx.keys.any_live(now))


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
