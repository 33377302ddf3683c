"""Which proxy leads to a server, by the variables that programs agree on (``HTTP_PROXY``, ``NO_PROXY``…).

Read here rather than by the HTTP client, which stops at a form of ``NO_PROXY`` that others know, names no
variable when a value is no use, and sends calls for this very machine to the proxy.
"""

import os
import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

import msgspec

_PORTS: Final = {"http": 80, "https": 443}
_SEPARATORS: Final = re.compile(r"[\s,]+")

Address = IPv4Address | IPv6Address


class Proxy(msgspec.Struct, frozen=True):
    """A proxy, and what names it. Its ``repr`` shows no address, which may hold a password."""

    url: str
    named_by: str
    """The variable, as it is spelt in the environment; or, on Windows and macOS, the system's settings."""

    def __repr__(self) -> str:
        return f"Proxy({self.named_by!r})"


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy that the environment names for `url`, or None where calls go straight there.

    None for a server on this machine too, whatever is set: its loopback address is another one to a proxy.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if _is_this_machine(host):
        return None
    by_environment = getproxies_environment()
    found = by_environment or getproxies()
    scheme = parts.scheme if found.get(parts.scheme) else "all"
    value = found.get(scheme)
    if not value:
        return None
    if by_environment:
        if is_excluded(host, parts.port or _PORTS[parts.scheme], by_environment.get("no", "")):
            return None
    elif proxy_bypass(host):
        return None
    return Proxy(value if "://" in value else f"http://{value}", _name(scheme, os.environ))


def is_excluded(host: str, port: int, no_proxy: str) -> bool:
    """Tell whether a value of ``NO_PROXY`` names a host: itself, a domain above it, or a network it is in.

    Entries are separated by commas or blanks. ``*`` is every host; a port, where an entry has one, has to be
    the port. What cannot be read names nothing, as with other programs.
    """
    address = _address(host)
    return any(
        _names(entry, host.lower(), address, port) for entry in _SEPARATORS.split(no_proxy.lower()) if entry
    )


def _names(entry: str, host: str, address: Address | None, port: int) -> bool:
    entry = entry.partition("://")[2] or entry
    if entry == "*":
        return True
    if "/" in entry.rstrip("/"):
        return address is not None and _is_in(address, entry.replace("[", "").replace("]", ""))
    name, only_port = _split(entry.rstrip("/"))
    if only_port and only_port != str(port):
        return False
    if address is not None:
        return _address(name) == address
    domain = name.removeprefix("*").strip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _split(entry: str) -> tuple[str, str]:
    """Return the host of an entry and its port, if it has one; IPv6 with brackets or without."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, rest.removeprefix(":")
    if entry.count(":") == 1:
        name, _, only_port = entry.partition(":")
        return name, only_port
    return entry, ""


def _is_in(address: Address, network: str) -> bool:
    try:
        return address in ip_network(network, strict=False)
    except ValueError:
        return False


def _is_this_machine(host: str) -> bool:
    address = _address(host)
    if address is not None:
        return address.is_loopback or address.is_unspecified
    return host.lower() == "localhost" or host.lower().endswith(".localhost")  # RFC 6761, section 6.3


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _name(scheme: str, environ: Mapping[str, str]) -> str:
    """Return the variable that names the proxy, as it is spelt; of two, the lower-case one counts."""
    wanted = f"{scheme}_proxy"
    if environ.get(wanted):
        return wanted
    spelt = [name for name, value in environ.items() if name.lower() == wanted and value]
    return spelt[-1] if spelt else "the system's settings"
