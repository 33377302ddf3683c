"""The way out: an HTTP client that connects only where `endpoints` allows.

A name is resolved once, each of its addresses is checked, and the connection is made to a checked address,
so that a name cannot answer differently the second time. TLS and ``Host`` still use the name. Redirects are
not followed, proxies of the environment are not used, only the headers listed here leave, and a body is
read up to a limit.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from ipaddress import ip_address
from typing import Any, Final

import httpcore
import httpx

from flowkeys.flows.endpoints import Address, is_public

Resolve = Callable[[str, int], Awaitable[list[Address]]]
"""Returns the addresses of a host name; raises OSError when it has none."""

_HEADERS: Final = frozenset(
    {b"host", b"accept", b"authorization", b"connection"}
    | {b"content-length", b"content-type", b"transfer-encoding", b"user-agent"}
)
_PLAIN: Final = (b"accept-encoding", b"identity")  # a small compressed body can be a very large one


class AddressRefusedError(httpx.ConnectError):
    """A name leads to an address that flows may not call."""


async def resolve(host: str, port: int) -> list[Address]:
    """Return the addresses of a host name, as the system resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only."""

    def __init__(self, resolve_name: Resolve) -> None:
        self._resolve = resolve_name
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolve(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("The name was not resolved in time.") from error
        except (OSError, ValueError) as error:
            raise httpcore.ConnectError("The name cannot be resolved.") from error
        if not addresses or not all(is_public(address) for address in addresses):
            raise _RefusedError
        failure: Exception | None = None
        for address in addresses:
            try:
                return await self._network.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        assert failure is not None
        raise failure


class _RefusedError(httpcore.ConnectError):
    pass


class _Body(httpx.AsyncByteStream):
    """The body of an answer, its errors in httpx's words."""

    def __init__(self, stream: Any, limit: int) -> None:
        self._stream = stream
        self._left = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._stream:
                self._left -= len(part)
                if self._left < 0:
                    raise httpx.RemoteProtocolError("The answer is too long.")
                yield part
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise _translated(error) from error

    async def aclose(self) -> None:
        await self._stream.aclose()


class GuardedTransport(httpx.AsyncBaseTransport):
    """Carries requests over a pool of its own."""

    def __init__(self, context: ssl.SSLContext, *, check: Resolve | None, body_bytes: int) -> None:
        """With `check`, resolve names with it and connect to public addresses only."""
        self._body_bytes = body_bytes
        backend = None if check is None else _CheckedBackend(check)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=30.0,
            network_backend=backend,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return the answer, its body unread."""
        url = request.url
        outgoing = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=[*(pair for pair in request.headers.raw if pair[0].lower() in _HEADERS), _PLAIN],
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            answer = await self._pool.handle_async_request(outgoing)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise _translated(error) from error
        headers = httpx.Headers(answer.headers)
        if headers.get("Content-Encoding", "identity").lower() != "identity":
            await answer.aclose()
            raise httpx.RemoteProtocolError("The answer is compressed, which was not asked for.")
        body = _Body(answer.stream, self._body_bytes)
        return httpx.Response(answer.status, headers=headers, stream=body, extensions=answer.extensions)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


def make_client(
    transport: GuardedTransport, *, key: str | None, connect_seconds: float, read_seconds: float
) -> httpx.AsyncClient:
    """Return a client over a transport that it may share with others.

    It sends `key` and no other, or none: whatever an SDK makes of its environment is replaced.
    """

    async def authorize(request: httpx.Request) -> None:
        request.headers.pop("Authorization", None)
        if key is not None:
            request.headers["Authorization"] = f"Bearer {key}"

    return httpx.AsyncClient(
        transport=transport,
        timeout=httpx.Timeout(read_seconds, connect=connect_seconds),
        event_hooks={"request": [authorize]},
        follow_redirects=False,
        trust_env=False,
    )


def _translated(error: Exception) -> httpx.TransportError:
    if isinstance(error, _RefusedError):
        return AddressRefusedError("The address is not public.")
    if isinstance(error, httpcore.ConnectTimeout):
        return httpx.ConnectTimeout(str(error))
    if isinstance(error, httpcore.TimeoutException):
        return httpx.ReadTimeout(str(error))
    if isinstance(error, httpcore.ConnectError):
        return httpx.ConnectError(str(error))
    return httpx.RemoteProtocolError(str(error))
