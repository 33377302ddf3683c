"""Answers that are written by the connection itself, and how long it is kept behind them."""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from flowkeys.web.hot.leaving import LeavingProtocol
from flowkeys.web.hot.reply import RawHeader, Reply


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
