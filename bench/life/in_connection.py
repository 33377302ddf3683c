"""Calls that are answered by a connection without a socket, in a process that then ends.

``python in_connection.py DATA REQUEST COUNT``: run under whatever counts instructions, with the environment
of any checkout. What differs between two counts is what the calls cost; starting is in both.
"""

import asyncio
import contextlib
import importlib
import os
import sys
from pathlib import Path

import uvicorn
import uvloop
from uvicorn.server import ServerState

from flowkeys import bootstrap
from flowkeys.config import load
from flowkeys.web.hot.protocol import HotProtocol

CONNECTIONS = 16
WARM = 10
DATE = [(b"date", b"Mon, 30 Nov 2026 12:00:00 GMT")]


class Transport:
    """Takes what is written, and tells when as much was written as was waited for."""

    waited = 0
    known: asyncio.Future | None = None

    def write(self, data: bytes) -> None:
        if not data.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"not let in: {data!r}")
        Transport.waited -= 1
        if Transport.waited == 0:
            assert Transport.known is not None
            Transport.known.set_result(None)

    def get_extra_info(self, name: str, default: object = None) -> object:
        return {"peername": ("127.0.0.1", 50000), "sockname": ("127.0.0.1", 8000)}.get(name, default)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def main(data: Path, request: bytes, count: int) -> None:
    """Answer so many calls, on some connections in turn, each when the one before was answered."""
    for name in ("flowkeys.telemetry.logs", "flowkeys.logs"):  # where it is, and where it was
        with contextlib.suppress(ImportError):
            importlib.import_module(name).configure("info", "json")
    runtime = await bootstrap.open_runtime(load(data_dir=data))
    app = bootstrap.create_app(runtime)
    options = {"ws": "none", "lifespan": "off", "log_config": None, "access_log": False}
    config = uvicorn.Config(app, http=HotProtocol, server_header=False, proxy_headers=False, **options)
    config.load()
    state = ServerState()
    state.default_headers = DATE
    runtime.usage.start()
    protocols = []
    for _ in range(CONNECTIONS):
        protocols.append(HotProtocol(config, state, {}))
        protocols[-1].connection_made(Transport())
    for _ in range(WARM + count // CONNECTIONS):
        Transport.known = asyncio.get_running_loop().create_future()
        Transport.waited = CONNECTIONS
        for protocol in protocols:
            protocol.data_received(request)
        await Transport.known
    os._exit(0)  # a clean stop would be counted


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.Loop) as runner:
        runner.run(main(Path(sys.argv[1]), Path(sys.argv[2]).read_bytes(), int(sys.argv[3])))
