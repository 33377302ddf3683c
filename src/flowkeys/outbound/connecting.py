"""The way out: connections are made only where `endpoints` allows.

A name is resolved once for a connection, each of its addresses is checked, and the connection is made to a
checked address, so that a name cannot answer differently the second time. TLS and ``Host`` still use the
name. Proxies of the environment are not used.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, ip_address
from typing import Any, Final, TypeVar

from aiohappyeyeballs import start_connection

from flowkeys.outbound.endpoints import Address, is_public


class Closable(asyncio.BaseProtocol):
    """The protocol of a connection that somebody may give up before it is there."""

    __slots__ = ()

    def close(self) -> None:
        """Close at once; a connection that is made later, too."""
        raise NotImplementedError


T = TypeVar("T", bound=Closable)

Resolve = Callable[[str, int], Awaitable[list[Address]]]
"""Returns the addresses of a host name; raises OSError when it has none."""

_NEXT_SECONDS: Final = 0.25
"""How long an address may take before the next is tried beside it (RFC 8305 section 8)."""

_Info = tuple[int, int, int, str, tuple[Any, ...]]
"""An address as ``getaddrinfo`` returns it."""


class AddressRefusedError(OSError):
    """A name leads to an address that may not be called."""


async def resolve(host: str, port: int) -> list[Address]:
    """Return the addresses of a host name, as the system resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


async def connect(
    make: Callable[[], T], host: str, port: int, context: ssl.SSLContext | None, check: Resolve | None
) -> T:
    """Return the protocol of a new connection, over TLS if there is a context.

    With `check`, the name is resolved with it, and one address that is not public is enough to refuse it.

    Raises:
        AddressRefusedError: an address is not public.
        ssl.SSLError: the server could not show that it is the one.
        OSError: the name has no addresses, or none of them answers.
    """
    loop = asyncio.get_running_loop()
    if check is not None:
        addresses: Sequence[_Info] = await _public(host, port, check)
    elif (literal := _literal(host)) is not None:  # asking the system for it takes a thread
        addresses = [_info(literal, port)]
    else:
        addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    opened = await start_connection(
        addresses,
        happy_eyeballs_delay=_NEXT_SECONDS,
        interleave=1,
        socket_factory=None if check is None else _public_socket,
    )
    made: list[T] = []

    def remember() -> T:
        made.append(make())
        return made[0]

    try:
        name = None if context is None else host
        await loop.create_connection(remember, sock=opened, ssl=context, server_hostname=name)
    except BaseException:
        # The event loop has the socket when it has a protocol. Closed under its hands, the number would soon
        # be that of another connection, which it would read from and write to.
        (made[0] if made else opened).close()
        raise
    return made[0]


async def _public(host: str, port: int, check: Resolve) -> list[_Info]:
    try:
        found = await check(host, port)
    except ValueError as error:
        raise OSError(None, "the name cannot be resolved") from error
    if not found or not all(is_public(address) for address in found):
        raise AddressRefusedError(None, "the address is not public")
    return [_info(address, port) for address in found]


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _info(address: Address, port: int) -> _Info:
    kind = socket.SOCK_STREAM, socket.IPPROTO_TCP, ""
    if isinstance(address, IPv4Address):
        return socket.AF_INET, *kind, (str(address), port)
    return socket.AF_INET6, *kind, (str(address), port, 0, 0)


def _public_socket(address: _Info) -> socket.socket:
    """Make the socket of a connection, the last time that its address is looked at."""
    family, kind, protocol, _, where = address
    if not is_public(ip_address(str(where[0]).partition("%")[0])):
        raise AddressRefusedError(None, "the address is not public")
    return socket.socket(family, kind, protocol)
