"""A store whose changes are known to the process that made them before anybody hears that they were made."""

from collections.abc import Callable
from typing import TypeVar

from flowkeys.service.ports.store import Transaction
from flowkeys.storage.postgres.database import PostgresStore
from flowkeys.storage.postgres.feed import PostgresFeed

T = TypeVar("T")


class FollowedStore(PostgresStore):
    """Acknowledges what is written when the feed has told this process of it."""

    def __init__(self, url: str, feed: PostgresFeed) -> None:
        """Write to the database at `url`, whose changes `feed` tells of."""
        super().__init__(url)
        self.feed = feed

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in the writer's thread; durable, and known in this process, when this returns."""
        result = await super().write(work)
        await self.feed.catch_up()
        return result
