"""Sending answers over plain ASGI, without a framework."""

from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from typing import Final

from starlette.types import Scope, Send

from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.times import SECOND
from flowkeys.web.errors import Problem
from flowkeys.web.requests.context import context_of

JSON: Final = (b"content-type", b"application/json")
_REMEMBERED: Final = 1024

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
        [(b"content-type", problem.content_type.encode()), NO_STORE, *problem.raw_headers, *headers],
    )


NO_STORE: Final = (b"cache-control", b"no-store")


def headers_of(record: KeyRecord) -> tuple[tuple[bytes, bytes], ...]:
    """Return what the answer to a call with a replaced token says of it: since when it is, and when it ends.

    ``Deprecation`` (RFC 9745) is a date of structured fields, ``Sunset`` (RFC 8594) one as HTTP has them
    (RFC 9110 section 5.6.7). There is none for a token whose end was set by hand.
    """
    replaced = record.replaced
    if replaced is None or replaced.at is None:
        return ()
    expires_at = record.expires_at
    until = replaced.valid_until
    return _headers(replaced.at, until if expires_at is None else min(until, expires_at))


@lru_cache(_REMEMBERED)
def _headers(at: int, until: int) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"deprecation", b"@%d" % (at // SECOND)),
        (b"sunset", formatdate(until // SECOND, usegmt=True).encode("ascii")),
    )
