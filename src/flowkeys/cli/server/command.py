"""``flowkeys serve`` as it is typed."""

import gc
from contextlib import suppress
from typing import Annotated

import typer


def serve(
    *,
    host: Annotated[str | None, typer.Option("--host", help="The address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="The port; 0 picks a free one.")
    ] = None,
    uds: Annotated[
        str | None,
        typer.Option(
            "--uds",
            metavar="PATH",
            help="A Unix socket to listen on, for a proxy on this machine. No port is opened then, unless "
            "--host or --port is given too.",
        ),
    ] = None,
) -> None:
    """Serve the API. Settings come from FLOWKEYS_… and config.toml; these options win."""
    gc.disable()  # what is loaded stays; the server turns it on when it is ready
    from flowkeys import config
    from flowkeys.cli.server.serve import serve as run_server

    given = {"host": host, "port": port, "uds": uds}
    settings = config.load(**{name: value for name, value in given.items() if value is not None})
    with suppress(KeyboardInterrupt):  # the way to stop it
        run_server(settings)
