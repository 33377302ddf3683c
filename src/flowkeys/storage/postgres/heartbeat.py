"""Notifications to ourselves: each that comes back proves that what was told before it was sent was heard."""

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.times import SECOND, Clock
from flowkeys.storage.postgres.line import Line

_BEAT: Final = b"SELECT pg_notify($1, $2 || ' ' || pg_snapshot_xmin(pg_current_snapshot())::text)"
_UNHEARD: Final = "The feed of changes is not heard."


class Heard(NamedTuple):
    """A heartbeat that came back."""

    sent: int
    """When it was sent, by the clock of calls."""
    passed: int
    """How many microseconds ago that was, by a clock that nobody sets."""
    ended: int
    """All transactions up to this number had ended when it was sent."""


class _Beat(NamedTuple):
    sent: int
    sent_at: float
    back: "asyncio.Future[None]"


class Heartbeat:
    """Sends them over the connection that it is given, and knows those under way."""

    def __init__(self, clock: Clock, line: Callable[[], Line | None]) -> None:
        """Ask `line` for the connection on which we listen; None: there is none now."""
        self.channel = f"flowkeys_beat_{secrets.token_hex(8)}"
        self._clock = clock
        self._line = line
        self._under_way: dict[int, _Beat] = {}
        self._next: asyncio.Future[None] | None = None
        self.sent = 0
        """How many were."""

    def send(self, line: Line) -> "asyncio.Future[None]":
        """Send one; it has come back when that is done. What it raises is `Unavailable`."""
        self.sent += 1
        number = self.sent
        back: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        back.add_done_callback(_noted)
        self._under_way[number] = _Beat(self._clock(), time.monotonic(), back)
        sent = line.run(_BEAT, [self.channel.encode(), str(number).encode()])
        sent.add_done_callback(lambda done: self._failed(number, done))
        return back

    async def beaten(self) -> None:
        """Wait for one that is sent from now on; who comes while one is under way shares the next.

        Raises:
            Unavailable: it does not come back.
        """
        if not self._under_way:
            await asyncio.shield(self._send_now())
            return
        if self._next is None:
            last = next(reversed(self._under_way.values())).back
            self._next = asyncio.ensure_future(self._send_behind(last))
            self._next.add_done_callback(_noted)
        await asyncio.shield(self._next)

    def hear(self, said: str) -> Heard | None:
        """Take one that came back."""
        number, _, least = said.partition(" ")
        beat = self._under_way.pop(int(number), None)
        if beat is None:
            return None
        if not beat.back.done():
            # When listeners know what it proves: whoever waits goes on later in the loop.
            beat.back.set_result(None)
        return Heard(beat.sent, int((time.monotonic() - beat.sent_at) * SECOND), int(least) - 1)

    def end(self) -> None:
        """Tell those who wait that the connection has ended."""
        under_way, self._under_way = self._under_way, {}
        for beat in under_way.values():
            if not beat.back.done():
                beat.back.set_exception(Unavailable(_UNHEARD))

    def _send_now(self) -> "asyncio.Future[None]":
        line = self._line()
        if line is None or line.lost.is_set():
            raise Unavailable(_UNHEARD)
        return self.send(line)

    async def _send_behind(self, under_way: "asyncio.Future[None]") -> None:
        with suppress(Unavailable):
            await asyncio.shield(under_way)
        self._next = None  # who comes from now on comes behind this one
        await asyncio.shield(self._send_now())

    def _failed(self, number: int, sent: "asyncio.Future[Any]") -> None:
        error = None if sent.cancelled() else sent.exception()
        beat = self._under_way.pop(number, None) if error is not None else None
        if beat is not None and not beat.back.done():
            beat.back.set_exception(Unavailable(_UNHEARD))


def _noted(done: "asyncio.Future[None]") -> None:
    if not done.cancelled():
        done.exception()  # perhaps nobody waits for it
