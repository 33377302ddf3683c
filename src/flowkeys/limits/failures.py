"""The limit on failed credentials by address: GCRA, the leaky bucket as a clock (ITU-T I.371, annex A).

For each address one number is kept: the time at which all its failures so far are paid for, at a steady rate.
A failure is within the limit while that time is no further ahead than a full burst. Failures over the limit
are not counted, so an address that goes on is answered as before at the steady rate, and no wait grows.
"""

from collections import OrderedDict
from typing import Final

from flowkeys.domain.addresses import network_of
from flowkeys.domain.times import SECOND

_REMEMBERED: Final = 20_000


class Failures:
    """Counts failed credentials by IPv4 address and by IPv6 network, in bounded memory.

    When more addresses fail than are remembered, the one whose last counted failure is oldest is forgotten.
    """

    __slots__ = ("_interval", "_paid", "_remembered", "burst", "refused", "window_seconds")

    def __init__(self, per_second: int, burst: int, remembered: int = _REMEMBERED) -> None:
        """Allow `burst` at once and `per_second` steadily; 0 of either is no limit."""
        self._interval = SECOND // per_second if per_second and burst else 0
        self.burst = burst
        self.window_seconds = -(-burst // per_second) if per_second else 0
        self._remembered = remembered
        self._paid: OrderedDict[str, int] = OrderedDict()
        self.refused = 0
        """How many came when there had been too many."""

    def __len__(self) -> int:
        return len(self._paid)

    def failed(self, address: str | None, now: int) -> int:
        """Count a failure and return 0, or return for how many seconds there have been too many.

        `now` is the time of the call, in microseconds. What has no address counts together.
        """
        if not self._interval:
            return 0
        who = network_of(address)
        paid = self._paid.get(who, now)
        if paid > now + self.burst * self._interval:  # the clock was set back
            paid = now
        paid = max(paid, now) + self._interval
        over = paid - now - self.burst * self._interval
        if over > 0:
            self.refused += 1
            return -(-over // SECOND)
        self._paid[who] = paid
        self._paid.move_to_end(who)
        if len(self._paid) > self._remembered:
            self._paid.popitem(last=False)
        return 0
