"""Ends rotations whose old tokens are not used any more, in the background.

What is to end, and since when it is unused, is stored: a server that was restarted goes on where it was.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, Self

from flowkeys.domain.errors import Unavailable
from flowkeys.service.recurring import Recurring

INTERVAL_SECONDS: Final = 5.0
"""So much later than it is time an old token may end. A look is one query of some microseconds."""


class Log(Protocol):
    """Where it is said what nobody waits for."""

    def error(self, event: str, **facts: object) -> object:
        """Log what should not have happened."""
        ...


class Finishing:
    """Looks again and again."""

    def __init__(
        self, finish: Callable[[], Awaitable[int]], log: Log, interval_seconds: float = INTERVAL_SECONDS
    ) -> None:
        """Let `finish` end what is to end every `interval_seconds`."""
        self._log = log
        self._recurring = Recurring("flowkeys-finishing", finish, interval_seconds, self._tell, whole=True)

    @classmethod
    def started(cls, finish: Callable[[], Awaitable[int]], log: Log) -> Self:
        """Return one that has begun."""
        made = cls(finish, log)
        made.start()
        return made

    def start(self) -> None:
        """Begin in the background."""
        self._recurring.start()

    async def stop(self) -> None:
        """End it, behind what is being written."""
        await self._recurring.stop()

    def _tell(self, error: Exception) -> None:
        if not isinstance(error, Unavailable):  # of an outage, which puts it off, whoever calls hears
            self._log.error("finishing_failed", exc_info=error)
