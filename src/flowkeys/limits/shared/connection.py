"""A connection to Valkey or Redis: calls that arrive in one turn of the event loop leave in one write.

Reading and writing the protocol is libvalkey's. Whole clients cost 25 to 280 microseconds of CPU a call, more
than all else that a check does; this costs 2 to 14 (docs/adr/0002-dependencies.md).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import libvalkey

from flowkeys.limits.shared.away import Away

Told = Callable[[Any], None]
"""What is called with an answer, also when that is an error, or with `Away`."""

_GRACE_SECONDS: Final = 0.01
"""An answer may lie in the socket, unread, when this process was held up itself."""


class Connection(asyncio.Protocol):
    """One connection. Answers come in the order of the calls."""

    def __init__(self, timeout_seconds: float, lost: Callable[["Connection", str], None]) -> None:
        """Tell `lost` why nothing can be asked any more: it was closed, or an answer took too long."""
        self._loop = asyncio.get_running_loop()
        self._timeout = timeout_seconds
        self._lost: Callable[[Connection, str], None] | None = lost
        self._reader = libvalkey.Reader()
        self._waiting: deque[tuple[Told, float]] = deque()
        self._unsent: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._is_late = False
        self.writes = 0
        """How often something was sent."""

    # What asyncio calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin. The transport need not be one of asyncio's: uvloop has its own."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Hand each answer to whoever asked."""
        reader, waiting = self._reader, self._waiting
        try:
            reader.feed(data)
            while (answer := reader.gets()) is not False:
                self._tell(waiting.popleft()[0], answer)
        except (libvalkey.ProtocolError, IndexError):
            self.end("what it sent is not Valkey's protocol")

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits."""
        self.end("the connection was closed" if exc is None else f"the connection broke: {exc}")

    # What we call

    def ask(self, *parts: bytes | str | int) -> asyncio.Future[Any]:
        """Send a command; the future has its answer, also when that is an error.

        Raises (the future):
            Away: no answer came.
        """
        asked: asyncio.Future[Any] = self._loop.create_future()
        try:
            self.send(libvalkey.pack_command(parts), partial(_settle, asked))
        except Away as error:
            asked.set_exception(error)
        return asked

    def send(self, command: bytes, told: Told) -> None:
        """Send a command with the others of this turn, as it is written. `told` is called later, never now.

        Raises:
            Away: nothing can be asked any more.
        """
        if self._lost is None:
            raise Away("the connection was closed")
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(command)
        self._waiting.append((told, self._loop.time()))
        if self._watch is None:
            self._watch = self._loop.call_later(self._timeout, self._look)

    def hurry(self, timeout_seconds: float) -> None:
        """Wait no longer than this for an answer from now on."""
        self._timeout = timeout_seconds
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def end(self, why: str) -> None:
        """Close it; nobody waits any longer."""
        lost, self._lost = self._lost, None
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._transport.abort()
        waiting, self._waiting = self._waiting, deque()
        self._unsent.clear()
        if lost is not None:
            lost(self, why)
        for told, _ in waiting:
            self._tell(told, Away(why))

    def _tell(self, told: Told, answer: Any) -> None:
        try:
            told(answer)
        except Exception as error:  # noqa: BLE001 - whoever asked next has an answer, too
            self._loop.call_exception_handler({"message": "an answer of Valkey was lost", "exception": error})

    def _send(self) -> None:
        if self._unsent and self._transport is not None:
            self.writes += 1
            self._transport.write(b"".join(self._unsent))
            self._unsent.clear()

    def _look(self) -> None:
        """Give up when the oldest call has waited too long: one timer for all of them."""
        self._watch = None
        if not self._waiting:
            self._is_late = False
            return
        left = self._waiting[0][1] + self._timeout - self._loop.time()
        if left > 0:
            self._is_late = False
        elif self._is_late:
            self.end(f"it did not answer within {self._timeout * 1000:.0f} ms")
            return
        else:
            self._is_late = True
        self._watch = self._loop.call_later(max(left, _GRACE_SECONDS), self._look)


def _settle(asked: asyncio.Future[Any], answer: Any) -> None:
    if asked.done():
        return
    if type(answer) is Away:
        asked.set_exception(answer)
    else:
        asked.set_result(answer)
