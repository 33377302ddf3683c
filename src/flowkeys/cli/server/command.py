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
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, max=256, help="How many processes serve; SIGHUP replaces them."),
    ] = None,
    as_worker: Annotated[str | None, typer.Option("--as-worker", hidden=True)] = None,
) -> int | None:
    """Serve the API. Settings come from FLOWKEYS_… and config.toml; these options win."""
    gc.disable()  # what is loaded stays; the server turns it on when it is ready
    from flowkeys import config

    if as_worker is not None:
        from flowkeys.cli.server.role import Role
        from flowkeys.cli.server.serve import serve as run_server

        role = Role.read(as_worker)
        run_server(config.load(**role.given), role)
        return None
    asked = {"host": host, "port": port, "uds": uds, "workers": workers}
    given = {name: value for name, value in asked.items() if value is not None}
    settings = config.load(**given)
    if settings.workers > 1:
        from flowkeys.cli.server.supervisor import supervise

        return supervise(settings, given)
    from flowkeys.cli.server.serve import serve as run_server

    with suppress(KeyboardInterrupt):  # the way to stop it
        run_server(settings)
    return None
