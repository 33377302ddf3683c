"""``flowkeys serve``: one process of it, which is nearly always all there is."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from flowkeys import bootstrap
from flowkeys.cli.people.links import base_url
from flowkeys.cli.server.beginning import Beginning
from flowkeys.cli.server.notify import Notify
from flowkeys.cli.server.open_files import allow_many
from flowkeys.cli.server.places import Places, url
from flowkeys.cli.server.port import url_of
from flowkeys.cli.server.presence import Presence
from flowkeys.cli.server.server import Server, Unix
from flowkeys.config import Settings
from flowkeys.domain.errors import ConfigurationError
from flowkeys.storage.sqlite.access import hindrance
from flowkeys.telemetry import logs

if TYPE_CHECKING:
    from flowkeys.cli.server.role import Role

_END_SECONDS: Final = 1.0
"""How long what is cancelled may take to end when the server is gone."""


def serve(settings: Settings, role: "Role | None" = None) -> None:
    """Serve until a signal ends it; with a `role` as one process of several.

    Raises:
        ConfigurationError: the address is taken, or the data directory cannot be used.
    """
    logs.configure(settings.log_level, settings.log_format)
    if not logs.is_text(settings.log_format):
        logs.take_over()
    sys.path.insert(0, str(settings.python_path.absolute()))
    allow_many()
    if role is not None:
        _run(settings, role.sockets(), None, role.metrics_socket(), role)
        return
    with closing(Places(settings, 1)) as places:
        _run(settings, places.of(0), places.unix, next(iter(places.metrics), None))


def _run(
    settings: Settings,
    listening: list[socket.socket],
    unix: Unix | None,
    metrics: socket.socket | None,
    role: "Role | None" = None,
) -> None:
    with _runner() as runner:
        runner.run(_serve(settings, listening, unix, metrics, role))


async def _serve(
    settings: Settings,
    listening: list[socket.socket],
    unix: Unix | None,
    metrics: socket.socket | None,
    role: "Role | None",
) -> None:
    if settings.traces:
        from flowkeys.telemetry.traces import exporting

        exporting.destination()  # what is missing, or wrong, stops the start
    runtime = await bootstrap.open_runtime(settings)
    is_file = settings.database_url is None
    if is_file and (why := hindrance(settings.database_file)):  # SQLite opens such a file, to be read
        await runtime.close()
        raise ConfigurationError(f"The database cannot be used. {why}")
    ports = [one for one in listening if one.family != socket.AF_UNIX]
    number = ports[0].getsockname()[1] if ports else None
    at = None if metrics is None else f"{url_of(metrics)}/metrics"
    beginning = Beginning(runtime, url=url(ports), base=base_url(settings, number), metrics=at)
    runtime.is_first = role is None or role.number == 0
    server = Server(runtime, unix, metrics)
    presence = Presence(
        runtime,
        logs.logger(),
        siblings=settings.workers if role else 1,
        is_replacement=not (role is None or role.tells),
    )
    server.gone = presence.end
    try:
        await presence.begin()
        if role is not None and role.loads_first:
            await server.load()
    except BaseException:
        await runtime.close()
        raise
    try:
        if role is None:
            notify = Notify()
            server.ready, server.leaving = (lambda: notify.ready("Serving")), notify.stopping
        else:
            from flowkeys.cli.server.role import Line

            line = Line(role)
            line.attend(server, asyncio.get_running_loop())
            server.ready = line.ready
        await (beginning.tell() if role is None or role.tells else beginning.follow())
        await server.serve(listening)
    finally:
        if role is None:
            beginning.forget()


@contextmanager
def _runner() -> Iterator[asyncio.Runner]:
    """Run a loop, and end it; `asyncio.Runner.close` would wait for threads and tasks of chatflows for ever.

    Python flows may hold threads of the loop, by `asyncio.to_thread` or LangChain, and tasks that mind no
    cancellation. Everything that matters has ended by now.
    """
    runner = asyncio.Runner(loop_factory=_loop_factory())
    loop = runner.get_loop()
    try:
        yield runner
    finally:
        try:
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            left.add(loop.create_task(loop.shutdown_asyncgens()))
            loop.run_until_complete(asyncio.wait(left, timeout=_END_SECONDS))
        finally:
            loop.close()  # which lets its threads end, and waits for none


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not on Windows
        return None
    return uvloop.Loop
