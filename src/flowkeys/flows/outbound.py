"""The way out: an HTTP client that connects only where `endpoints` allows.

A name is resolved once for a connection, each of its addresses is checked, and the connection is made to a
checked address, so that a name cannot answer differently the second time. TLS and ``Host`` still use the
name. Proxies and secrets of the environment are not used, and cookies are not kept.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from flowkeys.flows.endpoints import Address, is_public

Resolve = Callable[[str, int], Awaitable[list[Address]]]
"""Returns the addresses of a host name; raises OSError when it has none."""

_IDLE_SECONDS: Final = 30.0
"""How long a connection that nobody uses is kept."""


class AddressRefusedError(OSError):
    """A name leads to an address that flows may not call."""


async def resolve(host: str, port: int) -> list[Address]:
    """Return the addresses of a host name, as the system resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


class _CheckedResolver(AbstractResolver):
    """Resolves names to public addresses only. One that is not public is enough to refuse the name."""

    def __init__(self, resolve_name: Resolve) -> None:
        self._resolve = resolve_name

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name.

        Raises:
            OSError: it has none, or (`AddressRefusedError`) one that is not public.
        """
        del family
        try:
            addresses = await self._resolve(host, port)
        except ValueError as error:
            raise OSError(None, "the name cannot be resolved") from error
        if not addresses or not all(is_public(address) for address in addresses):
            raise AddressRefusedError(None, "the address is not public")
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,  # noqa: PLR2004
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


def _public_socket(address: tuple[Any, ...]) -> socket.socket:
    """Make the socket of a connection, the last time that its address is looked at: it may be a literal."""
    family, kind, protocol, _, where = address
    if not is_public(ip_address(str(where[0]).partition("%")[0])):
        raise AddressRefusedError(None, "the address is not public")
    return socket.socket(family, kind, protocol)


def open_session(
    context: ssl.SSLContext, *, check: Resolve | None, traces: list[aiohttp.TraceConfig] | None = None
) -> aiohttp.ClientSession:
    """Return a session with a pool of connections of its own; it has to be closed.

    With `check`, names are resolved with it, and connections are made to public addresses only.
    """
    connector = aiohttp.TCPConnector(
        ssl=context,
        limit=0,  # as many as there are runs: a run that waits for another's connection would be a riddle
        keepalive_timeout=_IDLE_SECONDS,
        use_dns_cache=False,
        resolver=aiohttp.ThreadedResolver() if check is None else _CheckedResolver(check),
        socket_factory=None if check is None else _public_socket,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        trace_configs=traces,
    )
