"""Slowing down those who try passwords: in memory, with waits that end.

Each try is counted before its password is looked at, so that many at once get no further than one after the
other. A wait is never longer than its bound and does not grow by tries made while it lasts. A restart forgets
all of it, but where several processes count together (`trying`).

Who fails slows themselves down. An account's failures are counted for each network that they come from, so
that a stranger's do not hold up the account's own person. All strangers together are slowed too, later and
less, since one of them may have many networks; a network from which the person was let in before is none of
theirs, and does not wait for them. What cannot be told apart is not: whoever comes by the same network as the
person, or by the same proxy, shares its wait.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from ipaddress import ip_network
from typing import Final

import msgspec

from flowkeys.domain.addresses import network_of, parse_address
from flowkeys.domain.people.pace import Pace
from flowkeys.domain.times import SECOND

_DOUBLINGS: Final = 32
_REMEMBERED: Final = 20_000
_SHARED: Final = tuple(
    ip_network(text)
    for text in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10",
        "::1/128", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip
"""Of this machine and of networks behind one: a proxy has such an address, and everybody comes by it."""


PER_ACCOUNT: Final = Pace(free=5, first=SECOND, longest=15 * 60 * SECOND, forgotten_after=24 * 3600 * SECOND)
"""For one account from one network."""
STRANGERS: Final = Pace(free=50, first=SECOND, longest=5 * 60 * SECOND, forgotten_after=24 * 3600 * SECOND)
"""For one account from all the networks from which nobody was let in. With any number of them 345 passwords
can be tried in the first day (50, nine during the waits of 1 to 256 seconds, then one in 300 seconds) and 288
in each that follows."""
PER_ADDRESS: Final = Pace(free=50, first=SECOND, longest=30 * SECOND, forgotten_after=3600 * SECOND)
"""For one network, whatever accounts it tries. Laxer: behind it there may be a whole office."""


class _Failures(msgspec.Struct, frozen=True):
    count: int
    last: int


class Throttle:
    """Counts failures by name. The longest unchanged names are forgotten when there are too many."""

    def __init__(self, pace: Pace, remembered: int = _REMEMBERED, *, label: str = "") -> None:
        """`label` is what tells its names from those of others, where processes share them."""
        self._pace = pace
        self._label = label
        self._remembered = remembered
        self._failures: OrderedDict[Hashable, _Failures] = OrderedDict()

    def shared(self, name: Hashable) -> tuple[str, Pace]:
        """Return a name as processes share it, and how fast may be tried under it."""
        parts = name if isinstance(name, tuple) else (name,)
        return "\n".join((self._label, *map(str, parts))), self._pace

    def wait(self, name: Hashable, now: int) -> int:
        """Return for how many microseconds nothing may be tried; 0 when it may."""
        found = self._found(name, now)
        doublings = found.count - self._pace.free
        if doublings < 0:
            return 0
        wait = min(self._pace.first << min(doublings, _DOUBLINGS), self._pace.longest)
        return max(0, found.last + wait - now)

    def count(self, name: Hashable, now: int) -> None:
        """Count a try, as failed until `clear` or `take_back`."""
        found = self._found(name, now)
        self._failures[name] = _Failures(found.count + 1, now)
        self._failures.move_to_end(name)
        if len(self._failures) > self._remembered:
            self._failures.popitem(last=False)

    def take_back(self, name: Hashable) -> None:
        """Uncount one try that did not fail."""
        found = self._failures.get(name)
        if found is not None:
            self._failures[name] = _Failures(max(0, found.count - 1), found.last)

    def clear(self, name: Hashable) -> None:
        """Forget the failures of a name."""
        self._failures.pop(name, None)

    def _found(self, name: Hashable, now: int) -> _Failures:
        found = self._failures.get(name)
        if found is None or now - found.last >= self._pace.forgotten_after:
            return _Failures(0, now)
        return found


class Try(msgspec.Struct, frozen=True):
    """A try that was let in, and under what it counts as failed until it is decided."""

    account: str
    network: str
    counted: tuple[tuple[Throttle, Hashable], ...]

    def shared(self) -> list[tuple[str, Pace]]:
        """Return under what it counts, as processes share it: that of the account in this network first."""
        return [throttle.shared(name) for throttle, name in self.counted]


class SignInThrottle:
    """The throttles of sign-ins: by the account that is tried, there or not, and by who tries."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._own = Throttle(PER_ACCOUNT, remembered, label="account")
        self._strangers = Throttle(STRANGERS, remembered, label="strangers")
        self._networks = Throttle(PER_ADDRESS, remembered, label="network")
        self._remembered = remembered
        self._let_in: OrderedDict[tuple[str, str], None] = OrderedDict()

    def begin(
        self, account: str, address: str | None, now: int, signed_in_from: Iterable[str | None] = ()
    ) -> Try | int:
        """Count a try and return it, or return for how many seconds nothing may be tried.

        `signed_in_from` are the addresses of the account's sign-ins; those from which somebody was let in
        since the start are known here.
        """
        network = network_of(address)
        counted: list[tuple[Throttle, Hashable]] = [(self._own, (account, network))]
        if (account, network) not in self._let_in and network not in map(network_of, signed_in_from):
            counted.append((self._strangers, account))
        if not _is_shared(address):
            counted.append((self._networks, network))
        wait = max(throttle.wait(name, now) for throttle, name in counted)
        if wait:
            return -(-wait // SECOND)
        for throttle, name in counted:
            throttle.count(name, now)
        return Try(account, network, tuple(counted))

    def succeeded(self, attempt: Try) -> None:
        """Forget the account's failures in this network; what others failed there or elsewhere stays."""
        self.undecided(attempt)
        self._know(attempt.account, attempt.network)

    def forgive(self, account: str, address: str | None) -> None:
        """Forget an account's failures in the network from which its holder came another way."""
        self._know(account, network_of(address))

    def undecided(self, attempt: Try) -> None:
        """Take a try back that an outage kept from being decided."""
        for throttle, name in attempt.counted:
            throttle.take_back(name)

    def shared(self, account: str, address: str | None) -> str:
        """Return what an account's failures in a network are called where processes share them."""
        return self._own.shared((account, network_of(address)))[0]

    def _know(self, account: str, network: str) -> None:
        self._own.clear((account, network))
        self._let_in[account, network] = None
        self._let_in.move_to_end((account, network))
        if len(self._let_in) > self._remembered:
            self._let_in.popitem(last=False)


def _is_shared(address: str | None) -> bool:
    """Tell whether everybody may come by this address, or nobody knows whose it is."""
    found = parse_address(address)
    return found is None or any(found in network for network in _SHARED)
