"""The way to PostgreSQL is cut, swallows, takes its time, is closed by half: what holds then, and later."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.token import Token
from flowkeys.storage.postgres.followed import FollowedStore
from flowkeys.storage.postgres.line import Line
from tests.storage.postgres.followed import Followed, add_chatflow, add_key, followed, set_status
from tests.storage.postgres.way import way_to
from tests.storage.predictions.messages import message
from tests.support.network.way import Way
from tests.support.waiting import patience, soon

BOUND_MS = 400
"""Short, so that tests are: a heartbeat each tenth of a second."""


@pytest.fixture
def raw(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that goes another way."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


def _slow(way: Way) -> None:
    way.is_slow = True


Broken = Callable[[Way], Any]
BREAKS: dict[str, Broken] = {
    "cut": Way.cut,
    "swallows everything": lambda way: way.swallows.update(("there", "back")),
    "swallows answers": lambda way: way.swallows.add("back"),
    "swallows questions": lambda way: way.swallows.add("there"),
    "closed there": lambda way: way.ends.add("there"),
    "closed back": lambda way: way.ends.add("back"),
    "takes its time": _slow,
}


SLOW = {"swallows everything", "swallows answers", "swallows questions", "takes its time"}
"""Seconds each, for they are known by their silence alone."""


async def told(process: Followed, text: bytes) -> str | None:
    """Return what a call is told: the key's status, or that the database is away. Nothing waits for long."""
    async with patience("an answer"):
        try:
            return await process.find(text)
        except Unavailable as error:
            return "unavailable" if error.retry_after_seconds else "nobody says when"


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(broken, id=name, marks=pytest.mark.slow if name in SLOW else ())
        for name, broken in BREAKS.items()
    ],
)
async def test_nothing_is_believed_beyond_the_bound_and_all_is_well_when_the_way_is_mended(
    broken: Broken, postgres_url: str, raw: psycopg.Connection[Any]
) -> None:
    """Given a key that is revoked while this process cannot know it, all are 503 from the bound on."""
    token, other = add_key(raw), add_key(raw, "b")
    async with way_to(postgres_url) as (way, url), followed(url, bound_ms=BOUND_MS) as process:
        for text in (token, other):
            await process.kept(text, "active")
        broken(way)
        assert await told(process, other) == "active" or not process.is_current, "within the bound it is"
        set_status(raw, "revoked")
        await soon(lambda: not process.is_current, "what is in memory is too old")
        said = {await told(process, text) for text in (token, other) for _ in range(3)}
        assert said == {"unavailable"}
        way.mend()
        await process.heard()
        await soon(lambda: process.lookups._lines._lines, "look-ups are connected")
        assert [await told(process, text) for text in (token, other)] == ["revoked", "active"]
        events = [event for event, _ in process.log.lines]
        assert events == ["feed_is_away", "feed_is_back"]
        assert process.feed.breaks == 1


@pytest.mark.parametrize("broken", [BREAKS["cut"], BREAKS["swallows answers"]], ids=["cut", "silent"])
async def test_while_the_feed_alone_is_silent_each_call_asks_the_database(
    broken: Broken, postgres_url: str, raw: psycopg.Connection[Any]
) -> None:
    """It is not away: nobody is refused who is good, and who was revoked is, though nobody tells of it."""
    token, other = add_key(raw), add_key(raw, "b")
    add_chatflow(raw, "f")
    async with (
        way_to(postgres_url) as (way, url),
        followed(postgres_url, bound_ms=BOUND_MS, feed_url=url) as process,
    ):
        assert [await told(process, text) for text in (token, other)] == ["active"] * 2
        assert await process.chatflows.access("f") is not None
        broken(way)
        await soon(lambda: not process.is_current, "what is in memory is too old")
        set_status(raw, "revoked")
        raw.execute("DELETE FROM chatflow")
        read = process.lookups.keys_read
        assert [await told(process, text) for text in (token, other, token)] == [
            "revoked",
            "active",
            "revoked",
        ]
        assert process.lookups.keys_read == read + 3
        assert await process.chatflows.access("f") is None
        await process.feed.catch_up()  # a change of its own is acknowledged, and nothing from before it used
        assert len(process.keys) == 0
        set_status(raw, "active")
        way.mend()
        await process.heard()
        assert [await told(process, text) for text in (token, other)] == ["active"] * 2


async def test_known_keys_are_accepted_for_longer_where_the_operator_chose_so(
    postgres_url: str, raw: psycopg.Connection[Any]
) -> None:
    """Those alone; what was told of meanwhile counts, each use is counted and the first is logged."""
    known, disabled, unknown = add_key(raw), add_key(raw, "b"), add_key(raw, "c")
    add_chatflow(raw, "f")
    async with (
        way_to(postgres_url) as (way, url),
        followed(url, bound_ms=BOUND_MS, stale_seconds=3600) as process,
    ):
        for text in (known, disabled):
            await process.kept(text, "active")
        async with patience("the chatflow is kept"):
            while not process.chatflows._known:
                assert await process.chatflows.access("f") is not None
                await asyncio.sleep(0)
        set_status(raw, "disabled", "b")
        await process.feed.catch_up()
        way.cut()
        await soon(lambda: not process.is_current, "what is in memory is too old")
        answers = [await told(process, text) for text in (known, disabled, unknown)]
        assert answers == ["active", "unavailable", "unavailable"]
        assert await process.chatflows.access("f") is not None
        record = await process.keys.find(known, process.now())
        assert record is not None
        assert record.position == -1
        for _ in range(3):
            process.keys.accepted_stale()
        assert process.stale.uses == 3
        assert [event for event, _ in process.log.lines] == ["feed_is_away", "stale_keys_accepted"]
        process.moved += 3600 * 1_000_000
        assert await told(process, known) == "unavailable", "that time is over"
        process.moved = 0
        set_status(raw, "revoked")
        way.mend()
        await process.heard()
        await soon(lambda: process.lookups._lines._lines, "look-ups are connected")
        assert await told(process, known) == "revoked"


async def test_a_server_process_that_is_stopped_and_goes_on(
    postgres_url: str, raw: psycopg.Connection[Any]
) -> None:
    """SIGSTOP: the connection is open, and nothing comes. Others are made, and nothing old is believed."""
    token = add_key(raw)
    async with followed(postgres_url, bound_ms=BOUND_MS) as process:
        assert await told(process, token) == "active"
        stopped = [
            pid
            for (pid,) in raw.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name LIKE 'flowkeys%' AND pid <> pg_backend_pid()"
            )
        ]
        assert len(stopped) >= 2
        line = process.feed._line
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            await soon(lambda: process.feed._line is not line, "a heartbeat does not come back")
            await process.heard()
            set_status(raw, "revoked")
            await soon(
                lambda: process.at_once(token) == "pending", "the change is heard over another connection"
            )
            assert await told(process, token) != "active"
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        await soon(lambda: process.lookups._lines._lines, "look-ups are connected")
        assert await told(process, token) == "revoked"


async def test_messages_do_not_wait_for_the_one_server_process_that_is_stopped(
    postgres_url: str, raw: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All others answer, and heartbeats come back: another process takes its place when it took too long."""
    monkeypatch.setattr("flowkeys.storage.postgres.followed.SILENT_SECONDS", 0.2)
    monkeypatch.setattr("flowkeys.storage.postgres.followed._LONGEST_SECONDS", 1.0)
    add_chatflow(raw, "f")
    async with followed(postgres_url, bound_ms=60_000) as process:
        store = FollowedStore(postgres_url, process.feed, process.now)
        try:
            async with patience("messages are stored"):
                await store.add_messages([message("a", "f")])
            ((stopped,),) = raw.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'flowkeys' AND pid <> pg_backend_pid()"
            ).fetchall()
            os.kill(stopped, signal.SIGSTOP)
            try:
                async with patience("messages are stored by another process"):
                    await store.add_messages([message("b", "f")])
                assert process.is_current
            finally:
                os.kill(stopped, signal.SIGCONT)
        finally:
            await asyncio.to_thread(store.close)
    assert raw.execute("SELECT id FROM message ORDER BY id").fetchall() == [("a",), ("b",)]


async def test_keys_that_are_looked_up_together_are_one_question(
    postgres_url: str, raw: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each hears of its own key: of one that is there, of none, and of one that was spoilt by hand."""
    tokens = [add_key(raw, f"k{number}") for number in range(30)]
    unknown = [Token.mint().reveal().encode() for _ in range(9)]
    raw.execute("UPDATE api_key SET status = 'revoked' WHERE id = 'k7'")
    raw.execute("UPDATE api_key SET permissions = 'none' WHERE id = 'k8'")
    asked: list[bytes] = []
    ask_for = Line.ask_for

    def counted(self: Line, who: Any, name: bytes, values: Any) -> Any:
        asked.append(name)
        return ask_for(self, who, name, values)

    monkeypatch.setattr(Line, "ask_for", counted)
    async with followed(postgres_url) as process:
        process.lookups.start()
        await soon(lambda: process.lookups._lines._lines, "look-ups are connected")
        asked.clear()
        found = await asyncio.gather(*(told(process, text) for text in [*tokens, *unknown]))
        assert found == ["active"] * 7 + ["revoked", "unavailable"] + ["active"] * 21 + [None] * 9
        assert asked == [b"find"]
        assert process.lookups.keys_read == 39
        same = process.keys._hasher.digest(Token(tokens[0].decode())).all
        twice = await asyncio.gather(*(process.lookups.find(same) for _ in range(2)))
        assert [each.record.key_id for each in twice if each.record is not None] == ["k0", "k0"]


async def test_guesses_cannot_exhaust_anything(
    postgres_url: str, raw: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given more look-ups at a time than may wait, some are told to try again, and none hangs."""
    monkeypatch.setattr("flowkeys.storage.postgres.lines.MOST_WAITING", 10)
    tokens = [add_key(raw, f"k{number}") for number in range(40)]
    async with followed(postgres_url) as process:
        async with patience("all of them are answered"):
            answers = await asyncio.gather(*(told(process, text) for text in tokens))
        assert set(answers) == {"active", "unavailable"}
        assert answers.count("active") >= 10
        assert [await told(process, text) for text in tokens] == ["active"] * 40
        asked = process.lookups.keys_read
        process.keys.forget()
        assert await asyncio.gather(*(told(process, tokens[0]) for _ in range(50))) == ["active"] * 50
        assert process.lookups.keys_read == asked + 1, "who wants the same waits for one look-up"
