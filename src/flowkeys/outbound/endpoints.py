"""Which addresses may be called: public ones, and the base URLs that the operator listed."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

import msgspec

from flowkeys.domain.errors import ConfigurationError

Address = IPv4Address | IPv6Address

_PORTS: Final = {"http": 80, "https": 443}
_LONGEST: Final = 2000
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_ESCAPED = re.compile(r"%(2f|5c)")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")
# Not for the public although the registries do not say so, or not all versions of `ipaddress` know.
_REFUSED: Final = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, and metadata services within it
        "168.63.129.16/32",  # Azure's own services on each machine
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",  # Teredo and other protocols that reach IPv4 or local networks
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)


class Endpoint(msgspec.Struct, frozen=True):
    """A base URL taken apart; two spellings of one URL are equal."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The base URL in its normal spelling, without a slash at the end."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def authority(self) -> str:
        """The host and, unless it is the scheme's own, the port, as ``Host`` has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def covers(self, other: "Endpoint") -> bool:
        """Tell whether `other` is this endpoint or something below it.

        What leads up again once its escaped slashes are read is not: there are servers that read them.
        """
        if (self.scheme, self.host, self.port) != (other.scheme, other.host, other.port):
            return False
        if self.path in {"", other.path}:
            return True
        below = other.path.removeprefix(f"{self.path}/")
        return below != other.path and not _has_dots(_ESCAPED.sub("/", below.lower()))


def read_endpoint(url: str) -> Endpoint | str:
    """Return the endpoint of a base URL, or what is wrong with it in words that do not repeat it."""
    url = url.strip()
    if len(url) > _LONGEST or "\\" in url or any(c.isspace() or not c.isprintable() for c in url):
        return "the base URL is too long, or has characters that do not belong in one."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "the base URL is not a URL."
    if parts.scheme not in _PORTS or not parts.hostname:
        return "the base URL has to begin with http:// or https:// and a host."
    if parts.username is not None or parts.password is not None:
        return "the base URL carries a user name or password."
    if parts.query or parts.fragment:
        return "the base URL carries a query or a fragment."
    if _has_dots(parts.path.lower()):
        return "the base URL has dots for a path."
    host = _host(parts.hostname)
    if host is None:
        return "the base URL's host is no host name and no address in its usual form."
    return Endpoint(
        parts.scheme, host, _PORTS[parts.scheme] if port is None else port, parts.path.rstrip("/")
    )


def _has_dots(path: str) -> bool:
    """Tell whether a path in small letters has parts of dots alone, escaped ones too."""
    return any(part in {".", ".."} for part in path.replace("%2e", ".").split("/"))


def _host(text: str) -> str | None:
    """Return a host in its normal spelling; other ways to write an address (0x7f.1, 127.1) are none."""
    if "%" in text:  # an escaped name, or an interface of this machine
        return None
    if ":" in text:
        try:
            return str(IPv6Address(text))
        except ValueError:
            return None
    try:
        host = text.removesuffix(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    if _NAME.fullmatch(host) is None:
        return None
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        try:
            return str(IPv4Address(host))
        except ValueError:
            return None
    return host


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public internet, whatever form it is written in."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if address in _COMPATIBLE:
            return False
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return not any(address.version == network.version and address in network for network in _REFUSED)


class Endpoints:
    """The operator's list. What is not on it has to be public."""

    def __init__(self, allowed: Iterable[str], what: str = "An allowed endpoint") -> None:
        """Read the list; `what` an entry is called.

        Raises:
            ConfigurationError: an entry is not a base URL.
        """
        self._listed = tuple(operators_endpoint(url, what) for url in allowed)

    def lists(self, endpoint: Endpoint) -> bool:
        """Tell whether the operator listed the endpoint or something above it."""
        return any(listed.covers(endpoint) for listed in self._listed)

    def check(self, url: str) -> tuple[str, str | None]:
        """Return a base URL in its normal spelling, and why it can never be called, if it cannot."""
        endpoint = read_endpoint(url)
        if isinstance(endpoint, str):
            return "", f"{endpoint[0].upper()}{endpoint[1:]}"
        refusal = self.refusal(endpoint)
        return endpoint.url, None if refusal is None else f"The address {refusal}"

    def refusal(self, endpoint: Endpoint) -> str | None:
        """Return why an endpoint can never be called, as far as that shows without a look-up."""
        if self.lists(endpoint):
            return None
        try:
            public = is_public(ip_address(endpoint.host))
        except ValueError:
            public = endpoint.host != "localhost" and not endpoint.host.endswith(".localhost")
        if public:
            return None
        return f"{endpoint.url} is not a public address, and the operator has not listed it."


def operators_endpoint(url: str, what: str) -> Endpoint:
    """Return the endpoint of a base URL from the configuration.

    Raises:
        ConfigurationError: it is not one.
    """
    endpoint = read_endpoint(url)
    if isinstance(endpoint, str):
        raise ConfigurationError(f"{what} cannot be used: {endpoint}")
    return endpoint
