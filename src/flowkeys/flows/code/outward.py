"""Calls that code makes: each address passes the guard, and credentials stay with their origin."""

import asyncio
import re
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urljoin, urlsplit

from flowkeys.domain.errors import RunLimitExceeded
from flowkeys.domain.version import VERSION
from flowkeys.flows.code.opened import Opened, broken, header_of
from flowkeys.flows.code.wire import Answer, CallRefused, Request
from flowkeys.flows.settings import FlowSettings
from flowkeys.outbound import tls
from flowkeys.outbound.connecting import AddressRefusedError
from flowkeys.outbound.endpoints import Endpoint, Endpoints, read_endpoint
from flowkeys.outbound.http import charset
from flowkeys.outbound.http.connection import Connection
from flowkeys.outbound.http.pool import Origin, Pool

if TYPE_CHECKING:
    from flowkeys.flows.limits import Limits
    from flowkeys.outbound.connecting import Resolve

_REDIRECTS: Final = 10
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_AS_GET: Final = frozenset({301, 302, 303})
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_OURS: Final = frozenset(
    {
        *("accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "te", "trailer"),
        *("proxy-authorization", "proxy-connection", "transfer-encoding", "upgrade"),
    }
)
"""Headers that are about the connection: code does not set them."""
_OF_ORIGIN: Final = frozenset({"authorization", "cookie"})
_NONE: Final[Mapping[str, str]] = {}
_IN_PATH: Final = "/!$&'()*+,;=:@%~[]"
_IN_QUERY: Final = _IN_PATH + "?"


class OutwardCalls:
    """Makes the calls of code; its connections are kept and closed with the engine."""

    def __init__(
        self, settings: FlowSettings, resolve: "Resolve | None" = None, *, only: Endpoints | None = None
    ) -> None:
        """Read the operator's list; with `only`, nothing but what is on that is called, public or not.

        Raises:
            ConfigurationError: an entry is not a base URL.
        """
        self._settings = settings
        self._resolve = resolve
        self._endpoints = Endpoints(settings.allowed_endpoints) if only is None else only
        self._is_closed = only is not None
        self._pools: tuple[Pool, Pool] | None = None
        self._opening = asyncio.Lock()

    def of_run(self, limits: "Limits") -> "CallsOfCode":
        """Return what makes the calls of one run of code, as many as it and the chatflow's run may make."""
        return CallsOfCode(self, self._settings.code_calls, limits)

    async def aclose(self) -> None:
        """Close all connections."""
        opened, self._pools = self._pools, None
        for pool in opened or ():
            await pool.aclose()

    async def fetch(
        self,
        request: Request,
        limits: "Limits",
        secret: Mapping[str, str] = _NONE,
        own: Endpoint | None = None,
    ) -> tuple[Answer, bytes]:
        """Make a call of a run, go where its answer leads if it is to, and return that and its body's bytes.

        The headers of `secret` are sent along, to the endpoint `own` and what is below it; others that may
        carry something secret stay with the origin that was called.

        Raises:
            CallRefused: it is not made, or there is no answer, or not all of it in time.
            RunLimitExceeded: the run may call out no more.
        """
        limits.take_call()
        seconds = self._settings.whole_answer_timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._fetch(request, secret, own)
        except TimeoutError:
            raise CallRefused(f"the whole answer is not there after {seconds:g} seconds.") from None

    async def _fetch(
        self, request: Request, secret: Mapping[str, str], own: Endpoint | None
    ) -> tuple[Answer, bytes]:
        connection, url, turns = await self._reach(request, secret, own)
        opened = self._opened(connection)
        try:
            content = b"" if request.method == "HEAD" else await opened.rest()
        finally:
            opened.leave()
        answer = Answer(
            run=request.run,
            id=request.id,
            status=connection.status,
            reason=_reason(connection.status),
            headers=tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in connection.headers),
            body=_text(connection, content),
            url=url,
            redirected=turns > 0,
        )
        return answer, content

    async def open(
        self, request: Request, secret: Mapping[str, str] = _NONE, own: Endpoint | None = None
    ) -> Opened:
        """Make a call as `fetch` does, and return its answer, which is read as it comes, in whatever time.

        Raises:
            CallRefused: it is not made, or there is no answer.
        """
        connection, _, _ = await self._reach(request, secret, own)
        return self._opened(connection)

    def _opened(self, connection: Connection) -> Opened:
        return Opened(connection, self._settings.model_timeout_seconds)

    async def _reach(
        self, request: Request, secret: Mapping[str, str], own: Endpoint | None
    ) -> tuple[Connection, str, int]:
        """Return the connection with the head of the last answer, its URL, and how often it was led on."""
        method, url, body = request.method, request.url, request.body
        if not _may_be_sent(secret):
            raise CallRefused("what its credential holds cannot be sent as a header.")
        headers = {**_checked(request.headers), **_checked(secret)}
        if method not in _METHODS:
            raise CallRefused(f"{method[:20]!r} is no method that can be used.")
        for turn in range(_REDIRECTS + 1):
            endpoint = self._endpoint(url)
            connection = await self._send(endpoint, method, url, headers, body)
            target, status = header_of(connection, b"location"), connection.status
            if not request.redirect or status not in _MOVED or not target:
                return connection, url, turn
            connection.leave(is_enough=False)
            url = urljoin(url, target)
            if (status in _AS_GET and method != "HEAD") and method != "GET":
                method, body = "GET", None
            there = self._endpoint(url)
            if (there.scheme, there.host, there.port) != (endpoint.scheme, endpoint.host, endpoint.port):
                headers = {n: v for n, v in headers.items() if n not in _OF_ORIGIN and n not in secret}
            elif own is not None and not own.covers(there):
                headers = {name: value for name, value in headers.items() if name not in secret}
        raise CallRefused(f"it was redirected more than {_REDIRECTS} times.")

    def _endpoint(self, url: str) -> Endpoint:
        endpoint = read_endpoint(re.split(r"[?#]", url, maxsplit=1)[0])
        if isinstance(endpoint, str):
            raise CallRefused(endpoint.replace("the base URL", "the address"))
        if self._is_closed and not self._endpoints.lists(endpoint):
            raise CallRefused(f"{endpoint.url} is not listed by this server's operator.")
        refusal = self._endpoints.refusal(endpoint)
        if refusal is not None:
            raise CallRefused("Access to this host is denied by policy: it is not public, and not listed.")
        return endpoint

    async def _send(
        self, endpoint: Endpoint, method: str, url: str, headers: dict[str, str], body: str | None
    ) -> Connection:
        parts = urlsplit(url)
        path = quote(parts.path or "/", safe=_IN_PATH)
        if parts.query:
            path += f"?{quote(parts.query, safe=_IN_QUERY)}"
        content = None if body is None or method in {"GET", "HEAD"} else body.encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: {endpoint.authority}", "Accept-Encoding: identity"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if "user-agent" not in headers:
            lines.append(f"User-Agent: flowkeys/{VERSION}")
        if content is not None or method in {"POST", "PUT", "PATCH"}:
            lines.append(f"Content-Length: {len(content or b'')}")
        request = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + (content or b"")
        public, trusted = await self._ways()
        pool = trusted if self._endpoints.lists(endpoint) else public
        origin = Origin(endpoint.host, endpoint.port, endpoint.scheme == "https")
        seconds = self._settings.connect_timeout_seconds
        try:
            # A new connection each time: what was kept may close as it is used, and not every call may be
            # made twice.
            connection = await pool.open(origin, seconds)
        except AddressRefusedError as error:
            raise CallRefused("Access to this host is denied by policy: it is not public.") from error
        except TimeoutError as error:
            raise CallRefused(f"connect ETIMEDOUT {endpoint.authority}") from error
        except ssl.SSLError as error:
            raise CallRefused(
                f"{endpoint.host} could not show by its certificate that it is that."
            ) from error
        except ConnectionRefusedError as error:
            raise CallRefused(f"connect ECONNREFUSED {endpoint.host}:{endpoint.port}") from error
        except OSError as error:
            raise CallRefused(f"{endpoint.authority} cannot be reached.") from error
        try:
            connection.send(request)
            await connection.head(self._settings.model_timeout_seconds)
        except BaseException as error:
            connection.close()
            raise broken(endpoint.authority, error) from error
        return connection

    async def _ways(self) -> tuple[Pool, Pool]:
        async with self._opening:
            if self._pools is None:
                try:
                    context = await asyncio.to_thread(tls.context)
                except (OSError, ssl.SSLError) as error:
                    raise CallRefused(
                        "this server cannot read the certificates by which it knows others."
                    ) from (error)
                from flowkeys.outbound.connecting import resolve

                self._pools = Pool(context, self._resolve or resolve), Pool(context, None)
            return self._pools


class CallsOfCode:
    """Makes the calls of one run of code."""

    def __init__(self, calls: OutwardCalls, most: int, limits: "Limits") -> None:
        self._calls = calls
        self._most = self._left = most
        self._limits = limits
        self._exceeded: RunLimitExceeded | None = None

    async def call(self, request: Request) -> Answer:
        """Make a call, or say to the code why not."""
        self._left -= 1
        why = f"it calls out more often than the {self._most} times allowed."
        if self._left >= 0:
            try:
                return (await self._calls.fetch(request, self._limits))[0]
            except CallRefused as refused:
                why = str(refused)
            except RunLimitExceeded as error:
                self._exceeded = error
                why = str(error)
        return Answer(run=request.run, id=request.id, error=why)

    def check(self) -> None:
        """End the chatflow's run if it may call out no more, whatever the code made of that.

        Raises:
            RunLimitExceeded: so it is.
        """
        if self._exceeded is not None:
            raise self._exceeded


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _may_be_sent({name: value}):
            raise CallRefused(f"the header {name[:100]!r} cannot be sent.")
    return {name.lower(): value for name, value in headers.items() if name.lower() not in _OURS}


def _may_be_sent(headers: Mapping[str, str]) -> bool:
    return all(
        _NAME.fullmatch(name) is not None and not any(ord(sign) < 32 and sign != "\t" for sign in value)  # noqa: PLR2004
        for name, value in headers.items()
    )


def _text(connection: Connection, content: bytes) -> str:
    try:
        return content.decode(
            charset.said(header_of(connection, b"content-type")) or charset.USUAL, "replace"
        )
    except (LookupError, UnicodeError):
        return content.decode(charset.USUAL, "replace")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
