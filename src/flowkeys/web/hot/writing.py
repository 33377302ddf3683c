"""Answers that are written by the connection itself, and how long it is kept behind them."""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from uvicorn.config import Config
from uvicorn.server import ServerState

from flowkeys.web.hot.leaving import LeavingProtocol
from flowkeys.web.hot.reply import RawHeader, Reply
from flowkeys.web.hot.running import Running
from flowkeys.web.hot.waiting import Waiting


class WritingProtocol(LeavingProtocol):
    """A connection that writes answers that no application sends."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._server_headers: list[tuple[bytes, bytes]] = []
        self._server_block = b""
        # One timer for the connection, which looks when it fires: one for each request would cost too much.
        self._idle_timer: asyncio.TimerHandle | None = None
        self._idle_until = 0.0
        self._idle_since: object = None
        """The headers of the message that was answered last; a new message has a list of its own."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the connection at once: a timer would keep it in memory."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        super().connection_lost(exc)

    def _write(self, reply: Reply, to: list[RawHeader], *, keep_alive: bool, with_body: bool) -> None:
        """Send an answer `to` the headers of its call, which tell whether another call has begun."""
        headers = self.server_state.default_headers
        if headers is not self._server_headers:  # renewed each second
            self._server_headers = headers
            self._server_block = b"".join(b"%b: %b\r\n" % header for header in headers)
        answer = reply.wire(self._server_block, close=not keep_alive, with_body=with_body)
        self.transport.write(answer)
        if not keep_alive:
            self.transport.close()
            return
        self._idle_since = to
        self._idle_until = self.loop.time() + self.timeout_keep_alive
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._when_idle)

    def _when_known(
        self, call: Running | Waiting, answer: Callable[[Any], Reply | None], work: asyncio.Future[Any]
    ) -> None:
        """Send the `answer` to a call that had to wait for `work`."""
        try:
            reply = answer(work)
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 - nobody is left waiting
            structlog.get_logger("flowkeys").exception("failed")
            reply = None
        self._finish(call, reply)

    def _finish(self, call: Running | Waiting, reply: Reply | None) -> None:
        """Send the answer to a call that had to wait, and go on; None: there is none for it."""
        call.response_complete = True
        if self.transport.is_closing():
            return
        if reply is None:
            self.transport.close()
            return
        self.server_state.total_requests += 1
        self._write(reply, call.call.headers, keep_alive=call.keep_alive, with_body=True)
        if self.pipeline or self._parts or self.flow.read_paused:
            self.server_state.total_requests -= 1  # it is counted where what waited for it goes on
            self.on_response_complete()

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
