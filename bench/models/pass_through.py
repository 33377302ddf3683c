"""The ceiling: a call to the model and its answer, bytes copied on uvloop by as little as there can be.

`python -m bench.models.pass_through PORT` prints its address. It keeps connections to the model and uses them
again; it knows nothing of keys, of errors, or of clients that leave.
"""

import asyncio
import sys
from contextlib import suppress

import uvloop

from bench.models.framing import END_OF_HEAD, LENGTH, Framing


class Upstream(asyncio.Protocol):
    """A connection to the model."""

    def __init__(self, idle: list["Upstream"]) -> None:
        self._idle = idle

    def connection_made(self, transport):
        self._transport = transport

    def begin(self, caller: asyncio.WriteTransport, request: bytes) -> None:
        self._caller = caller
        self._framing = Framing()
        self._transport.write(request)

    def data_received(self, data):
        self._caller.write(data)
        if self._framing.ends(data):
            self._idle.append(self)


class Downstream(asyncio.Protocol):
    """A connection of a caller."""

    def __init__(self, port: int, idle: list[Upstream]) -> None:
        self._port = port
        self._idle = idle
        self._received = b""

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._received += data
        head, found, body = self._received.partition(END_OF_HEAD)
        length = LENGTH.search(head)
        if not found or (length is not None and len(body) < int(length[1])):
            return
        request, self._received = self._received, b""
        if self._idle:
            self._idle.pop().begin(self._transport, request)
        else:
            self._opening = asyncio.ensure_future(self._open(request))

    async def _open(self, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        _, upstream = await loop.create_connection(lambda: Upstream(self._idle), "127.0.0.1", self._port)
        upstream.begin(self._transport, request)


async def _serve(port: int) -> None:
    idle: list[Upstream] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Downstream(port, idle), "127.0.0.1", 0, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        uvloop.run(_serve(int(sys.argv[1])))
