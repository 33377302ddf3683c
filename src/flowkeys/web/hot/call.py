"""A request as the hot routes see it, and how they refuse one."""

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
import structlog

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.bearer import MISSING, parse_authorization, read_credential
from flowkeys.domain.keys.decision import Denied
from flowkeys.domain.keys.header import KeyHeader
from flowkeys.service.ports.usage import CallRecorder
from flowkeys.web.errors import Problem, of_error, problem
from flowkeys.web.gate import MAX_HEADER_BYTES, MAX_HEADERS, AccessLog
from flowkeys.web.hot.reply import (
    RawHeader,
    Reply,
    new_request_id,
    of_problem,
    plausible_id,
    refusal,
    to_replaced,
)
from flowkeys.web.refusals import Refusals
from flowkeys.web.requests.address import TrustedProxies
from flowkeys.web.requests.context import origin, user_agent

_TOO_LARGE: Final = problem("headers_too_large")
Then = Callable[[Reply | None], None]
"""Is called with an answer, or with None when it has to be awaited."""


class Call(msgspec.Struct, gc=False):
    """One request, as it came. `request_id` and `credential` are set by `read_head`."""

    method: bytes
    target: bytes
    headers: list[RawHeader]
    """Pairs of a lower-case name and a value."""
    peer: str | None
    """Who is connected."""
    proxies: TrustedProxies
    """Who is believed about clients."""
    body: bytes = b""
    is_short: bool = False
    """Whether it is known that the headers are not too large."""
    request_id: bytes = b""
    credential: bytes | Denied | Problem | None = None
    asked_bytes: int = 0
    """How long its question was, once that was read."""
    started: float = msgspec.field(default_factory=time.perf_counter)

    def address(self) -> str | None:
        """Return the address of the client, or None when it is not known."""
        return self.proxies.client(self.peer, self.headers)

    def user_agent(self) -> str | None:
        """Return what the client calls itself, or None."""
        return user_agent(self.headers)

    def origin(self) -> str | None:
        """Return the site of the page that calls, or None."""
        return origin(self.headers)


def read_head(call: Call, key_header: KeyHeader | None = None) -> bytes | Denied | Problem:
    """Return what is presented as a token, or why nothing is: in one pass over the headers.

    With a `key_header` it is presented there.
    """
    if call.credential is not None:
        return call.credential
    authorization: bytes | None = None
    twice = False
    own: bytes | None = None
    for name, value in call.headers:
        if name == b"authorization":
            twice = authorization is not None
            authorization = value
        elif name == b"x-request-id" and own is None and plausible_id(value):
            own = value
    call.request_id = own or new_request_id()
    found: bytes | Denied | Problem
    if len(call.headers) > MAX_HEADERS or not (call.is_short or _are_short(call.headers)):
        found = _TOO_LARGE
    elif key_header is not None:
        found = key_header.read(call.headers)
    elif authorization is None:
        found = MISSING
    else:
        found = read_credential(call.headers) if twice else parse_authorization(authorization)
    call.credential = found
    return found


def _are_short(headers: list[RawHeader]) -> bool:
    return sum(len(name) + len(value) for name, value in headers) <= MAX_HEADER_BYTES


class Refuser:
    """Refuses calls, and writes the line of each to the access log, and of others that are answered here."""

    __slots__ = ("_access_log", "_refusals", "calls", "proxies", "tally")

    def __init__(
        self, proxies: TrustedProxies, refusals: Refusals, access_log: AccessLog | None, calls: CallRecorder
    ) -> None:
        self.proxies = proxies
        self.calls = calls
        self.tally = calls.tally
        self._refusals = refusals
        self._access_log = access_log

    def refuse(
        self,
        call: Call,
        route: str,
        why: Denied | Problem,
        *,
        identity: bool = False,
        nginx: bool = False,
        door: str | None = None,
        chatflow_id: str | None = None,
        headers: Iterable[RawHeader] = (),
    ) -> Reply:
        """Return the refusal of a call; `identity` and `nginx` are those of `reply.refusal`.

        One at a `door` is counted, for the chatflow that it called if its key opens that; one without asked
        verify.
        """
        address = call.address()
        found = self._refusals.refuse(why, address) if isinstance(why, Denied) else why
        if found.text is None:
            reply = refusal(found, identity=identity, nginx=nginx).reply(call.request_id)
        else:
            reply = of_problem(found, call.request_id, *headers)
        if isinstance(why, Denied) and why.record is not None and why.record.replaced is not None:
            reply = to_replaced(reply, why.record)
        if door is not None:
            record = why.record if isinstance(why, Denied) else None
            opens = record is not None and chatflow_id in record.chatflow_ids
            called = chatflow_id if opens and chatflow_id is not None else ""
            self.calls.count(door, found.code, record, called, call.started)
        else:
            self.tally.denied[found.code] += 1
        if self._access_log is not None:
            facts = {"code": found.code}
            if isinstance(why, Denied) and why.record is not None:
                facts["key_id"] = why.record.key_id
            self._log(call, route, reply.status, address, facts)
        return reply

    def note(self, call: Call, route: str, status: int, facts: dict[str, Any]) -> None:
        """Write the line of a call that was not refused; `facts` are what the route says of it."""
        if self._access_log is not None:
            self._log(call, route, status, call.address(), facts)

    def _log(self, call: Call, route: str, status: int, address: str | None, facts: dict[str, Any]) -> None:
        assert self._access_log is not None
        self._access_log(
            {
                "method": call.method.decode("ascii"),
                "route": route,
                "status": status,
                "ms": round((time.perf_counter() - call.started) * 1000, 2),
                "request_id": call.request_id.decode("ascii"),
                "address": address,
                **facts,
            }
        )


def of_failure(error: Exception, call: Call) -> Problem:
    """Return the problem of what a hot route raised, and log its cause: an outage, or a mistake of ours."""
    log = structlog.get_logger("flowkeys")
    request_id = call.request_id.decode("ascii")
    if isinstance(error, Unavailable):
        cause = repr(error.__cause__) if error.__cause__ is not None else None
        if not error.is_known:
            log.error("unavailable", detail=str(error), cause=cause, request_id=request_id)
        return of_error(error)
    log.error("failed", exc_info=error, request_id=request_id)
    return problem("internal_error")
