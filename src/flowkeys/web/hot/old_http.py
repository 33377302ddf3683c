"""Answers to clients that speak HTTP/1.0, which knows no chunks."""

from typing import Any, Final

from uvicorn._types import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    Scope,
)
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_CHUNKS: Final = "1.1"
"""The first version that has them."""


def is_old(version: str) -> bool:
    """Tell whether a client's version of HTTP may not know chunks (RFC 9112 section 6.1)."""
    return version != _CHUNKS


def without_chunks(app: ASGI3Application, cycle: RequestResponseCycle) -> ASGI3Application:
    """Return `app`, whose answer in `cycle` is sent as it is, and ended by closing the connection.

    A server must not send ``Transfer-Encoding`` unless the request is of HTTP/1.1 (RFC 9112 section 6.1).
    """
    cycle.keep_alive = False
    is_measured = True

    async def answer(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        async def send_plain(message: ASGISendEvent) -> None:
            nonlocal is_measured
            if message["type"] == "http.response.start" and not cycle.response_started:
                headers: list[Any] = list(message.get("headers", []))
                kept = [header for header in headers if header[0].lower() != b"transfer-encoding"]
                is_measured = any(header[0].lower() == b"content-length" for header in kept)
                if not is_measured:
                    cycle.chunked_encoding = False
                message = {**message, "headers": kept}
            elif message["type"] == "http.response.body" and not is_measured:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, send_plain)

    return answer
