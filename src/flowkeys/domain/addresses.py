"""Under what an address is counted, where failures and refusals are."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

UNIX: Final = "unix"
"""Who is connected by a Unix socket, which has no addresses."""
_NETWORK_BITS: Final = 64
"""Of an IPv6 address; the other half is free to choose for whoever has the network (RFC 4291)."""
_REMEMBERED: Final = 4096


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
