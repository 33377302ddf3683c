"""Ends rotations whose old tokens are not used any more, in the background.

What is to end, and since when it is unused, is stored: a server that was restarted goes on where it was.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, Self

from flowkeys.domain.errors import Unavailable

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
        self._finish = finish
        self._log = log
        self._interval = interval_seconds
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def started(cls, finish: Callable[[], Awaitable[int]], log: Log) -> Self:
        """Return one that has begun."""
        made = cls(finish, log)
        made.start()
        return made

    def start(self) -> None:
        """Begin in the background."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="flowkeys-finishing")

    async def stop(self) -> None:
        """End it, behind what is being written."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            await asyncio.shield(self.look())

    async def look(self) -> None:
        """End what is to end now; an outage puts it off."""
        try:
            await self._finish()
        except Unavailable:
            return  # whoever calls hears of it
        except Exception as error:  # noqa: BLE001 - a task that ends does so in silence
            self._log.error("finishing_failed", exc_info=error)
