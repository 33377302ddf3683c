"""Failed credentials, by address, that several processes count together.

A failure is decided at once by what this process knows, then told to Valkey, which says what all counted.
So the processes together let no more pass than one would, but for what is on its way.
"""

import asyncio
from typing import Final

from flowkeys.domain.addresses import network_of
from flowkeys.limits.failures import Failures
from flowkeys.limits.shared.away import Away
from flowkeys.limits.shared.unreadable import unreadable
from flowkeys.limits.shared.valkey import Script, Valkey

_FAILED: Final = Script("failed.lua")
_AT_ONCE: Final = 1000
"""So many are on their way at most; what comes then is counted by this process alone."""


class SharedFailures(Failures):
    """Implements `FailureLimit`."""

    __slots__ = ("_sent", "_valkey")

    def __init__(self, per_second: int, burst: int, valkey: Valkey) -> None:
        """Allow as `Failures` does, in all processes together."""
        super().__init__(per_second, burst)
        self._valkey = valkey
        self._sent: set[asyncio.Task[None]] = set()

    def failed(self, address: str | None, now: int) -> int:
        """Count a failure and return 0, or return for how many seconds there have been too many."""
        wait = super().failed(address, now)
        if self._interval and not wait and self._valkey.is_up and len(self._sent) < _AT_ONCE:
            task = asyncio.get_running_loop().create_task(self._tell(network_of(address), now))
            self._sent.add(task)
            task.add_done_callback(self._sent.discard)
        return wait

    async def _tell(self, who: str, now: int) -> None:
        name = unreadable(who)
        try:
            weight = await self._valkey.run(
                _FAILED, [b"{flowkeys}:failed:%b" % name], [self._interval, self.burst * self._interval]
            )
        except Away:
            return
        known = self._paid.get(who, 0)
        if now + weight > known:
            self._paid[who] = now + weight
