"""What was known last, used while the store is away: for as long as the operator chose, and it is said."""

from typing import Protocol

from flowkeys.domain.times import SECOND
from flowkeys.service.ports.verification import ChangeFeed


class Log(Protocol):
    """Where it is said what nobody waits for."""

    def warning(self, event: str, **facts: object) -> object:
        """Log what an operator should look at."""
        ...


class Outages(ChangeFeed, Protocol):
    """A feed that counts how often it broke."""

    breaks: int


class Stale:
    """Says whether what was known last may be used, and counts the calls that were let in by it."""

    def __init__(self, feed: Outages, bound_ms: int, seconds: int, log: Log) -> None:
        """Allow it for `seconds` behind the bound; none: never."""
        self._feed = feed
        self._most = bound_ms * SECOND // 1000 + seconds * SECOND if seconds else 0
        self._log = log
        self._logged = -1
        self.uses = 0
        """Calls that were let in by what was known last."""

    def allows(self, now: int) -> bool:
        """Tell whether that may be used by a call of the time `now` for which the store cannot be asked."""
        return 0 <= self._feed.age(now) < self._most

    def used(self) -> None:
        """Count a call that was let in, and log the first of each outage."""
        self.uses += 1
        if self._logged != self._feed.breaks:
            self._logged = self._feed.breaks
            self._log.warning("stale_keys_accepted", detail="The database is away: FLOWKEYS_STALE_SECONDS.")
