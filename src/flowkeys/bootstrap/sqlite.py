"""A database in a file."""

from flowkeys.bootstrap.engine import Database
from flowkeys.config import Settings
from flowkeys.storage.sqlite import migrate
from flowkeys.storage.sqlite.changes import SqliteChanges
from flowkeys.storage.sqlite.database import SqliteStore, chatflow_loader
from flowkeys.storage.sqlite.feed import PROMISED_MS, SqliteFeed
from flowkeys.storage.sqlite.lookups import SqliteLookups


def open_store(settings: Settings) -> SqliteStore:
    """Bring the schema up to date, and open the database.

    Raises:
        ConfigurationError: saying what the operator has to change.
    """
    migrate.upgrade(settings.database_file, may_change=settings.migrate)
    return SqliteStore(settings.database_file)


def open_database(settings: Settings, store: SqliteStore, secrets: int) -> Database:
    """Open the look-ups, under so many secrets, and have the feed read behind each commit of the store's."""
    lookups = SqliteLookups(settings.database_file, secrets)
    raw = lookups.connection
    bound_ms = settings.revocation_bound_ms or PROMISED_MS
    try:
        feed = SqliteFeed(raw, bound_ms, keeps=settings.stale_seconds > 0)
    except BaseException:
        lookups.close()
        raise
    store.after_commit.append(feed.catch_up)

    async def close() -> None:
        lookups.close()

    return Database(
        lookups=lookups,
        feed=feed,
        changes=SqliteChanges(raw),
        load=chatflow_loader(raw),
        of_key=lookups.of_key,
        bound_ms=bound_ms,
        start=lambda: None,
        close=close,
    )
