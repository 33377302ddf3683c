"""What a start does not wait for: the framework with its routes and pages, loaded when the server is ready.

Verify, forward-auth and predictions need none of it. Whatever does waits for it, as it would have waited for
the server. When it cannot be loaded, each such call fails and says why in the log, `ping` among them, and the
next one tries again.
"""

import asyncio
import gc
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from flowkeys.web.requests.context import context_of
from flowkeys.web.respond import send_bytes

_TEXT: Final = (b"content-type", b"text/plain; charset=utf-8")
_AT_ONCE: Final = {
    "/api/v1/ping": (b"pong", _TEXT),
    "/api/v1/health/live": (b'{"status":"ok"}', (b"content-type", b"application/json")),
}
"""What is asked of a server that has just started, and is answered before the framework is there."""
_AFTER_SECONDS: Final = 0.1
"""So long the ready server is left alone: who waited for it asks first."""


class Later:
    """An ASGI application that is made in the background, with the lifespan of the server."""

    def __init__(
        self, make: Callable[[], ASGIApp], lifespan: Callable[[], AbstractAsyncContextManager[None]]
    ) -> None:
        """Make the application by `make`, in a thread of its own."""
        self._make = make
        self._lifespan = lifespan
        self._app: ASGIApp | None = None
        self._making: asyncio.Future[ASGIApp] | None = None
        self._failed = False

    async def made(self) -> ASGIApp:
        """Return the application, once it is made.

        Raises:
            Exception: whatever kept it from being made.
        """
        if self._app is None:
            self._app = await asyncio.shield(self._begin())
        return self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or answer `ping` and `live` while nobody is there to do so."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif (
            self._app is None and not self._failed and scope["path"] in _AT_ONCE and scope["method"] == "GET"
        ):
            context_of(scope).route = scope["path"]
            body, kind = _AT_ONCE[scope["path"]]
            await send_bytes(send, 200, body, [kind])
        else:
            await (self._app or await self.made())(scope, receive, send)

    def _begin(self) -> "asyncio.Future[ASGIApp]":
        if self._making is None:
            self._making = asyncio.get_running_loop().run_in_executor(None, self._load)
            self._making.add_done_callback(self._done)
        return self._making

    def _load(self) -> ASGIApp:
        enabled = gc.isenabled()
        gc.disable()  # all of it lives to the end, and looking for garbage in it takes a tenth of the time
        try:
            made = self._make()
            gc.freeze()
        finally:
            if enabled:
                gc.enable()
        return made

    def _done(self, making: "asyncio.Future[ASGIApp]") -> None:
        self._making = None
        if making.cancelled():
            return
        error = making.exception()
        self._failed = error is not None
        if error is None:
            self._app = making.result()
        else:
            structlog.get_logger("flowkeys").error("failed", exc_info=error)

    async def _live(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Run the lifespan, as ASGI has it; begin to load when it has begun."""
        await receive()
        started = False
        try:
            async with self._lifespan():
                await send({"type": "lifespan.startup.complete"})
                started = True
                timer = asyncio.get_running_loop().call_later(_AFTER_SECONDS, self._begin)
                try:
                    await receive()
                finally:
                    timer.cancel()
                    if self._making is not None:
                        await asyncio.wait([self._making])
        except BaseException as error:
            name = "lifespan.shutdown.failed" if started else "lifespan.startup.failed"
            await send({"type": name, "message": repr(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})
