"""Slowing down those who try passwords: in memory, with waits that end.

Each try is counted before its password is looked at, so that many at once get no further than one after the
other. A wait is never longer than its bound and does not grow by tries made while it lasts: somebody else's
failures cannot lock a person out for good. A restart forgets all of it.
"""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

import msgspec

from flowkeys.domain.times import SECOND

_NETWORK_BITS: Final = 64
"""Of an IPv6 address; the other half is free to choose for whoever has the network (RFC 4291)."""
_DOUBLINGS: Final = 32
_REMEMBERED: Final = 20_000


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast may be tried. Times are microseconds."""

    free: int
    """Failures without a wait."""
    first: int
    """The wait after so many failures; each further failure doubles it."""
    longest: int
    forgotten_after: int
    """So long after the last failure the count starts anew."""


PER_ACCOUNT: Final = Pace(free=5, first=SECOND, longest=15 * 60 * SECOND, forgotten_after=24 * 3600 * SECOND)
PER_ADDRESS: Final = Pace(free=50, first=SECOND, longest=30 * SECOND, forgotten_after=3600 * SECOND)
"""Laxer: behind one address there may be a whole office, or a proxy with everybody behind it."""


class _Failures(msgspec.Struct, frozen=True):
    count: int
    last: int


class Throttle:
    """Counts failures by name. The longest unchanged names are forgotten when there are too many."""

    def __init__(self, pace: Pace, remembered: int = _REMEMBERED) -> None:
        self._pace = pace
        self._remembered = remembered
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait(self, name: str, now: int) -> int:
        """Return for how many microseconds nothing may be tried; 0 when it may."""
        found = self._found(name, now)
        doublings = found.count - self._pace.free
        if doublings < 0:
            return 0
        wait = min(self._pace.first << min(doublings, _DOUBLINGS), self._pace.longest)
        return max(0, found.last + wait - now)

    def count(self, name: str, now: int) -> None:
        """Count a try, as failed until `clear` or `take_back`."""
        found = self._found(name, now)
        self._failures[name] = _Failures(found.count + 1, now)
        self._failures.move_to_end(name)
        if len(self._failures) > self._remembered:
            self._failures.popitem(last=False)

    def take_back(self, name: str) -> None:
        """Uncount one try that did not fail."""
        found = self._failures.get(name)
        if found is not None:
            self._failures[name] = _Failures(max(0, found.count - 1), found.last)

    def clear(self, name: str) -> None:
        """Forget the failures of a name."""
        self._failures.pop(name, None)

    def _found(self, name: str, now: int) -> _Failures:
        found = self._failures.get(name)
        if found is None or now - found.last >= self._pace.forgotten_after:
            return _Failures(0, now)
        return found


class SignInThrottle:
    """Both throttles of sign-ins: by the account that is tried, there or not, and by who tries."""

    def __init__(self) -> None:
        self._accounts = Throttle(PER_ACCOUNT)
        self._networks = Throttle(PER_ADDRESS)

    def begin(self, account: str, address: str | None, now: int) -> int:
        """Return 0 and count a try, or return for how many seconds nothing may be tried."""
        network = network_of(address)
        wait = max(self._accounts.wait(account, now), self._networks.wait(network, now))
        if wait:
            return -(-wait // SECOND)
        self._accounts.count(account, now)
        self._networks.count(network, now)
        return 0

    def succeeded(self, account: str, address: str | None) -> None:
        """Forget the account's failures; the address keeps its other ones."""
        self._accounts.clear(account)
        self._networks.take_back(network_of(address))

    def forgive(self, account: str) -> None:
        """Forget the failures of an account whose holder came another way."""
        self._accounts.clear(account)

    def undecided(self, account: str, address: str | None) -> None:
        """Take a try back that an outage kept from being decided."""
        self._accounts.take_back(account)
        self._networks.take_back(network_of(address))


def network_of(address: str | None) -> str:
    """Return under what an address is counted: itself, or its network of 64 bits when it is IPv6."""
    try:
        found = ip_address((address or "").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ip_network((found, _NETWORK_BITS), strict=False))
    return str(found)
