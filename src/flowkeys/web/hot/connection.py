"""uvicorn's connection, with the limits that it lacks: on what comes before and behind a body.

Its parser keeps what it has read of a line, and hands on the lines behind a chunked body (trailers) as if
they were headers. Here trailers are dropped: they are not merged into headers (RFC 9110 section 6.5.1), so
that no credential and no address is taken from where no proxy looks. A head that has no end is refused, and
what stops coming is not waited for.
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from flowkeys.web.errors import problem
from flowkeys.web.hot.reply import new_request_id, refusal
from flowkeys.web.hot.target import read

MAX_BYTES: Final = 128 * 1024
"""Of a head that is not complete, and of what is no body behind one. What came in the segment in which it
began is not counted, so a head that came whole is refused by whoever answers, in the form of the route."""
MAX_LINES: Final = 1000
"""Of headers that are kept: far more than are allowed, so that whoever answers refuses them."""
LATE_SECONDS: Final = 30.0
"""For a head to be complete, and for more of a body to come; up to twice that when others came before it on
the connection, or something did meanwhile."""

NO_HEAD: Final = -1
IN_BODY: Final = -2
_TOO_LARGE: Final = problem("headers_too_large")


class StrictProtocol(HttpToolsProtocol):
    """One connection."""

    _room = NO_HEAD
    """How many more header lines are kept; `NO_HEAD` or `IN_BODY` when no head is being read."""
    _gathered = 0
    """Bytes since something came of them: a message, its headers, or some of its body."""
    _pieces = 0
    """How often something came."""
    _late_timer: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the connection at once: a timer would keep it in memory."""
        if self._late_timer is not None:
            self._late_timer.cancel()
            self._late_timer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read; refuse what grows without an end."""
        self._gathered += len(data)
        self._pieces += 1
        super().data_received(data)
        if self._gathered > MAX_BYTES:
            self._refuse()
        elif self._room != NO_HEAD and self._late_timer is None:
            self._wait()

    def on_message_begin(self) -> None:
        """Begin with an empty head."""
        super().on_message_begin()
        self._room = MAX_LINES
        self._gathered = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; drop a trailer, and a header beyond all measure."""
        if self._room > 0:
            self._room -= 1
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Take no more headers."""
        self._room = IN_BODY
        self._gathered = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count anew: a body has a limit of its own."""
        self._gathered = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for nothing more."""
        self._room = NO_HEAD
        super().on_message_complete()

    def _is_busy(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return self.flow.read_paused or (cycle is not None and not cycle.response_complete)

    def _refuse(self) -> None:
        if self.transport.is_closing():
            return
        if self._room >= 0 and not self._is_busy():
            server = b"".join(b"%b: %b\r\n" % header for header in self.server_state.default_headers)
            asked = read(self.url)
            nginx = asked is not None and asked.nginx
            found = refusal(_TOO_LARGE, identity=asked is not None, nginx=nginx)
            reply = found.reply(new_request_id())
            self.transport.write(reply.wire(server, close=True, with_body=True))
        self.transport.close()

    def _wait(self) -> None:
        """Look again later. No call that comes in one segment needs this timer."""
        self._late_timer = self.loop.call_later(LATE_SECONDS, self._when_late, self._mark())

    def _mark(self) -> object:
        """Return what is another object when another head is waited for, or more of the body came."""
        if self._room < 0:
            return self._pieces
        # Of a head behind a call that is being answered, some may not have been read.
        return object() if self._is_busy() else self.headers

    def _when_late(self, mark: object) -> None:
        self._late_timer = None
        if self._room == NO_HEAD or self.transport.is_closing():
            return
        if self._mark() is mark and not self.flow.read_paused:
            self.transport.close()
        else:
            self._wait()
