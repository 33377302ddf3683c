"""What the hot routes answer: bytes that are made once for all requests, and the few that differ."""

import os
import re
from functools import lru_cache
from http import HTTPStatus
from itertools import count
from typing import Final

import msgspec

from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.limits.fields import lines_of
from flowkeys.domain.limits.gcra import Passed, Taken
from flowkeys.web.errors import CONTENT_TYPE, Problem
from flowkeys.web.respond import headers_of

RawHeader = tuple[bytes, bytes]

NO_STORE: Final = (b"cache-control", b"no-store")
JSON: Final = (b"content-type", b"application/json")
_PROBLEM: Final = (b"content-type", CONTENT_TYPE.encode())
_NO_SNIFFING: Final = (b"x-content-type-options", b"nosniff")
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9\-]{8,64}")
_MARK: Final = "request-id-goes-here"
_OWN_IDS: Final = os.urandom(8).hex().encode() + b"-%x"
_numbers: Final = count(1)
_EMPTY: Final = b"content-length: 0\r\nx-request-id: "
_LAST: Final = b"\r\nconnection: close\r\n\r\n"
_NOBODY: Final = (
    *((b"x-auth-key-id", b""), (b"x-auth-key-name", b"")),
    *((b"x-auth-workspace-id", b""), (b"x-auth-customer-id", b"")),
)


class Form(msgspec.Struct, frozen=True, eq=False):
    """A status and the headers that all answers of one kind share."""

    status: int
    headers: tuple[RawHeader, ...]
    status_line: bytes
    block: bytes
    """The headers as they are written, each with its line end."""


class Reply(msgspec.Struct, frozen=True, gc=False):
    """One whole answer."""

    form: Form
    request_id: bytes
    body: bytes
    more: bytes = b""
    """Headers of this answer alone, as they are written, each with its line end."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.form.status

    @property
    def headers(self) -> tuple[RawHeader, ...]:
        """Every header but those that belong to the connection."""
        length = (b"content-length", b"%d" % len(self.body))
        more = [_pair(line) for line in self.more.splitlines()]
        return (length, *self.form.headers, *more, (b"x-request-id", self.request_id))

    def wire(self, server: bytes, *, close: bool, with_body: bool) -> bytes:
        """Return the answer as it is sent (RFC 9112); `server` holds the headers of the connection's own."""
        form = self.form
        body = self.body
        return b"".join(
            (
                form.status_line,
                server,
                form.block,
                self.more,
                b"content-length: %d\r\nx-request-id: " % len(body) if body else _EMPTY,
                self.request_id,
                _LAST if close else b"\r\n\r\n",
                body if with_body else b"",
            )
        )


def form(status: int, *headers: RawHeader) -> Form:
    """Return the form of answers with these headers."""
    every = (*headers, _NO_SNIFFING)
    line = b"HTTP/1.1 %d %b\r\n" % (status, HTTPStatus(status).phrase.encode())
    return Form(status, every, line, b"".join(b"%b: %b\r\n" % header for header in every))


def with_headers(given: Form, headers: tuple[RawHeader, ...]) -> Form:
    """Return a form with more headers."""
    block = b"".join(b"%b: %b\r\n" % header for header in headers)
    return Form(given.status, (*given.headers, *headers), given.status_line, given.block + block)


def to_replaced(reply: Reply, record: KeyRecord) -> Reply:
    """Return the answer to a call with a token that was replaced: it says so."""
    headers = headers_of(record)
    if not headers:
        return reply
    return Reply(with_headers(reply.form, headers), reply.request_id, reply.body, reply.more)


def to_limited(reply: Reply, taken: Taken | Passed) -> Reply:
    """Return the answer to a call that limits apply to: it says what is left of them."""
    return Reply(reply.form, reply.request_id, reply.body, reply.more + lines_of(taken))


def _pair(line: bytes) -> RawHeader:
    name, _, value = line.partition(b": ")
    return name, value


def plausible_id(given: bytes) -> bool:
    """Tell whether what a proxy sent looks like a request's id, and not like a token."""
    return _REQUEST_ID.fullmatch(given) is not None and b"fl-" not in given


def new_request_id() -> bytes:
    """Return an id that no other request has: random for the process, counted within it."""
    return _OWN_IDS % next(_numbers)


def of_problem(problem: Problem, request_id: bytes, *more: RawHeader) -> Reply:
    """Return the answer that says a problem, field errors included, with `more` headers."""
    kind = (b"content-type", problem.content_type.encode())
    made = form(problem.status, kind, NO_STORE, *problem.raw_headers, *more)
    return Reply(made, request_id, problem.body(request_id.decode("ascii")))


class Refusal(msgspec.Struct, frozen=True, eq=False):
    """A problem, ready but for the request's id."""

    form: Form
    before: bytes
    after: bytes

    def reply(self, request_id: bytes) -> Reply:
        """Return the answer to one request."""
        return Reply(self.form, request_id, b"%b%b%b" % (self.before, request_id, self.after))


def refusal(problem: Problem, *, identity: bool = False, nginx: bool = False) -> Refusal:
    """Return the refusal of a problem without field errors.

    With `identity` the identity headers are sent empty, since a proxy copies what it is given (Caddy 2.6 even
    what it is not); `nginx` is for a proxy that knows only 401 and 403.
    """
    return _refusal(problem.code, problem.detail, problem.headers, identity, nginx)


@lru_cache(maxsize=1024)
def _refusal(
    code: str, detail: str, headers: tuple[tuple[str, str], ...], identity: bool, nginx: bool
) -> Refusal:
    problem = Problem(code, detail, headers=headers)
    own = problem.raw_headers
    status = problem.status
    if identity:
        own += _NOBODY
    if nginx:
        own += [(b"x-auth-status", b"%d" % status), (b"x-auth-code", code.encode())]
        own += [(b"x-auth-retry-after", value) for name, value in own if name == b"retry-after"]
        status = {400: 401, 401: 401}.get(status, 403)
    before, _, after = problem.body(_MARK).partition(_MARK.encode())
    return Refusal(form(status, _PROBLEM, NO_STORE, *own), before, after)
