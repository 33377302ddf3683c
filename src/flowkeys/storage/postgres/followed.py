"""A store whose changes are known to the process that made them before anybody hears that they were made.

And whose callers wait for a database that says nothing no longer than it takes to know that.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.predictions.conversation import Message
from flowkeys.domain.times import Clock
from flowkeys.service.ports.store import Transaction
from flowkeys.storage.postgres.connecting import STATEMENT_SECONDS
from flowkeys.storage.postgres.database import PostgresStore
from flowkeys.storage.postgres.feed import PostgresFeed
from flowkeys.storage.postgres.watched import cut_late

T = TypeVar("T")

SILENT_SECONDS: Final = 3.0
"""So long anything may take while heartbeats do not come back either."""
_LONGEST_SECONDS: Final = STATEMENT_SECONDS + SILENT_SECONDS
"""So long while they do: the database ends a statement sooner."""
_END_SECONDS: Final = 1.0
"""So long a thread may take to notice that its connection was cut off."""


class FollowedStore(PostgresStore):
    """Acknowledges what is written when the feed has told this process of it."""

    def __init__(self, url: str, feed: PostgresFeed, clock: Clock) -> None:
        """Write to the database at `url`, whose changes `feed` tells of."""
        super().__init__(url)
        self.feed = feed
        self._clock = clock

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on a consistent snapshot, in a reader's thread."""
        return await self._bounded(super().read(work))

    async def follow(self) -> None:
        """Have kept what other processes wrote."""
        await self._bounded(super().follow())

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in the writer's thread; durable, and known in this process, when this returns.

        Raises:
            Unavailable: it was not, or it is not known whether: no answer came.
        """
        result = await self._bounded(super().write(work))
        await self.feed.catch_up()
        return result

    def add_messages(self, messages: Sequence[Message]) -> asyncio.Future[None]:
        """See `Store.add_messages`."""
        added = super().add_messages(messages)
        added.get_loop().call_later(SILENT_SECONDS, self._look, added, SILENT_SECONDS)
        return added

    async def check_writes(self) -> None:
        """See `Store.check_writes`."""
        await self._bounded(super().check_writes())

    async def _bounded(self, work: Awaitable[T]) -> T:
        limit = asyncio.timeout(None)
        try:
            async with limit:
                watch = _Watch(self._is_silent, limit)
                try:
                    return await work
                finally:
                    watch.timer.cancel()
        except TimeoutError:
            if not limit.expired():
                raise
            raise Unavailable("The database does not answer.") from None

    def _is_silent(self) -> bool:
        return self.feed.is_started and not self.feed.current(self._clock())

    def _look(self, added: asyncio.Future[None], waited: float) -> None:
        """Cut off what has been waited for for too long: also where all but this connection answer."""
        if added.done():
            return
        if self._is_silent():
            cut_late(SILENT_SECONDS)
        elif waited >= _LONGEST_SECONDS:
            cut_late(_LONGEST_SECONDS)
        added.get_loop().call_later(SILENT_SECONDS, self._look, added, waited + SILENT_SECONDS)


class _Watch:
    """Looks now and then whether somebody waits for the database in vain, and ends that."""

    __slots__ = ("_is_silent", "_limit", "_waited", "timer")

    def __init__(self, is_silent: Callable[[], bool], limit: asyncio.Timeout) -> None:
        self._is_silent = is_silent
        self._limit = limit
        self._waited = 0.0
        self.timer = asyncio.get_running_loop().call_later(SILENT_SECONDS, self._look)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._waited += SILENT_SECONDS
        is_silent = self._is_silent()
        if is_silent or self._waited >= _LONGEST_SECONDS:
            cut_late(SILENT_SECONDS if is_silent else _LONGEST_SECONDS)
            self._limit.reschedule(loop.time() + _END_SECONDS)
        else:
            self.timer = loop.call_later(SILENT_SECONDS, self._look)
