"""A database that several processes, on several machines, share."""

import structlog

from flowkeys.bootstrap.clock import clock
from flowkeys.bootstrap.engine import Database
from flowkeys.config import Settings
from flowkeys.storage.postgres import migrate
from flowkeys.storage.postgres.feed import PROMISED_MS, PostgresFeed
from flowkeys.storage.postgres.followed import FollowedStore
from flowkeys.storage.postgres.lookups import PostgresLookups


def open_store(settings: Settings) -> FollowedStore:
    """Bring the schema up to date, and open the database.

    Raises:
        ConfigurationError: saying what the operator has to change.
    """
    url = settings.database_url
    assert url is not None
    migrate.upgrade(url, may_change=settings.migrate)
    bound_ms = settings.revocation_bound_ms or PROMISED_MS
    feed = PostgresFeed(settings.direct_url or url, bound_ms, clock, structlog.get_logger("flowkeys"))
    return FollowedStore(url, feed, clock)


def open_database(settings: Settings, store: FollowedStore, secrets: int) -> Database:
    """Return the look-ups, under so many secrets, and the feed of a store. They begin with the server."""
    url = settings.direct_url or settings.database_url
    assert url is not None
    lookups = PostgresLookups(url, secrets)
    feed = store.feed

    def start() -> None:
        lookups.start()
        feed.start()

    async def close() -> None:
        await feed.stop()
        await lookups.close()

    return Database(
        lookups=lookups,
        feed=feed,
        changes=feed.told,
        load=lookups.load,
        of_key=None,
        bound_ms=settings.revocation_bound_ms or PROMISED_MS,
        start=start,
        close=close,
    )
