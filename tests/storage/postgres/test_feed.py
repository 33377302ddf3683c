"""What changes on PostgreSQL reaches the memory of every process, or nothing in it is believed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest

from flowkeys.domain.keys.token import Token
from flowkeys.service.ports.changes import Followed as Change
from flowkeys.storage.postgres import snapshot
from flowkeys.storage.postgres.ddl import CHANNEL
from flowkeys.storage.postgres.told import Told
from tests.storage.postgres.followed import Followed, add_chatflow, add_key, followed, set_status
from tests.support.waiting import patience, soon


@pytest.fixture
def raw(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection as somebody's in psql."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def here(postgres_url: str) -> AsyncIterator[Followed]:
    """A process whose feed is heard."""
    async with followed(postgres_url) as process:
        yield process


async def test_a_change_by_hand_reaches_every_process(
    postgres_url: str, here: Followed, raw: psycopg.Connection[Any]
) -> None:
    """Of a key, of its customer, of the policy of its workspace, of a chatflow; of all by a TRUNCATE."""
    async with followed(postgres_url) as there:
        token = add_key(raw)
        add_chatflow(raw, "f")
        for process in (here, there):
            assert await process.find(token) == "active"
            assert await process.chatflows.access("f") is not None
            await process.kept(token, "active")
        set_status(raw, "disabled")
        raw.execute("UPDATE chatflow SET is_public = true")
        for process in (here, there):
            await soon(lambda process=process: process.at_once(token) != "active", "it is told of the key")
            assert await process.find(token) == "disabled"
            await soon(lambda process=process: not process.chatflows._known, "it is told of the chatflow")
            access = await process.chatflows.access("f")
            assert access is not None
            assert access.is_public
        raw.execute("TRUNCATE change")
        for process in (here, there):
            await soon(lambda process=process: process.keys.generation > 1, "everything is forgotten")
            assert await process.find(token) == "disabled"


async def test_what_is_sent_by_hand_and_is_no_change_has_everything_forgotten(
    here: Followed, raw: psycopg.Connection[Any]
) -> None:
    """Whoever can write to the database can say anything; what comes behind it is heard all the same."""
    token = add_key(raw)
    assert await here.find(token) == "active"
    before = here.keys.generation
    raw.execute(f"NOTIFY {CHANNEL}, 'nonsense'")
    raw.execute(f"NOTIFY {CHANNEL}, '1 2 w no-subject a'")
    set_status(raw, "revoked")
    await soon(lambda: here.keys.generation == before + 2, "both are heard")
    await soon(lambda: here.at_once(token) == "pending", "the change is heard")
    assert await here.find(token) == "revoked"


async def test_a_change_that_is_acknowledged_is_known_before(
    here: Followed, raw: psycopg.Connection[Any]
) -> None:
    """Whoever wrote waits for it, and never lets the old state in again: 50 times, without a pause."""
    token = add_key(raw)
    for status in ["disabled", "active"] * 25:
        assert await here.find(token) is not None
        set_status(raw, status)
        await here.feed.catch_up()
        assert here.at_once(token) in {status, "pending"}
        assert await here.find(token) == status


async def test_many_who_wait_for_what_they_wrote_share_a_heartbeat(
    here: Followed, raw: psycopg.Connection[Any]
) -> None:
    """The one that is sent next, since one under way may have been sent before."""
    before = here.feed._heartbeat.sent
    waiting = [asyncio.ensure_future(here.feed.catch_up()) for _ in range(50)]
    await asyncio.sleep(0)
    set_status(raw, "active", "nobody")
    async with patience("all of them are answered"):
        await asyncio.gather(*waiting)
    assert here.feed._heartbeat.sent - before <= 4


async def test_a_transaction_that_ends_late_is_told_of_and_nothing_read_before_it_is_kept(
    postgres_url: str, here: Followed, raw: psycopg.Connection[Any]
) -> None:
    """Given one that began to write first and commits last, what was read meanwhile is not believed then.

    Its number, and its place in the feed, are below those of a change that was told of long before.
    """
    token = add_key(raw)
    with psycopg.connect(postgres_url) as slow:
        slow.execute("UPDATE api_key SET note = 'x' WHERE id = 'nobody'")
        slow.execute("INSERT INTO workspace VALUES ('other', 'other', 0)")  # from now on it has a number
        set_status(raw, "disabled")
        set_status(raw, "active")
        await here.feed.catch_up()
        assert await here.find(token) == "active"
        assert here.at_once(token) == "pending", "what changed since then is asked for each time"
        other = add_key(raw, "b")
        await here.feed.catch_up()
        slow.execute("UPDATE api_key SET status = 'revoked' WHERE id = 'b'")
        assert await here.find(other) == "active", "it is not committed"
        slow.commit()
    await here.feed.catch_up()
    await here.kept(other, "revoked")  # nobody is behind any more
    await here.kept(token, "active")


@pytest.mark.parametrize("status", ["disabled", "revoked"])
async def test_a_look_up_that_read_before_a_change_does_not_count_after_it(
    status: str, here: Followed, raw: psycopg.Connection[Any]
) -> None:
    """Given an answer that is on its way while the change is told of, the database is asked again."""
    token = add_key(raw)
    find, read, go_on = here.lookups.find, asyncio.Event(), asyncio.Event()
    asked = []

    async def slowly(digests: Any) -> Any:
        found = await find(digests)
        asked.append(found)
        read.set()
        await go_on.wait()
        return found

    here.lookups.find = slowly  # type: ignore[method-assign]
    call = asyncio.ensure_future(here.find(token))
    async with patience("it is read"):
        await read.wait()
    set_status(raw, status)
    await here.feed.catch_up()
    go_on.set()
    async with patience("it is answered"):
        assert await call == status
    assert [found.record.status.value for found in asked] == ["active", status]


async def test_a_copy_that_lags_behind_is_not_believed(
    here: Followed, raw: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given look-ups on a replica that lacks a change which the feed told of: no answer, not an old one."""
    token = add_key(raw)
    await here.feed.catch_up()
    find = here.lookups.find
    old = await find(here.keys._hasher.digest(Token(token.decode())).all)
    set_status(raw, "revoked")
    await here.feed.catch_up()
    behind = 3

    async def lagging(digests: Any) -> Any:
        nonlocal behind
        behind -= 1
        return old if behind >= 0 else await find(digests)

    monkeypatch.setattr(here.lookups, "find", lagging)
    assert await here.find(token) == "revoked"
    behind = 100
    here.keys.forget()
    here.keys.changed("key", "a", here.feed.position)
    with pytest.raises(Exception, match="behind"):
        await here.find(token)


async def test_a_connection_that_ends_is_made_again_and_what_was_missed_is_read(
    here: Followed, raw: psycopg.Connection[Any]
) -> None:
    """Without a call that is refused, without forgetting what did not change."""
    changed, other = add_key(raw), add_key(raw, "b")
    await here.feed.catch_up()
    for text in (changed, other):
        await here.kept(text, "active")
    generation = here.keys.generation
    with raw.transaction():
        raw.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
        set_status(raw, "revoked")
    await soon(lambda: here.at_once(changed) != "active", "what was missed is told of")
    assert await here.find(changed) == "revoked"
    await here.heard()
    assert here.at_once(other) == "active"
    assert here.keys.generation == generation


async def test_another_server_or_one_that_was_started_anew_has_everything_forgotten(
    here: Followed, raw: psycopg.Connection[Any]
) -> None:
    """It may not have what this process knows: a replica that took over, a backup that was restored."""
    token = add_key(raw)
    assert await here.find(token) == "active"
    generation, epoch = here.keys.generation, here.feed.epoch
    here.feed._who = "another one"
    assert here.feed.epoch != epoch
    raw.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'flowkeys feed'"
        " AND datname = current_database()"
    )
    await soon(lambda: here.keys.generation == generation + 1, "everything is forgotten")
    await here.heard()
    assert await here.find(token) == "active"


async def test_nothing_is_believed_before_the_feed_is_heard(
    postgres_url: str, raw: psycopg.Connection[Any]
) -> None:
    """The database is asked each time: a start answers from the first call on."""
    async with followed(postgres_url, heard=False) as process:
        token = add_key(raw)
        assert await process.find(token) == "active"
        await process.heard()


async def test_clocks_that_jump_end_the_belief_and_the_next_heartbeat_brings_it_back(here: Followed) -> None:
    """Forward and back: the database is asked meanwhile."""
    for moved in (3_600_000_000, -3_600_000_000):
        here.moved += moved
        assert not here.is_current
        await here.heard()


def test_a_snapshot_says_what_it_sees() -> None:
    """What had ended: below the least under way, or above it and not among those."""
    assert [number for number in range(8, 17) if snapshot.sees("10:15:10,12", number)] == [8, 9, 11, 13, 14]
    assert [number for number in range(8, 12) if snapshot.sees("10:10:", number)] == [8, 9]
    assert snapshot.position("10:15:10,12") == 9
    assert snapshot.sees("10:15:10,12", -1)


def test_who_follows_is_told_by_places_and_not_by_numbers() -> None:
    """Given transactions that commit in another order than that of their numbers."""
    told = Told(kept=4)
    for number, name in ((5, "a"), (3, "b"), (3, "c")):
        told.add("w", Change(number, "key", name))
    told.add("other", Change(9, "key", "x"))

    def since(position: int, limit: int = 10) -> list[str] | None:
        place = told.place_of(position)
        found = None if place is None else told.since("w", place, told.place, limit)
        return None if found is None else [change.subject_id for change in found]

    assert since(5) == ["a", "b", "c"], "of its transaction, some may not have been known"
    assert since(3) == ["b", "c"]
    assert since(9) == []
    assert since(4) is None, "a number that nobody was told of"
    assert since(5, 2) is None, "too many"
    told.add("w", Change(11, "key", "d"))
    assert since(5) is None, "no longer known"
    assert since(3) == ["b", "c", "d"]
    before = told.place
    told.begin()
    told.add("w", Change(12, "key", "e"))
    assert since(3) is None
    assert told.since("w", before - 1, told.place, 10) is None
    assert told.since("w", before, told.place, 10) == [Change(12, "key", "e")]
