"""A database in a file."""

from typing import Any, Final

from flowkeys.bootstrap.engine import Database
from flowkeys.config import Settings
from flowkeys.domain.keys.server_secrets import ServerSecrets
from flowkeys.storage.sqlite import migrate
from flowkeys.storage.sqlite.changes import SqliteChanges
from flowkeys.storage.sqlite.database import JOURNAL, Follower, SqliteStore, chatflow_loader
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


async def follow_journal(
    settings: Settings, store: SqliteStore, secrets: ServerSecrets, workspace_id: str
) -> tuple[str, ...]:
    """See `following.follow`, which is loaded where there is a journal, or something to begin it with."""
    if (settings.database_file.parent / JOURNAL).exists():
        from flowkeys.bootstrap.following import follow

        return await follow(settings, store, secrets, workspace_id)
    head = await store.read(lambda tx: tx.audit_chain.head())
    store.keep(_Later(settings, secrets, head.seq))
    return ()


_CONCERNS: Final = (
    "SELECT 1 FROM audit WHERE seq > ? AND (action LIKE 'key.%' OR action LIKE 'customer.%') LIMIT 1"
)


class _Later:
    """Implements the port `Follower`; what it needs is loaded with the first change of a key or customer."""

    def __init__(self, settings: Settings, secrets: ServerSecrets, scanned_to: int) -> None:
        self._made = settings, secrets, scanned_to
        self._journal: Follower | None = None

    def follow(self, raw: Any) -> None:
        """See `Follower`."""
        if self._journal is None:
            if raw.execute(_CONCERNS, (self._made[2],)).fetchone() is None:
                return
            from flowkeys.bootstrap.following import journal

            self._journal = journal(*self._made)
        self._journal.follow(raw)
