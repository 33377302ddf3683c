"""Who is calling: the address of the client, behind proxies that the operator trusts or without any.

Proxies add to ``X-Forwarded-For`` on the right, so what stands left of the first address that is nobody's
trusted proxy was written by the client and is never believed. ``Forwarded`` (RFC 7239) is not read: with two
headers that may disagree, a client could choose.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import msgspec

from flowkeys.domain.addresses import UNIX, network_from, parse_address

_HEADER: Final = b"x-forwarded-for"
_MOST_HOPS: Final = 32
"""More trusted proxies than that stand behind each other nowhere; what is further left is not looked at."""
_LONGEST: Final = 128
"""Of one entry, in characters. The longest address with brackets, zone and port is shorter."""
_REMEMBERED: Final = 4096

Headers = Iterable[tuple[bytes, bytes]]


class _Hop(msgspec.Struct, frozen=True):
    address: str
    trusted: bool


class TrustedProxies:
    """Tells the address of a client. With no networks, the one that is connected."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        """Trust proxies in `networks` (CIDR, or an address alone); ``unix`` is those on the Unix socket.

        Raises:
            ValueError: one of them is no network; an address with host bits is none.
        """
        listed = list(networks)
        self._networks = tuple(network_from(text) for text in listed if text != UNIX)
        self._believes_socket = UNIX in listed
        self._hop = lru_cache(_REMEMBERED)(self._look_at)

    def client(self, peer: str | None, headers: Headers) -> str | None:
        """Return the address of the client, or None when that of the connection is not known.

        `peer` is who is connected, ``unix`` by the Unix socket; `headers` are (lower-case name, value) pairs
        as ASGI gives them. An entry that is no address ends the search: the client is then the last trusted
        hop, since nothing further left is vouched for. It is not known when that hop is the socket.
        """
        if peer is None:
            return None
        if peer == UNIX:
            return self._told(headers, None) if self._believes_socket else None
        if not self._networks:
            return peer if not peer.startswith("::ffff:") else self._hop_or(peer).address
        last = self._hop_or(peer)
        return self._told(headers, last.address) if last.trusted else last.address

    def trusts(self, peer: str | None) -> bool:
        """Tell whether who is connected is a proxy that is believed."""
        if peer is None:
            return False
        return self._believes_socket if peer == UNIX else self._hop_or(peer).trusted

    def _told(self, headers: Headers, address: str | None) -> str | None:
        """Return whom a trusted hop names, or the last of others like it; `address` is its own."""
        sent = b",".join(value for name, value in headers if name == _HEADER)
        for entry in reversed(sent.rsplit(b",", _MOST_HOPS)[-_MOST_HOPS:]):
            hop = self._hop(entry.strip(b" \t").decode("latin-1")) if len(entry) <= _LONGEST else None
            if hop is None:
                break
            address = hop.address
            if not hop.trusted:
                break
        return address

    def _hop_or(self, peer: str) -> _Hop:
        return self._hop(peer) or _Hop(peer, trusted=False)

    def _look_at(self, entry: str) -> _Hop | None:
        address = _parse(entry)
        if address is None:
            return None
        trusted = any(address.version == network.version and address in network for network in self._networks)
        return _Hop(str(address), trusted)


def _parse(entry: str) -> IPv4Address | IPv6Address | None:
    """Return the address of an entry: bare, with a port, in brackets, with a zone; or None.

    A zone means something on the machine that wrote it only (RFC 4007 section 6), and is left out.
    """
    host = entry
    if entry.startswith("["):
        host, bracket, rest = entry[1:].partition("]")
        if not bracket or ":" not in host or (rest and not _is_port(rest)):
            return None
    elif entry.count(":") == 1:
        host, _, port = entry.partition(":")
        if "." not in host or not _is_port(f":{port}"):
            return None
    return None if "%" in host and ":" not in host else parse_address(host)


def _is_port(text: str) -> bool:
    digits = text[1:]
    return text[0] == ":" and len(digits) <= len("65535") and digits.isascii() and digits.isdigit()
