"""A process that verifies on PostgreSQL, without a server: its cache, its look-ups, its feed of changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from flowkeys.bootstrap import clock
from flowkeys.cache.chatflows import ChatflowCache
from flowkeys.cache.keys import KeyCache
from flowkeys.cache.stale import Stale
from flowkeys.domain.keys.digest import TokenHasher
from flowkeys.domain.keys.token import Token
from flowkeys.service.ports.verification import PENDING
from flowkeys.storage.postgres.feed import PostgresFeed
from flowkeys.storage.postgres.lookups import PostgresLookups
from tests.support.cached import SECRET, Log, Uses
from tests.support.waiting import patience, soon

HASHER = TokenHasher((SECRET,))


class Followed:
    """A cache of keys and one of chatflows over a real PostgreSQL."""

    def __init__(
        self, url: str, *, bound_ms: int, stale_seconds: int, log: Log, feed_url: str | None
    ) -> None:
        self.moved = 0
        """By how much the clock of calls is set forward, in microseconds."""
        self.log = log
        self.lookups = PostgresLookups(url)
        self.feed = PostgresFeed(feed_url or url, bound_ms, self.now, log)
        self.stale = Stale(self.feed, bound_ms, stale_seconds, log)
        self.keys = KeyCache(self.lookups, self.feed, HASHER, Uses(), 1000, self.stale)
        self.chatflows = ChatflowCache(self.lookups, self.feed, self.lookups.load, self.now, stale=self.stale)
        self.feed.tell(self.keys, self.chatflows)

    def now(self) -> int:
        """Return the time of a call."""
        return clock() + self.moved

    @property
    def is_current(self) -> bool:
        """Whether what is in memory is believed."""
        return self.feed.current(self.now())

    def at_once(self, text: bytes) -> str | None:
        """Return what is known without asking the database, as `find` does; "pending": it has to be asked."""
        found = self.keys.at_once(text, self.now())
        if found is PENDING:
            return "pending"
        return None if found is None else found.status.value

    async def find(self, text: bytes) -> str | None:
        """Return the status of a token's key as a call learns it."""
        found = self.keys.at_once(text, self.now())
        record: Any = await self.keys.find(text, self.now()) if found is PENDING else found
        return None if record is None else str(record.status.value)

    async def kept(self, text: bytes, status: str) -> None:
        """Wait until a token's key is in memory. Meanwhile it is asked for, and has to have that status.

        What was read is kept when no transaction is under way that began before a change which was told of,
        whichever database of the server it is in.
        """
        async with patience("it is kept in memory"):
            while self.at_once(text) != status:
                assert await self.find(text) == status
                await asyncio.sleep(0)

    async def heard(self) -> None:
        """Wait until the feed is heard."""
        await soon(lambda: self.is_current, "the feed is heard")


@asynccontextmanager
async def followed(
    url: str,
    *,
    bound_ms: int = 2000,
    stale_seconds: int = 0,
    feed_url: str | None = None,
    heard: bool = True,
) -> AsyncIterator[Followed]:
    """Follow a database as long as the block lasts, over another URL where `feed_url` says so."""
    process = Followed(url, bound_ms=bound_ms, stale_seconds=stale_seconds, log=Log(), feed_url=feed_url)
    process.feed.start()
    try:
        if heard:
            await process.heard()
        yield process
    finally:
        await process.feed.stop()
        await process.lookups.close()


def add_key(raw: psycopg.Connection[Any], name: str = "a") -> bytes:
    """Add a key by hand, in the workspace ``w``; return its token's text."""
    token = Token.mint()
    raw.execute("INSERT INTO workspace VALUES ('w', 'w', 0) ON CONFLICT DO NOTHING")
    raw.execute(
        "INSERT INTO api_key (id, workspace_id, name, name_folded, permissions, status, created_by_type,"
        " created_by_name, created_at, updated_at, version)"
        " VALUES (%s, 'w', 'k', 'k', '[]', 'active', 'operator', 'o', 0, 0, 1)",
        (name,),
    )
    raw.execute(
        "INSERT INTO token (workspace_id, key_id, digest, hint, created_at) VALUES ('w', %s, %s, 'hint', 0)",
        (name, HASHER.digest(token).newest),
    )
    return token.reveal().encode()


def add_chatflow(raw: psycopg.Connection[Any], name: str) -> None:
    """Add a chatflow by hand."""
    raw.execute("INSERT INTO workspace VALUES ('w', 'w', 0) ON CONFLICT DO NOTHING")
    raw.execute(
        "INSERT INTO chatflow (id, workspace_id, name, type, flow_data, is_public, extras, created_at,"
        " updated_at, version) VALUES (%s, 'w', 'f', 'CHATFLOW', '{}', false, '{}', 0, 0, 1)",
        (name,),
    )


def set_status(raw: psycopg.Connection[Any], status: str, name: str = "a") -> None:
    """Change a key by hand."""
    raw.execute("UPDATE api_key SET status = %s WHERE id = %s", (status, name))
