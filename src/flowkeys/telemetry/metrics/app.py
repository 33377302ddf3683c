"""What is served on the port of metrics: ``GET /metrics``, and nothing else."""

import asyncio
from typing import TYPE_CHECKING, Any, Final

import structlog

from flowkeys.telemetry.metrics.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

PATH: Final = "/metrics"
_ASKED: Final = (b"accept", b"accept-encoding")


class Metrics:
    """An ASGI application."""

    def __init__(self, sources: Sources) -> None:
        """Answer from these sources."""
        self._sources = sources

    async def __call__(self, scope: "Message", receive: "Receive", send: "Send") -> None:
        """Answer a request."""
        if scope["path"] != PATH:
            await _say(send, 404, f"Nothing is here. Metrics are at {PATH}.")
        elif scope["method"] not in {"GET", "HEAD"}:
            await _say(send, 405, f"{PATH} is read with GET.", (b"allow", b"GET, HEAD"))
        else:
            await self._scrape(scope, receive, send)

    async def _scrape(self, scope: "Message", receive: "Receive", send: "Send") -> None:
        begun = False

        async def sending(message: "Message") -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await asyncio.to_thread(_load)  # a tenth of a second, once
            from flowkeys.telemetry.metrics.scrape import scrape

            answer = await scrape(self._sources)
            # Whatever else a client sends is nothing that the library has to read.
            headers = [
                (name, value) for name, value in scope["headers"] if name in _ASKED and value.isascii()
            ]
            query = scope["query_string"] if scope["query_string"].isascii() else b""
            await answer({**scope, "headers": headers, "query_string": query}, receive, sending)
        except Exception:
            structlog.get_logger("flowkeys").exception("metrics_failed")
            if begun:
                raise
            await _say(send, 500, "The metrics could not be read. The log says why.")


def _load() -> None:
    from flowkeys.telemetry.metrics import scrape  # noqa: F401


async def _say(send: "Send", status: int, text: str, *headers: tuple[bytes, bytes]) -> None:
    body = f"{text}\n".encode()
    kind = (b"content-type", b"text/plain; charset=utf-8")
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [kind, length, *headers]})
    await send({"type": "http.response.body", "body": body})
