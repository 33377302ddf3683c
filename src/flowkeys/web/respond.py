"""Sending answers over plain ASGI, without a framework."""

from collections.abc import Iterable
from typing import Final

from starlette.types import Scope, Send

from flowkeys.web.errors import CONTENT_TYPE, Problem
from flowkeys.web.requests.context import context_of

JSON: Final = (b"content-type", b"application/json")
_PROBLEM: Final = (b"content-type", CONTENT_TYPE.encode())

RawHeaders = Iterable[tuple[bytes, bytes]]


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
    await send_bytes(
        send,
        problem.status,
        problem.body(context.request_id),
        [_PROBLEM, NO_STORE, *problem.raw_headers, *headers],
    )


NO_STORE: Final = (b"cache-control", b"no-store")
