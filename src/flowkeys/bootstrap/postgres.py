"""A database that several processes, on several machines, share."""

from typing import Any, Final

import structlog

from flowkeys.bootstrap.clock import clock
from flowkeys.bootstrap.engine import Database
from flowkeys.bootstrap.following import Beside, say
from flowkeys.config import Settings
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.journal import Subject
from flowkeys.domain.keys.server_secrets import ServerSecrets
from flowkeys.service.recurring import Recurring
from flowkeys.storage.audit.of_postgres import PostgresRows
from flowkeys.storage.postgres import migrate
from flowkeys.storage.postgres.feed import PROMISED_MS, PostgresFeed
from flowkeys.storage.postgres.followed import FollowedStore
from flowkeys.storage.postgres.health import opened
from flowkeys.storage.postgres.lines import WHO
from flowkeys.storage.postgres.lookups import PostgresLookups

FOLLOW_SECONDS: Final = 1.0
"""So soon what another process did to keys is in this machine's journal."""
_ANYWAY: Final = 30
"""And of so many times once, whether something was told or not."""
_ENDED: Final = frozenset({Subject.KEY, Subject.CUSTOMER})


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


async def follow_journal(
    settings: Settings, store: FollowedStore, secrets: ServerSecrets, workspace_id: str
) -> tuple[str, ...]:
    """See `following.Beside`; keys are looked up in the database that was compared, and in no other."""
    url = settings.direct_url or settings.database_url
    assert url is not None
    beside = Beside(
        store,
        PostgresRows(),
        lambda: opened(url),
        settings.journal_file,
        secrets,
        workspace_id,
        begins=True,
    )
    feed = store.feed

    async def compare(who: str) -> None:
        told, found = await beside.follow(_who)
        if found not in {who, ""}:
            raise Unavailable("Another database answers now.")
        say(told)

    told, feed.vouched.who = await beside.follow(_who)
    feed.compare = compare
    return told


def _who(raw: Any) -> str:
    return str(raw.execute(WHO).fetchone()[0])


class Listening:
    """Has what other processes did written to the journal, soon after it was told.

    Implements `ChangeListener`.
    """

    def __init__(self, store: FollowedStore) -> None:
        self._store = store
        self._heard = True
        self._turns = 0
        warn = structlog.get_logger("flowkeys").warning
        self.recurring = Recurring(
            "flowkeys-journal",
            self._follow,
            FOLLOW_SECONDS,
            lambda error: warn("revocations of others are not kept", detail=str(error)),
        )

    def changed(self, subject: str, subject_id: str, position: int) -> None:
        """Look at what was done to a key or customer."""
        del subject_id, position
        self._heard = self._heard or subject in _ENDED

    def forget(self) -> None:
        """Look: something was missed."""
        self._heard = True

    async def _follow(self) -> None:
        # Rows are sealed behind their commit, and by somebody else where a process was killed in between.
        self._turns += 1
        if self._heard or self._turns % _ANYWAY == 0:
            self._heard = False
            try:
                await self._store.follow()
            except BaseException:
                self._heard = True
                raise


def open_database(settings: Settings, store: FollowedStore, secrets: int) -> Database:
    """Return the look-ups, under any secrets, and the feed of a store. They begin with the server."""
    del secrets
    url = settings.direct_url or settings.database_url
    assert url is not None
    feed = store.feed
    lookups = PostgresLookups(url, feed.vouched)
    listening = Listening(store)
    feed.tell(listening)

    def start() -> None:
        lookups.start()
        feed.start()
        listening.recurring.start()

    async def close() -> None:
        await listening.recurring.stop()
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
