"""A connection to a server: one call after the other, each answer read as it comes.

llhttp reads the messages (RFC 9112), as leniently as aiohttp's client and no more. What cannot be told apart
from another call's answer ends the connection: bytes that nobody asked for, or more than the answer.
"""

import asyncio
from collections.abc import Callable
from typing import Final, cast

import httptools

from flowkeys.outbound.connecting import Closable
from flowkeys.outbound.http.waiting import Waiting

HEAD_BYTES: Final = 64 * 1024
"""The most that is read of a head, with whatever comes before it."""
BUFFER_BYTES: Final = 256 * 1024
"""A server waits when so much of its answer has not been taken."""
DRAIN_BYTES: Final = 64 * 1024
DRAIN_SECONDS: Final = 2.0
_SWITCHING: Final = 101


class NotHttpError(Exception):
    """What came is no answer of HTTP/1.1."""


class ClosedError(ConnectionError):
    """The connection was closed before the answer's end."""


class Connection(Closable, asyncio.Protocol):
    """One connection. Whoever calls over it reads to the end, or leaves."""

    __slots__ = (
        *(
            "_buffered",
            "_end",
            "_failure",
            "_headers_end",
            "_heard",
            "_is_draining",
            "_is_interim",
            "_is_lasting",
        ),
        *("_is_paused", "_is_spoiled", "_left", "_loop", "_parser", "_parts", "_timer"),
        *("_transport", "_waiting", "headers", "idle_since", "is_closed", "is_complete", "on_body", "status"),
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, left: Callable[["Connection"], None]) -> None:
        """`left` is called when the connection may be used again, or is closed."""
        self._loop = loop
        self._left = left
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        """None while nothing is asked."""
        self._parts: list[bytes] = []
        self.on_body = self._parts.append
        """What llhttp calls with each part of the body."""
        self._waiting = Waiting(loop)
        self._timer: asyncio.TimerHandle | None = None
        """Ends the reading of what nobody waits for."""
        self._is_paused = False
        self._is_draining = False
        self.is_closed = False
        self.idle_since = 0.0
        self._reset()

    def _reset(self) -> None:
        self.status = 0
        """Of the answer, when its head is there."""
        self.headers: list[tuple[bytes, bytes]] = []
        """Names in small letters."""
        self.is_complete = False
        """The answer has come to its end."""
        self._headers_end = False
        self._heard = 0
        self._buffered = 0
        self._end = 0
        """How many of the parts are the answer's, when it is complete; what comes behind is none of it."""
        self._is_interim = False
        self._is_lasting = False
        self._is_spoiled = False
        self._failure: Exception | None = None
        self._parts.clear()

    # What whoever calls uses

    @property
    def is_silent(self) -> bool:
        """Whether not a byte of an answer has come."""
        return self._heard == 0

    def send(self, request: bytes) -> None:
        """Send a request, whole. The answer to the one before was read, or left."""
        self._reset()
        parser = httptools.HttpResponseParser(self)
        parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._parser = parser
        if self.is_closed or self._transport is None:
            self._failure = ClosedError()
        else:
            self._transport.write(request)

    async def head(self, seconds: float) -> None:
        """Wait for the answer's head, and for its parts never longer than that.

        Raises:
            TimeoutError: they do not come.
            ClosedError, OSError: the connection ends.
            NotHttpError: it is none.
        """
        while not self._headers_end:
            if self._failure is not None:
                raise self._failure
            await self._waiting.wait(seconds)

    async def read(self, seconds: float) -> bytes:
        """Return the next bytes of the body, all that are there; none at its end.

        Raises:
            TimeoutError, ClosedError, OSError, NotHttpError: as `head` does, when what came before was read.
        """
        parts = self._parts
        while not parts:
            if self.is_complete:
                return b""
            if self._failure is not None:
                raise self._failure
            await self._waiting.wait(seconds)
        data = b"".join(parts) if len(parts) > 1 else parts[0]
        parts.clear()
        self._end = 0
        self._resume()
        return data

    def leave(self, *, is_enough: bool) -> None:
        """Ask for nothing more: what may still come of the answer matters to nobody.

        With `is_enough` the answer is known to be near its end, which is read for the sake of the connection;
        otherwise it is closed if the end is not there.
        """
        self._stop_timers()
        self._parts.clear()
        if self.is_complete:
            self._finish()
        elif not is_enough or self.is_closed or self._failure is not None:
            self.close()
        else:
            self._is_draining = True
            self._heard = 0
            self._timer = self._loop.call_later(DRAIN_SECONDS, self.close)
            self._resume()

    def close(self) -> None:
        """Close at once; when it is not there yet, once it is."""
        self._stop_timers()
        if self._transport is None:
            self.is_closed = True
        elif not self.is_closed:
            self._transport.abort()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        if self.is_closed:  # nobody waited for it any more
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read what has come."""
        parser = self._parser
        if parser is None:
            self.close()  # nothing was asked
            return
        self._heard += len(data)
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._is_spoiled = True
            if not self.is_complete and self._failure is None:
                self._failure = NotHttpError(f"{type(error).__name__}: {error}")
        if not self._headers_end and self._heard > HEAD_BYTES and self._failure is None:
            self._failure = NotHttpError(f"the head is longer than {HEAD_BYTES:,} bytes")
        if self._is_spoiled and self.is_complete:
            del self._parts[self._end :]
        if self._is_draining:
            self._drain()
            return
        self._buffered += len(data)
        if self._buffered > BUFFER_BYTES and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        self._waiting.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """End. A body of no known length ends so too (RFC 9112 section 6.3)."""
        self.is_closed = True
        self._stop_timers()
        if self._parser is not None and not self.is_complete and self._failure is None:
            if exc is None and self._headers_end and self._lasts_until_closed():
                self.is_complete = True
            else:
                self._failure = exc if isinstance(exc, OSError) else ClosedError()
        self._transport = None
        self._parser = None
        self._waiting.wake()
        self._left(self)

    # What llhttp calls

    def on_message_begin(self) -> None:
        """A message: the answer, one that goes before it, or one too many."""
        if self.is_complete:
            self._is_spoiled = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; those behind the body are not looked at."""
        if not self._headers_end:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is there, unless it is only an interim one (RFC 9110 section 15.2)."""
        if self._headers_end or self._parser is None:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != _SWITCHING:  # noqa: PLR2004  # the class of interim answers
            self._is_interim = True
            self.headers.clear()
        else:
            self.status = status
            self._headers_end = True

    def on_message_complete(self) -> None:
        """The answer is there, all of it."""
        if self._is_interim:
            self._is_interim = False
        elif not self.is_complete:
            self.is_complete = True
            self._end = len(self._parts)
            self._is_lasting = self._parser is not None and self._parser.should_keep_alive()

    # The rest

    def _lasts_until_closed(self) -> bool:
        return not any(
            name == b"content-length" or (name == b"transfer-encoding" and b"chunked" in value.lower())
            for name, value in self.headers
        )

    def _resume(self) -> None:
        self._buffered = 0
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()

    def _drain(self) -> None:
        self._parts.clear()
        if self.is_complete:
            self._stop_timers()
            self._finish()
        elif self._heard > DRAIN_BYTES or self._failure is not None:
            self.close()

    def _finish(self) -> None:
        """Keep the connection if another call can be made over it."""
        self._parser = None
        self._is_draining = False
        if self._is_certain():
            self._left(self)
        else:
            self.close()

    def _is_certain(self) -> bool:
        """Tell whether what is sent next is read as a request, and what comes next is its answer.

        It is not while some of a request has not been sent, since the server answered without it, nor when
        something may have come that was not read.
        """
        if self.is_closed or self._transport is None or self._is_spoiled or not self._is_lasting:
            return False
        return not self._is_paused and self._transport.get_write_buffer_size() == 0

    def _stop_timers(self) -> None:
        self._waiting.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
