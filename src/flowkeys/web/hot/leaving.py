"""Connections of a server that is about to stop: each ends behind an answer that says so.

A connection that is closed while its client, who cannot know, sends a call loses the call. So the last answer
says ``Connection: close`` (RFC 9112 section 9.6), and what has arrived is read before anything is closed.
"""

import asyncio
import select

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from flowkeys.web.hot.bounds import NO_HEAD
from flowkeys.web.hot.connection import StrictProtocol


class LeavingState(ServerState):
    """What the connections of one server share."""

    is_leaving = False
    """Whether each connection has one more answer only."""


class LeavingProtocol(StrictProtocol):
    """A connection that can be ended without the loss of a call."""

    _is_leaving = False
    """Whether the next answer is the last one."""

    # What the server calls

    def leave(self) -> None:
        """Have the next answer be the last, also one that is being made. An idle connection is left open."""
        self._is_leaving = True
        running = self._running
        if running is not None and not running.response_complete and not self.pipeline:
            running.keep_alive = False

    def shutdown(self) -> None:
        """Leave, and close if nothing is asked and nothing has arrived that is still to be read."""
        self.leave()
        is_asked = self._room != NO_HEAD or self._is_busy() or self._parts
        if not is_asked and not _has_arrived(self.transport):
            self.transport.close()

    # What uvicorn calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; a server that is about to stop still takes what was sent before it was known."""
        super().connection_made(transport)
        if isinstance(self.server_state, LeavingState) and self.server_state.is_leaving:
            self.leave()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if self._is_leaving and not self.pipeline:
            cycle.keep_alive = False
        super()._start_asgi_task(cycle, app)


def _has_arrived(transport: asyncio.Transport) -> bool:
    """Tell whether the system holds something for a connection: a call, or the end of it."""
    found = transport.get_extra_info("socket")
    number = -1 if found is None else found.fileno()
    if number < 0:
        return False
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))
