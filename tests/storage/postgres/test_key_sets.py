"""The sets that lists on PostgreSQL go by are brought up to date behind changes, and hold nobody up."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from threading import Event

import psycopg
import pytest

from flowkeys.domain.keys.api_key import Status
from flowkeys.domain.keys.digest import TokenDigest
from flowkeys.domain.listing import KeyQuery
from flowkeys.domain.people.workspace import Workspace
from flowkeys.service.ports.store import Transaction
from flowkeys.storage.keys.bits import bits
from flowkeys.storage.postgres.connecting import connect
from flowkeys.storage.postgres.connection import PostgresConnection
from flowkeys.storage.postgres.database import PostgresStore
from tests.storage.keys.test_page import KEYS, NOW
from tests.support.waiting import PATIENCE_SECONDS, until

OF_ONE = KeyQuery(workspace_id="w1", search="p", limit=1)


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    """A store with two workspaces."""
    made = PostgresStore(postgres_url)
    for name in ("w1", "w2"):
        await made.write(lambda tx, name=name: tx.workspaces.insert(Workspace(name, name, 0)))
    yield made
    made.close()


def fill(tx: Transaction) -> None:
    """Make 300 keys."""
    for key in KEYS:
        tx.keys.insert(key, TokenDigest(f"hmac-sha256$s${key.id}"))


def unread(url: str) -> int:
    """Return how many keys changed that the sets do not know."""
    with psycopg.connect(url) as connection:
        (number,) = connection.execute("SELECT count(*) FROM key_unread").fetchone() or (-1,)
        return int(number)


async def test_a_list_that_sees_many_new_keys_has_them_read(store: PostgresStore, postgres_url: str) -> None:
    """Its own answer was right already, and the next one's is the same."""
    await store.write(fill)
    assert unread(postgres_url) == len(KEYS) > bits.DUE
    before = await store.read(lambda tx: tx.keys.page(OF_ONE, NOW))
    await asyncio.to_thread(until, lambda: unread(postgres_url) == 0, "new keys to be read")
    after = await store.read(lambda tx: tx.keys.page(OF_ONE, NOW))
    assert 0 < before.total == after.total
    assert before.items == after.items


async def test_who_writes_much_has_it_read_though_nobody_looks(
    store: PostgresStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After so many units of work."""
    await store.write(fill)
    monkeypatch.setattr(bits, "DUE", 1)
    await store.write(lambda tx: tx.keys.any_live(NOW))
    await asyncio.to_thread(until, lambda: unread(postgres_url) == 0, "new keys to be read")


async def test_more_keys_that_expire_at_once_than_are_read_at_once_are_read(
    store: PostgresStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As imported ones may; it was tried again for ever, and kept a server from ending."""
    await store.write(fill)
    reading = PostgresConnection(partial(connect, postgres_url))
    while _read_some(reading):
        pass
    with psycopg.connect(postgres_url) as by_hand:
        by_hand.execute("UPDATE api_key SET expires_at = %s, status = 'active'", (NOW + 5,))
    while _read_some(reading):
        pass
    monkeypatch.setattr(bits, "MOST", 50)
    rounds = 1
    while _read_some(reading, NOW + 10):
        rounds += 1
        assert rounds < len(KEYS)
    with psycopg.connect(postgres_url) as found:
        assert found.execute("SELECT until FROM key_expired").fetchone() == (NOW + 10,)
    reading.close()
    for at, wanted in ((NOW + 4, 0), (NOW + 20, sum(key.workspace_id == "w1" for key in KEYS))):
        query = KeyQuery(workspace_id="w1", status=Status.EXPIRED, limit=1)
        assert (await store.read(lambda tx, at=at, query=query: tx.keys.page(query, at))).total == wanted


def _read_some(connection: PostgresConnection, now: int = NOW) -> bool:
    assert connection.begin_reading_keys()
    is_left = bits.read_new(connection, now)
    connection.commit()
    return is_left


async def test_who_closes_a_store_does_not_wait_for_all_that_is_to_be_read(
    store: PostgresStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a command that lists keys first behind an import of many."""
    await store.write(fill)
    began, closing, read_new, close = Event(), Event(), bits.read_new, store._writer.close

    def read(connection: PostgresConnection, now: int) -> bool:
        began.set()
        assert closing.wait(PATIENCE_SECONDS)
        return read_new(connection, now)

    monkeypatch.setattr(bits, "MOST", 1)
    monkeypatch.setattr(bits, "read_new", read)
    monkeypatch.setattr(store._writer, "close", lambda: (close(), closing.set()))
    await store.read(lambda tx: tx.keys.page(OF_ONE, NOW))
    assert await asyncio.to_thread(began.wait, PATIENCE_SECONDS)
    await asyncio.to_thread(store.close)
    assert unread(postgres_url) > 0


async def test_while_a_process_reads_new_keys_no_other_does(store: PostgresStore, postgres_url: str) -> None:
    """Nobody who writes meanwhile waits; what comes too late for the one stays for the next."""
    await store.write(fill)
    one, other = (PostgresConnection(partial(connect, postgres_url)) for _ in range(2))
    assert one.begin_reading_keys()
    assert not other.begin_reading_keys()
    other.roll_back()
    bits.read_new(one, NOW)
    await store.write(lambda tx: tx.keys.update(KEYS[0]))
    await store.write(lambda tx: tx.workspaces.insert(Workspace("w3", "w3", 0)))
    changed = "UPDATE api_key SET name_folded = 'p unheard of' WHERE seq = 7"
    with psycopg.connect(postgres_url) as by_hand:
        by_hand.execute(changed)
    one.commit()
    assert unread(postgres_url) == 1
    searched = KeyQuery(workspace_id=KEYS[6].workspace_id, search="unheard", status="all")
    assert (await store.read(lambda tx: tx.keys.page(searched, NOW))).total == 1
    for connection in (one, other):
        connection.close()
