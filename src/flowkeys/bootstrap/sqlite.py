"""A database in a file."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flowkeys.bootstrap.engine import Database
from flowkeys.config import Settings
from flowkeys.domain.keys.server_secrets import ServerSecrets
from flowkeys.storage.sqlite import migrate
from flowkeys.storage.sqlite.changes import SqliteChanges
from flowkeys.storage.sqlite.connection import connect
from flowkeys.storage.sqlite.database import Follower, SqliteStore, chatflow_loader
from flowkeys.storage.sqlite.feed import PROMISED_MS, SqliteFeed
from flowkeys.storage.sqlite.lookups import SqliteLookups

if TYPE_CHECKING:
    from flowkeys.bootstrap.following import Beside


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
    """See `following.Beside`, which is loaded where there is a journal, or something to begin it with."""
    if settings.journal_file.exists():
        return (await _beside(settings, store, secrets, workspace_id).follow())[0]
    head = await store.read(lambda tx: tx.audit_chain.head())
    store.keep(_Later(settings.journal_file, secrets, head.seq))
    return ()


def _beside(settings: Settings, store: SqliteStore, secrets: ServerSecrets, workspace_id: str) -> "Beside":
    from flowkeys.bootstrap.following import Beside
    from flowkeys.storage.audit.of_files import SqliteRows

    opened = lambda: closing(connect(settings.database_file, read_only=True))  # noqa: E731
    return Beside(store, SqliteRows(), opened, settings.journal_file, secrets, workspace_id)


_CONCERNS: Final = (
    "SELECT 1 FROM audit WHERE seq > ? AND (action LIKE 'key.%' OR action LIKE 'customer.%') LIMIT 1"
)


class _Later:
    """Implements the port `Follower`; what it needs is loaded with the first change of a key or customer."""

    def __init__(self, path: Path, secrets: ServerSecrets, scanned_to: int) -> None:
        self._made = path, secrets, scanned_to
        self._journal: Follower | None = None

    def follow(self, raw: Any) -> None:
        """See `Follower`."""
        if self._journal is None:
            path, secrets, scanned_to = self._made
            if raw.execute(_CONCERNS, (scanned_to,)).fetchone() is None:
                return
            from flowkeys.bootstrap.following import tell, tell_older
            from flowkeys.storage.audit.journal import Journal
            from flowkeys.storage.audit.of_files import SqliteRows

            self._journal = Journal(path, secrets, SqliteRows(), scanned_to, tell, tell_older)
        self._journal.follow(raw)
