"""The outermost layer: every request gets an id and one log line, and no answer but an error escapes here.

A log line says which route was called, never the path or the query as they were sent: a token in them must
not reach a log.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowkeys.domain.errors import FlowkeysError
from flowkeys.domain.ids import new_id
from flowkeys.domain.keys.bearer import token_in_url
from flowkeys.domain.limits.fields import raw_headers
from flowkeys.domain.usage.usage import CLIENT_GONE as GONE
from flowkeys.domain.usage.usage import OK
from flowkeys.service.ports.usage import CallRecorder
from flowkeys.web.errors import Problem, of_error, problem
from flowkeys.web.predictions.failures import log_failure
from flowkeys.web.refusals import Refusals
from flowkeys.web.requests.address import TrustedProxies
from flowkeys.web.requests.context import KEY, TRACE, RequestContext, context_of
from flowkeys.web.respond import headers_of, send_problem, wants_page

AccessLog = Callable[[dict[str, Any]], None]
"""Writes the line of one request."""
RefusalPage = Callable[[Scope, Receive, Problem], Awaitable[ASGIApp]]
"""Draws what a browser shows of a refusal."""

MAX_HEADERS: Final = 200
MAX_HEADER_BYTES: Final = 64 * 1024
CLIENT_GONE: Final = 499
"""What the log says of a request whose client went away, as nginx does; it is never sent."""

STOPPING: Final = problem("unavailable", "The server is stopping.", headers=[("Retry-After", "1")])

VERIFY: Final = "/api/v1/apikey/verify"
_NO_SNIFFING: Final = (b"x-content-type-options", b"nosniff")
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9\-]{8,64}")


class Gate:
    """ASGI middleware around everything."""

    def __init__(
        self,
        app: ASGIApp,
        proxies: TrustedProxies,
        refusals: Refusals,
        access_log: AccessLog | None,
        calls: CallRecorder,
        page: RefusalPage | None = None,
    ) -> None:
        self._app = app
        self._proxies = proxies
        self._refusals = refusals
        self._access_log = access_log
        self._calls = calls
        self._tally = calls.tally
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        address = self._proxies.client(client[0] if client else None, scope["headers"])
        context = RequestContext(_request_id(scope), address, {}, headers=scope["headers"])
        scope[KEY] = context
        if scope["method"] == "HEAD":  # as GET (RFC 9110 section 9.3.2); the server leaves the body out
            scope = {**scope, "method": "GET"}
        sender = _Sender(send, context)
        try:
            await self._answer(scope, receive, sender)
        finally:
            if context.use is not None:
                self._count(context, sender)
            else:
                self._note(context, sender.status)
            if self._access_log is not None:
                self._access_log(_facts(scope, context, sender.status))

    def _count(self, context: RequestContext, sender: "_Sender") -> None:
        use = context.use
        assert use is not None
        outcome: str = context.facts.get("code") or (GONE if sender.is_gone else OK)
        self._calls.count_run(
            outcome,
            use.record,
            use.workspace_id,
            use.chatflow_id,
            context.started,
            tokens=use.model_tokens,
            sizes=(use.asked_bytes, sender.size),
        )

    def _note(self, context: RequestContext, status: int) -> None:
        """Count for metrics what is no call at a door."""
        code = context.facts.get("code")
        if code is not None and context.route == VERIFY:
            self._tally.denied[code] += 1
        self._tally.request(context.route, status, time.perf_counter() - context.started)

    async def _answer(self, scope: Scope, receive: Receive, sender: "_Sender") -> None:
        try:
            refused = self._refusal(scope)
            if refused is None:
                await self._app(scope, receive, sender)
            elif self._page is not None and wants_page(scope):
                await (await self._page(scope, receive, refused))(scope, receive, sender)
            else:
                await send_problem(scope, sender, refused)
        except asyncio.CancelledError:
            # The server stops and has waited long enough. The answer says so; the task ends with it.
            if sender.status:
                context_of(scope).facts["code"] = STOPPING.code
                raise
            await send_problem(scope, sender, STOPPING)
        except ConnectionError:
            sender.is_gone = True
            sender.status = sender.status or CLIENT_GONE
        except FlowkeysError as error:
            log_failure(error, context_of(scope).request_id)
            if not sender.status:
                await send_problem(scope, sender, of_error(error))
        except Exception:  # noqa: BLE001 - the last resort: the client gets an id and no internals
            request_id = context_of(scope).request_id
            structlog.get_logger("flowkeys").exception("failed", request_id=request_id)
            if not sender.status:
                await send_problem(scope, sender, problem("internal_error"))

    def _refusal(self, scope: Scope) -> Problem | None:
        """Return why a request is refused before anything else looks at it."""
        headers = scope["headers"]
        if len(headers) > MAX_HEADERS or sum(map(_length, headers)) > MAX_HEADER_BYTES:
            return problem("headers_too_large")
        denied = token_in_url(scope.get("raw_path") or scope["path"].encode(), scope["query_string"])
        return None if denied is None else self._refusals.refuse(denied, context_of(scope).address)


class _Sender:
    """Sends on, adds what every answer has to the headers, and remembers the status."""

    __slots__ = ("_context", "_header", "_send", "is_gone", "size", "status")

    def __init__(self, send: Send, context: RequestContext) -> None:
        self._send = send
        self._context = context
        self._header = (b"x-request-id", context.request_id.encode())
        self.status = 0
        self.size = 0
        """Bytes of the body so far."""
        self.is_gone = False
        """The client left."""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), self._header]
            if _NO_SNIFFING not in headers:  # pages have it already
                headers.append(_NO_SNIFFING)
            if self._context.replaced is not None:
                headers += headers_of(self._context.replaced)
            if self._context.taken is not None:
                headers += raw_headers(self._context.taken)
            message["headers"] = headers
        else:
            self.size += len(message.get("body", b""))
        await self._send(message)


def _length(header: tuple[bytes, bytes]) -> int:
    return len(header[0]) + len(header[1])


def _facts(scope: Scope, context: RequestContext, status: int) -> dict[str, Any]:
    return {
        "method": scope["method"],
        "route": context.route or "(no route)",
        "status": status,
        "ms": round((time.perf_counter() - context.started) * 1000, 2),
        "request_id": context.request_id,
        "address": context.address,
        **context.facts,
        **({"trace_id": scope[TRACE]} if TRACE in scope else {}),
    }


def _request_id(scope: Scope) -> str:
    """Return the id that a proxy gave, when it looks like one and not like a token; else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value) and b"fl-" not in value:
            return str(value, "ascii")
    return new_id()
