"""Sending answers over plain ASGI, without a framework."""

from collections.abc import Iterable
from typing import Final

from starlette.types import Message, Receive, Scope, Send

from flowkeys.domain.errors import TooLarge
from flowkeys.web.errors import CONTENT_TYPE, Problem
from flowkeys.web.requests.context import context_of

JSON: Final = (b"content-type", b"application/json")
_PROBLEM: Final = (b"content-type", CONTENT_TYPE.encode())

RawHeaders = Iterable[tuple[bytes, bytes]]


class ClientGone(ConnectionError):
    """The client went away: nobody is there to be answered."""


def wants_page(scope: Scope) -> bool:
    """Tell whether whoever asks looks at pages: a browser that is not calling the API."""
    if scope["path"].startswith("/api/"):
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


async def send_bytes(send: Send, status: int, body: bytes, headers: RawHeaders = ()) -> None:
    """Send a whole response."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def send_problem(scope: Scope, send: Send, problem: Problem, headers: RawHeaders = ()) -> None:
    """Send a problem, and note its code for the log."""
    context = context_of(scope)
    context.facts["code"] = problem.code
    own = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in problem.headers]
    await send_bytes(
        send, problem.status, problem.body(context.request_id), [_PROBLEM, NO_STORE, *own, *headers]
    )


NO_STORE: Final = (b"cache-control", b"no-store")


async def next_part(receive: Receive) -> Message:
    """Return the next part of a request's body.

    Raises:
        ClientGone: the client went away before the body was complete.
    """
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message


async def read_body(scope: Scope, receive: Receive, limit_bytes: int) -> bytes:
    """Return a request's body.

    Raises:
        TooLarge: it is larger than `limit_bytes`, announced or as it arrives.
        ClientGone: the client went away before it was complete.
    """
    too_large = TooLarge(f"The request body is larger than {limit_bytes} bytes (FLOWKEYS_MAX_BODY_BYTES).")
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit_bytes:
            raise too_large
    body = bytearray()  # bytes would be copied with each piece, and a client may send one byte at a time
    while True:
        message = await next_part(receive)
        body += message.get("body", b"")
        if len(body) > limit_bytes:
            raise too_large
        if not message.get("more_body", False):
            return bytes(body)
