"""The hot routes inside uvicorn's connection: answered before a scope, a task and an event are made.

A subclass of uvicorn's own protocol for HTTP/1.1. What is not plain goes on to it as if nothing had been
here, up to the moment at which an answer is written: another route, a request behind one that is still being
answered, ``Expect``, a client that does not read, a body that is too large or unusual. uvicorn is pinned, and
a test fails when what is overridden here changes (tests/verification/test_protocol_pinned.py).
"""

import asyncio
from typing import Any, Final

import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from flowkeys.service.predictions.run import Grant
from flowkeys.web.errors import Problem
from flowkeys.web.hot import predictions, verify
from flowkeys.web.hot.answer import PREFIXES, Hot
from flowkeys.web.hot.asgi import FastPath
from flowkeys.web.hot.call import Call
from flowkeys.web.hot.connection import IN_BODY, MAX_LINES, NO_HEAD, StrictProtocol
from flowkeys.web.hot.reply import Reply
from flowkeys.web.hot.target import read
from flowkeys.web.predictions.prediction import GRANT
from flowkeys.web.requests.below import without

_ELSEWHERE: Final = 0
"""uvicorn has the message, or there is none."""
_READING: Final = 1
"""The body is needed for the answer."""
_ANSWERED: Final = 2
"""What is left of the message is read and dropped."""


class HotProtocol(StrictProtocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(config.app, FastPath)
        self._hot: Hot = config.app.hot
        self._state = _ELSEWHERE
        self._target = b""
        """What is asked for, without the path that this server is below."""
        self._body = b""
        self._is_checked = False
        """Whether the credential was looked at, since the body did not come with the headers."""
        self._dropped = 0
        self._keep_alive = True
        self._stopping = False
        self._server_headers: list[tuple[bytes, bytes]] = []
        self._server_block = b""
        # One timer for the connection, which looks when it fires: one for each request would cost too much.
        self._idle_timer: asyncio.TimerHandle | None = None
        self._idle_until = 0.0
        self._idle_since: object = None
        """The headers of the message that was answered last; a new message has a list of its own."""

    # What uvicorn calls

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the connection at once: a timer would keep it in memory."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close, after the answer to a request that is being read."""
        self._stopping = True
        if self._state == _READING:
            self._keep_alive = False
        else:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        """Read; whoever is refused is so before the body has come."""
        super().data_received(data)
        if self._state == _READING:
            self._look()

    # What the parser calls

    def on_message_begin(self) -> None:
        """Begin a message without a scope: most need none."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._room = MAX_LINES
        self._gathered = 0

    def on_headers_complete(self) -> None:
        """Answer what can be answered; hand everything else on."""
        self._state = _ELSEWHERE
        if not self._begins_body():
            return
        grant: Grant | None = None
        path = self._hot.path
        self._target = without(self.url, path) if path else self.url
        if self._target.startswith(PREFIXES) and self._is_plain():
            try:
                grant = self._begin()
            except Exception:  # noqa: BLE001 - a mistake here must not cost the connection
                self._mistaken()
        if self._state == _ELSEWHERE:
            self._start(grant)

    def on_body(self, body: bytes) -> None:
        """Keep a body that is needed, drop one that is not."""
        self._gathered = 0
        if self._state == _ELSEWHERE:
            super().on_body(body)
        elif self._state == _READING:
            self._body += body
            if len(self._body) > verify.MAX_BODY_BYTES:
                self._hand_on()
        else:
            self._dropped += len(body)
            self._idle_until = self.loop.time() + self.timeout_keep_alive
            if self._dropped > self._hot.max_body_bytes:
                self.transport.close()

    def on_message_complete(self) -> None:
        """Answer what waited for its body."""
        self._room = NO_HEAD
        if self._is_offered:
            return
        is_last = self._has_trailers and self._is_last()
        if is_last:
            self._keep_alive = False
        if self._state == _READING:
            try:
                reply = self._hot.verify.answer(self._call(b"POST", self._body))
                if reply is not None:
                    self._send(reply, with_body=True)
            except Exception:  # noqa: BLE001 - a mistake here must not cost the connection
                self._mistaken()
            if self._state == _READING:
                self._hand_on()
        if self._state == _ELSEWHERE:
            super().on_message_complete()
        self._state = _ELSEWHERE
        if is_last:
            self._close_behind_answers()

    # The rest

    def _look(self) -> None:
        """Refuse before the body has come who is to be refused."""
        if self._state == _READING and not self._is_checked and not self.transport.is_closing():
            self._is_checked = True
            reply = self._hot.verify.refusal(self._call(b"POST"))
            if reply is not None:
                self._send(reply, with_body=True)
            elif verify.is_unusual(self.headers):  # refused before it comes, by whoever answers
                self._hand_on()

    def _refuse(self, why: Problem) -> None:
        if self._state == _ANSWERED and self._room == IN_BODY:
            self._close_behind_answers()  # the rest of a body that nobody needs
        else:
            super()._refuse(why)

    def _is_plain(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return not (
            (cycle is not None and not cycle.response_complete)
            or self.expect_100_continue
            or self.flow.write_paused
            or self.limit_concurrency is not None
        )

    def _begin(self) -> Grant | None:
        """Answer, or prepare to, or return what was granted to a prediction, or nothing at all."""
        parser = self.parser
        self._keep_alive = parser.should_keep_alive() and parser.get_http_version() != "1.0"
        method: bytes = parser.get_method()
        asked = read(self._target)
        if asked is not None:
            reply = self._hot.forward_auth.answer(self._call(method), asked)
            if reply is not None:
                self._send(reply, with_body=method != b"HEAD")
        elif method == b"POST":
            if self._target == verify.TARGET:
                self._body = b""
                self._is_checked = False
                self._state = _READING
            elif self._target.startswith(predictions.PREFIX):
                found = self._hot.predictions.answer(self._call(method))
                if isinstance(found, Reply):
                    self._send(found, with_body=True)
                else:
                    return found
        return None

    def _call(self, method: bytes, body: bytes = b"") -> Call:
        client = self.client
        return Call(method, self._target, self.headers, client[0] if client else None, body)

    def _send(self, reply: Reply, *, with_body: bool) -> None:
        headers = self.server_state.default_headers
        if headers is not self._server_headers:  # renewed each second
            self._server_headers = headers
            self._server_block = b"".join(b"%b: %b\r\n" % header for header in headers)
        answer = reply.wire(self._server_block, close=not self._keep_alive, with_body=with_body)
        self._state = _ANSWERED
        self._dropped = 0
        self.server_state.total_requests += 1
        self.transport.write(answer)
        if not self._keep_alive:
            self.transport.close()
            return
        self._idle_since = self.headers
        self._idle_until = self.loop.time() + self.timeout_keep_alive
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._when_idle)

    def _start(self, grant: Grant | None) -> None:
        """Let uvicorn make the scope, which it does when a message begins, and a task."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expects
        self.scope["headers"] = headers
        if grant is not None:
            self.scope[GRANT] = grant  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()

    def _hand_on(self) -> None:
        """Let uvicorn begin with a message of which the headers and some of the body have been read."""
        self._state = _ELSEWHERE
        body, self._body = self._body, b""
        self._start(None)
        if self._stopping:
            self.cycle.keep_alive = False
        if body:
            super().on_body(body)

    def _is_idle(self) -> bool:
        is_timed = self._idle_timer is not None and self.headers is self._idle_since
        return is_timed or super()._is_idle()

    def _when_idle(self) -> None:
        self._idle_timer = None
        if self.headers is not self._idle_since or self.transport.is_closing():
            return  # whoever answers the message that has begun sets a timer again
        left = self._idle_until - self.loop.time()
        if left > 0:
            self._idle_timer = self.loop.call_later(left, self._when_idle)
        else:
            self.transport.close()

    def _mistaken(self) -> None:
        structlog.get_logger("flowkeys").exception("failed")
        if self._state == _ANSWERED:
            self.transport.close()
