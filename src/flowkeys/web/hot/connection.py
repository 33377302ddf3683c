"""uvicorn's connection, with the limits that it lacks, and without what a client could hide in it.

- Lines behind a chunked body (trailers) are handed on by the parser as if they were headers. Here they are
  dropped (RFC 9110 section 6.5.1): no credential and no address is taken from where no proxy looks.
- With ``Upgrade`` the parser leaves a body unread, which would be taken for the next call: of somebody else,
  behind a proxy. Nothing is upgraded here, so the head is read once more without it (RFC 9110 section 7.8).
- A head that has no end is refused, calls that wait for others are not read without end, and neither what
  stops coming nor who stops reading is waited for.
- A connection that was reset is let go of at once, so that idle ones can be kept for long.
"""

import asyncio
import socket
from collections import deque
from typing import Final

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from flowkeys.domain.addresses import UNIX
from flowkeys.web.errors import Problem, problem
from flowkeys.web.gate import MAX_HEADER_BYTES
from flowkeys.web.hot import bounds
from flowkeys.web.hot.bounds import IN_BODY, MAX_API_TARGET_BYTES, MAX_BYTES, MAX_LINES, NO_HEAD, PART_BYTES
from flowkeys.web.hot.flow import Flow
from flowkeys.web.hot.names import usual
from flowkeys.web.hot.old_http import is_old, without_chunks
from flowkeys.web.hot.reply import new_request_id, refusal
from flowkeys.web.hot.target import read

_AF_UNIX: Final = getattr(socket, "AF_UNIX", None)  # not on Windows
_TOO_LARGE: Final = problem("headers_too_large")
_NO_HTTP: Final = problem("invalid_request", "This is not HTTP, or its body is not as its headers say.")


class StrictProtocol(HttpToolsProtocol):
    """One connection."""

    url = b""
    _room = NO_HEAD
    """How many more header lines are kept; `NO_HEAD` or `IN_BODY` when no head is being read."""
    _gathered = 0
    """Bytes since something came of them: a message, its headers, or some of its body."""
    _segment = 0
    """How long what is being read is, or more than a head may have where that is read in parts."""
    _began = 0
    """How long that was when the message began: with what was gathered since, no head is longer."""
    _is_short = False
    """Whether the head that was read cannot be too large."""
    _pieces = 0
    """How often something came."""
    _drained = 0
    """How often a client that was slow to read had read enough."""
    _unread_looks = 0
    _has_trailers = False
    _is_wished = False
    """Whether the head that is being read says what should become of the connection."""
    _is_offered = False
    """Whether the message that is being read came with ``Upgrade``."""
    _is_deaf = False
    """Whether nothing more is read: what came was no HTTP."""
    _late_timer: asyncio.TimerHandle | None = None
    _running: RequestResponseCycle | None = None
    """The call that is being answered; `cycle` is the last that was read."""

    # What uvicorn calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        found = transport.get_extra_info("socket")
        if found is not None and found.family == _AF_UNIX:
            self.client = (UNIX, 0)  # not None, which is also who was gone before the address was asked for
        self.flow: Flow = Flow(transport)
        self._parts: deque[memoryview] = deque()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the connection at once: a timer would keep it in memory."""
        if self._late_timer is not None:
            self._late_timer.cancel()
            self._late_timer = None
        running = self._running
        if running is not None and not running.response_complete:  # uvicorn tells the last call only
            running.disconnected = True
            running.message_event.set()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # uvicorn leaves it, and with it the connection, after a reset

    def data_received(self, data: bytes) -> None:
        """Read; refuse what grows without an end."""
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        length = self._segment = len(data)
        self._gathered += length
        self._pieces += 1
        if self.pipeline or self._parts or length > PART_BYTES or self._is_deaf:
            self._parts.append(memoryview(data))
            self._feed()
            return
        try:  # nearly always: a call or two
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._parts += (memoryview(self._without_upgrade()), memoryview(data)[upgrade.args[0] :])
            self._feed()
        except httptools.HttpParserError:
            self._refuse(_NO_HTTP)
        if self._gathered > MAX_BYTES:
            self._refuse(_TOO_LARGE)

    def resume_writing(self) -> None:
        """Note that the client reads."""
        self._drained += 1
        super().resume_writing()

    def on_response_complete(self) -> None:
        """Go on with what had to wait."""
        super().on_response_complete()
        if self._parts:
            self._feed()
            self._look()

    # What the parser calls

    def on_message_begin(self) -> None:
        """Begin with an empty head."""
        super().on_message_begin()
        self._room = MAX_LINES
        self._gathered = 0
        self._began = self._segment

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; drop a trailer, and a header beyond all measure."""
        if self._room > 0:
            self._room -= 1
            known = usual(name)
            if known is not None:
                self.headers.append((known, value))
                return
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            elif name.endswith(b"connection"):  # and Proxy-Connection, which the parser takes for it
                self._is_wished = True
            self.headers.append((name, value))
        elif self._room == IN_BODY:
            self._has_trailers = True

    def on_headers_complete(self) -> None:
        """Take no more headers."""
        if self._begins_body():
            if self.parser.get_http_version() == "1.0":  # knows no 100 (RFC 9110 section 10.1.1)
                self.expect_100_continue = False
            try:
                super().on_headers_complete()
            except Exception:
                self._room = NO_HEAD  # it has become no call: what runs is another
                raise

    def on_body(self, body: bytes) -> None:
        """Count anew: a body has a limit of its own."""
        self._gathered = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for nothing more."""
        self._room = NO_HEAD
        if self._is_offered:
            return
        super().on_message_complete()
        if self._is_last():
            self._close_behind_answers()

    # The rest

    def _feed(self) -> None:
        """Let the parser read what came, a part at a time."""
        parts = self._parts
        self._segment = MAX_BYTES
        while parts and not self._is_deaf and self.parser is not None:
            if len(self.pipeline) >= bounds.MAX_WAITING:
                self.flow.hold()
                return
            part = parts.popleft()
            if len(part) > PART_BYTES:
                parts.appendleft(part[PART_BYTES:])
                part = part[:PART_BYTES]
            try:
                self.parser.feed_data(part)
            except httptools.HttpParserUpgrade as upgrade:
                parts.appendleft(part[upgrade.args[0] :])
                parts.appendleft(memoryview(self._without_upgrade()))
            except httptools.HttpParserError:
                self._refuse(_NO_HTTP)
        parts.clear()
        self.flow.let_go()
        if self._gathered > MAX_BYTES:
            self._refuse(_TOO_LARGE)

    def _look(self) -> None:
        """Look at what has been read when no more comes for now."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        if is_old(cycle.scope["http_version"]):
            app = without_chunks(app, cycle)
        super()._start_asgi_task(cycle, app)

    def _begins_body(self) -> bool:
        """Note that the headers are complete; tell whether the message is to be looked at."""
        self._is_offered = self.parser.should_upgrade()
        length = len(self.url)
        long = length > MAX_API_TARGET_BYTES and (
            length > bounds.MAX_TARGET_BYTES or self.url.startswith(bounds.API)
        )
        if long or (self._is_offered and not self._room):
            self._refuse(_TOO_LARGE)
        if self._is_deaf or self.transport.is_closing():
            raise ValueError("nothing more is read")  # the parser's way to stop
        if self._is_offered and self.parser.get_method() == b"CONNECT":
            raise ValueError("there is nothing to connect to")
        self._is_short = self._began + self._gathered <= MAX_HEADER_BYTES
        self._room = IN_BODY
        self._gathered = 0
        self._has_trailers = False
        return not self._is_offered

    def _is_last(self) -> bool:
        """Tell whether a trailer said that nothing more comes: the parser then takes nothing more."""
        return self._has_trailers and not self.parser.should_keep_alive()

    def _close_behind_answers(self) -> None:
        """Read nothing more, and close when what was read before is answered."""
        self._is_deaf = True
        if self._is_busy():
            self.cycle.keep_alive = False
        else:
            self.transport.close()

    def _without_upgrade(self) -> bytes:
        """Return the head that was just read, without its ``Upgrade``, for a parser that begins anew."""
        lines = [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        version = self.parser.get_http_version().encode("ascii")
        head = b"%b %b HTTP/%b\r\n%b\r\n" % (self.parser.get_method(), self.url, version, b"".join(lines))
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return head

    def _is_busy(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return self.flow.read_paused or (cycle is not None and not cycle.response_complete)

    def _refuse(self, why: Problem) -> None:
        """Refuse what cannot be read as a call, without cutting off answers to calls before it."""
        if self._is_deaf or self.transport.is_closing():
            return
        if self._is_busy() and (self._room != IN_BODY or self.pipeline):
            self._close_behind_answers()
            return
        self._is_deaf = True
        if not (self._is_busy() and self.cycle.response_started):
            server = b"".join(b"%b: %b\r\n" % header for header in self.server_state.default_headers)
            asked = read(self.url)
            nginx = asked is not None and asked.nginx
            reply = refusal(why, identity=asked is not None, nginx=nginx).reply(new_request_id())
            self.transport.write(reply.wire(server, close=True, with_body=True))
        self.transport.close()

    def _wait(self) -> None:
        """Look again later: one timer for the connection, whatever comes on it."""
        self._late_timer = self.loop.call_later(bounds.LATE_SECONDS, self._when_late, self._mark())

    def _mark(self) -> object:
        """Return what is another object, or another tuple, when anything happened that is waited for."""
        if self.flow.write_paused or self.transport.is_closing():
            return self._drained, self.transport.get_write_buffer_size()
        is_busy = self._is_busy()
        if self._room == IN_BODY and not (is_busy and self.cycle.response_started):
            return (self._pieces,)
        # Of a head behind a call that is being answered, some may not have been read.
        # An idle connection has a timer of its own.
        is_idle = self._room == NO_HEAD and self._is_idle()
        return object() if is_busy or is_idle else self.headers

    def _is_idle(self) -> bool:
        """Tell whether a timer closes the connection unless another call begins."""
        return self.timeout_keep_alive_task is not None

    def _when_late(self, mark: object) -> None:
        found = self._mark()
        same = mark is found or (type(found) is tuple and mark == found)
        unread = same and (self.flow.write_paused or self.transport.is_closing())
        self._unread_looks = self._unread_looks + 1 if unread else 0
        if self._unread_looks == bounds.UNREAD_LOOKS:
            self.transport.abort()
        elif same and not unread and not self.flow.read_paused:
            self.transport.close()
        self._wait()
