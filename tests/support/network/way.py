"""The way to a server: a port of 127.0.0.1 before its Unix socket, on which things go wrong."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path


class Way:
    """Passes connections on as long as it is whole."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self.refuses = False
        """Whether nobody can connect, and whoever is connected is cut off."""
        self.swallows: set[str] = set()
        """Of which directions nothing arrives: "there", "back"; connections stay open."""
        self._mended = asyncio.Event()
        self.is_slow = False
        """Whether everything takes until it is whole again."""
        self.ends: set[str] = set()
        """Which directions are closed, as by `shutdown`, while the other goes on."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> int:
        """Listen; return the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """End every connection, and let nobody connect."""
        self.refuses = True
        self._mended.set()
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        """Be whole again; what was swallowed does not arrive any more, what took its time does."""
        self.refuses = False
        self.swallows.clear()
        self.ends.clear()
        self.is_slow = False
        self._mended.set()

    async def stop(self) -> None:
        """End everything."""
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        if self.refuses:
            writer.transport.abort()
            return
        back, there = await asyncio.open_unix_connection(self._socket)
        self._writers |= {writer, there}
        try:
            await asyncio.gather(self._pass("there", reader, there), self._pass("back", back, writer))
        finally:
            for each in (writer, there):
                each.transport.abort()
                self._writers.discard(each)

    async def _pass(self, direction: str, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                if self.is_slow:
                    await self._mended.wait()
                if direction in self.ends:
                    to.write_eof()
                    return
                if direction not in self.swallows:
                    to.write(data)
            to.write_eof()


@contextlib.asynccontextmanager
async def way_over(socket: Path) -> AsyncIterator[tuple[Way, int]]:
    """Give a way to a server and the port before it."""
    way = Way(socket)
    port = await way.start()
    try:
        yield way, port
    finally:
        await way.stop()
