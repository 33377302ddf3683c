"""Under what an address is counted, where failures and refusals are."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

UNIX: Final = "unix"
"""Who is connected by a Unix socket, which has no addresses."""
_NETWORK_BITS: Final = 64
"""Of an IPv6 address; the other half is free to choose for whoever has the network (RFC 4291)."""
_REMEMBERED: Final = 4096
_MAPPED_BITS: Final = 96
"""Of an IPv6 address that stands for an IPv4 one, ``::ffff:0:0/96`` (RFC 4291 section 2.5.5.2)."""
_MAPPED: Final = IPv6Network("::ffff:0:0/96")


@lru_cache(_REMEMBERED)
def network_of(address: str | None) -> str:
    """Return under what an address is counted: itself, or its network of 64 bits when it is IPv6.

    What is no address, or not known, is counted together: "".
    """
    found = parse_address(address)
    if found is None:
        return ""
    return str(ip_network((found, _NETWORK_BITS), strict=False) if isinstance(found, IPv6Address) else found)


def parse_address(address: str | None) -> IPv4Address | IPv6Address | None:
    """Return the address without its zone, an IPv4-mapped one as IPv4; or None when it is none."""
    try:
        found = ip_address((address or "").partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def network_from(text: str, *, strict: bool = True) -> IPv4Network | IPv6Network:
    """Return a network, one of IPv4-mapped addresses as the IPv4 network that it stands for.

    Raises:
        ValueError: it is no network; an address with bits behind its prefix is none, if `strict`.
    """
    network = ip_network(text, strict=strict)
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        mapped = network.network_address.ipv4_mapped
        return IPv4Network((int(mapped or 0), network.prefixlen - _MAPPED_BITS))
    return network
