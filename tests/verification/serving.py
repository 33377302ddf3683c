"""What the tests of connections share."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from flowkeys.web.hot.connection import StrictProtocol
from flowkeys.web.hot.protocol import HotProtocol
from tests.verification.conftest import Beside
from tests.verification.wire import Wire

FORWARD = "/api/v1/auth/verify"
VERIFY = "/api/v1/apikey/verify"
PING = "/api/v1/ping"
LIST = "/api/v1/apikey"
BOTH = pytest.mark.parametrize("http", [HotProtocol, StrictProtocol], ids=["protocol", "asgi"])


class Slow:
    """An application that answers once it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.began = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer with the path that was asked for."""
        self.began += 1
        await self.may.wait()
        body = scope["path"].encode()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


Connect = Callable[[str], Wire]
Serve = Callable[..., Beside]


def hot_of(server: Any) -> Any:
    """Return the hot routes of a running server."""
    return server.server.config.app.hot
