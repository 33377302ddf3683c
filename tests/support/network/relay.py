"""A stretch of network before a server: bytes and ends take time, and connections can be cut."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tests.support.waiting import PATIENCE_SECONDS

T = TypeVar("T")


class Relay:
    """Passes connections on to a port of 127.0.0.1, from an event loop in a thread of its own."""

    def __init__(self, to: int, delay_seconds: float = 0.0) -> None:
        self.to = to
        self.delay_seconds = delay_seconds
        """Each way, for bytes and for the end of a connection."""
        self.cuts_reused = False
        """Whether a connection that was used is closed when something more is sent into it: so it looks to a
        client when the server closes it in the same moment. The server never hears of what was sent."""
        self.made = 0
        self.open = 0
        self.cut = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Cut everything, and stop."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so.

        Raises:
            TimeoutError: it did not come to that.
        """

        async def wait() -> None:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not condition():  # noqa: ASYNC110 - of any kind
                    await asyncio.sleep(0.01)

        self._do(wait())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS + 5)

    async def _end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.made += 1
        self.open += 1
        try:
            # The end is no error, though asyncio's streams would say so.
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._connect(reader, writer)
        finally:
            self.open -= 1
            writer.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.to)
        try:
            answered = asyncio.Event()
            ways = (self._pass(reader, back, answered, asks=True), self._pass(there, writer, answered))
            tasks = [asyncio.create_task(way) for way in ways]
            try:
                # One end is the end of both, as soon as it has arrived: nobody here closes half a connection.
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            back.close()

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answered: asyncio.Event,
        *,
        asks: bool = False,
    ) -> None:
        """Pass on what comes, in order, each piece as late as the delay says."""
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def read() -> None:
            data = b"."
            while data:
                data = await reader.read(65_536)
                pieces.put_nowait((self._loop.time() + self.delay_seconds, data))

        reading = asyncio.create_task(read())
        try:
            while True:
                at, data = await pieces.get()
                if asks and data and answered.is_set() and self.cuts_reused:
                    self.cut += 1
                    return
                if (left := at - self._loop.time()) > 0:
                    await asyncio.sleep(left)
                if not data:
                    return
                writer.write(data)
                if not asks:
                    answered.set()
        finally:
            reading.cancel()
