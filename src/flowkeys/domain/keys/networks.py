"""The networks that a key may be used from: CIDR (RFC 4632, RFC 4291), or an address alone."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Protocol

import msgspec

from flowkeys.domain.addresses import network_from, parse_address

MAX_NETWORKS: Final = 100
"""Of one key."""
MAX_ADDRESS_LENGTH: Final = 100
"""The longest address, with the longest zone that there is, is shorter."""
_REMEMBERED: Final = 4096


class Client(Protocol):
    """Where a call comes from. It is asked only of a call that it matters to."""

    def address(self) -> str | None:
        """Return the client's address as trusted proxies give it, or None when it is not known."""
        ...

    def user_agent(self) -> str | None:
        """Return what the client calls itself (RFC 9110 section 10.1.5), as it was sent; None: nothing."""
        ...


class Visitor(Client, Protocol):
    """A client that may be a page of another site."""

    def origin(self) -> str | None:
        """Return the site of the page that calls (RFC 6454), as its browser says; None: it says nothing."""
        ...


class KnownClient(msgspec.Struct, frozen=True, gc=False):
    """A client whose address was found before, or is what a caller says of it."""

    known: str | None
    agent: str | None = None

    def address(self) -> str | None:
        """Return the address."""
        return self.known

    def user_agent(self) -> str | None:
        """Return what it calls itself, if that is known."""
        return self.agent

    def origin(self) -> str | None:
        """Return None: it is no page."""
        return None


class Networks:
    """Networks in the form in which a call's address is looked for; equal lists share one of these."""

    __slots__ = ("_ranges", "texts")

    def __init__(self, texts: Sequence[str]) -> None:
        """Take what `clean_networks` returned.

        Raises:
            ValueError: one of them is no network.
        """
        self.texts = tuple(texts)
        found = [network_from(text) for text in texts]
        self._ranges = [(each.version, int(each[0]), int(each[-1])) for each in found]

    def include(self, address: str | None) -> bool:
        """Tell whether an address lies in one of them; one that is not known lies in none."""
        found = _number(address)
        if found is None:
            return False
        version, number = found
        return any(version == of and first <= number <= last for of, first, last in self._ranges)


def is_address(text: str) -> bool:
    """Tell whether a text is an address, with a zone or without (RFC 4007)."""
    return len(text) <= MAX_ADDRESS_LENGTH and _number(text) is not None


def clean_networks(texts: Iterable[str]) -> tuple[str, ...]:
    """Return networks as they are stored and shown: canonical, each once, in the order in which they came.

    Raises:
        ValueError: one is no network; the message says which one, and what may be meant.
    """
    return tuple(dict.fromkeys(_clean(text.strip()) for text in texts))


def _clean(text: str) -> str:
    if "%" in text:
        raise ValueError(
            f"{text[:64]!r} has a zone, which means something on one machine only (RFC 4007). Leave out what "
            "begins with the %."
        )
    try:
        network = network_from(text)
    except ValueError:
        raise ValueError(_mistake(text)) from None
    single = network.prefixlen == network.max_prefixlen
    return str(network.network_address if single else network)


def _mistake(text: str) -> str:
    shown = repr(text[:64])
    try:
        meant = network_from(text, strict=False)
    except ValueError:
        known = "Give one such as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32."
        return f"{shown} is no address and no network. {known}"
    return f"{shown} has bits behind its prefix. The network is {meant}; the address alone needs no prefix."


@lru_cache(_REMEMBERED)
def _number(address: str | None) -> tuple[int, int] | None:
    found: IPv4Address | IPv6Address | None = parse_address(address)
    return None if found is None else (found.version, int(found))
