"""The cache of keys: what it holds, and when it stops believing it."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowkeys.cache import absent, order
from flowkeys.cache import keys as cache_keys
from flowkeys.cache.absent import ABSENT_MICROSECONDS
from flowkeys.cache.keys import KeyCache
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.digest import TokenHasher
from flowkeys.domain.keys.token import Token
from flowkeys.service.ports.verification import PENDING, Found
from flowkeys.storage.sqlite.connection import connect
from flowkeys.storage.sqlite.feed import BOUND_MICROSECONDS
from tests.support.cached import SECRET, Cached, Uses


@pytest.fixture
def cached(tmp_path: Path) -> Iterator[Cached]:
    """Return an empty cache over an empty database."""
    made = Cached(tmp_path / "keys.db")
    yield made
    made.close()


def test_a_key_is_read_once(cached: Cached) -> None:
    """However often it is presented, and after the feed was asked again too."""
    text = cached.make("a")
    assert [cached.find(text, after=n * 3_000) for n in range(4)] == ["a active"] * 4
    assert len(cached.statements) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE api_key SET status = 'disabled'",
        "UPDATE api_key SET name = 'other'",
        "UPDATE api_key SET expires_at = 5",
        "UPDATE api_key SET permissions = '[\"*\"]'",
        "UPDATE token SET valid_until = 5",
        "UPDATE token SET valid_until = 9e15, replaced_at = 5",
        "DELETE FROM token",
        "UPDATE api_key SET status = 'revoked', version = version + 1, updated_at = 7",
        "UPDATE api_key SET id = 'b'",
        (
            "REPLACE INTO token (workspace_id, key_id, digest, hint, created_at, valid_until)"
            " SELECT workspace_id, key_id, digest, hint, created_at, 5 FROM token"
        ),
        (
            "REPLACE INTO token (seq, workspace_id, key_id, digest, hint, created_at)"
            " SELECT seq, workspace_id, key_id, digest || 'x', hint, created_at FROM token"
        ),
        "UPDATE api_key SET status = 'disabled'; DELETE FROM change",
    ],
)
def test_a_change_by_another_connection_is_known_when_the_bound_is_over(change: str, cached: Cached) -> None:
    """By hand in SQL too, however it is written, and whatever became of the feed's rows."""
    text = cached.make("a")
    before = cached.keys.at_once(text, cached.now)
    cached.other.execute("PRAGMA foreign_keys = OFF")  # as in a shell
    cached.other.executescript(change)
    after = cached.keys.at_once(text, cached.now + BOUND_MICROSECONDS)
    assert after != before
    assert cached.keys.at_once(text, cached.now + BOUND_MICROSECONDS) == after


def test_within_the_bound_nothing_is_asked(cached: Cached) -> None:
    """That is what the bound is for: the old record is used until it is over, not a microsecond longer."""
    text = cached.make("a")
    cached.find(text)
    cached.other.execute("UPDATE api_key SET status = 'disabled'")
    assert cached.find(text, after=BOUND_MICROSECONDS - 1) == "a active"
    assert cached.find(text, after=1) == "a disabled"


def test_a_clock_that_goes_back_makes_the_feed_be_asked(cached: Cached) -> None:
    """Else an hour could pass until the clock is where it was."""
    text = cached.make("a")
    cached.find(text)
    cached.other.execute("UPDATE api_key SET status = 'disabled'")
    assert cached.find(text, after=-1) == "a disabled"


def test_nobodys_token_is_looked_up_once_and_found_when_it_becomes_somebodys(cached: Cached) -> None:
    """Absence is remembered for a second at most, and until any key changes."""
    text = Token.mint().reveal().encode()
    assert [cached.find(text) for _ in range(3)] == [None] * 3
    assert len(cached.statements) == 1
    assert cached.find(text, after=ABSENT_MICROSECONDS) is None
    assert len(cached.statements) == 2
    made = cached.make("a")
    digest = cached.hasher.digest(Token(text.decode())).newest
    cached.other.execute("UPDATE token SET digest = ?", (digest,))
    assert cached.find(text, after=BOUND_MICROSECONDS) == "a active"
    assert cached.find(made) is None


def test_what_is_no_token_is_never_looked_up(cached: Cached) -> None:
    """Another length, a wrong checksum, bytes that are no ASCII."""
    good = cached.make("a")
    for text in (
        b"",
        good[:-1],
        good + b"x",
        good[:-1] + b"\xff",
        good[:-2] + bytes([good[-2] ^ 1, good[-1]]),
    ):
        assert cached.find(text) is None
    assert cached.statements == []


def test_it_holds_no_more_than_its_size(tmp_path: Path) -> None:
    """The one that came first goes first; what is gone is read again."""
    cached = Cached(tmp_path / "keys.db", size=3)
    texts = [cached.make(f"k{n}") for n in range(5)]
    for text in texts:
        cached.find(text)
    assert len(cached.keys) == 3
    cached.statements.clear()
    assert cached.find(texts[4]) == "k4 active"
    assert cached.statements == []
    assert cached.find(texts[0]) == "k0 active"
    assert len(cached.statements) == 1
    cached.close()


async def test_a_key_that_changes_and_is_used_again_and_again_takes_no_more_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time it is read ahead anew, and moves when it is presented. Which came first stays known."""
    monkeypatch.setattr(order, "_SPARE", 4)
    cached = Cached(tmp_path / "keys.db", size=4)
    texts = [cached.make(f"k{n}") for n in range(3)]
    await cached.read_ahead()
    for number in range(50):
        cached.other.execute("UPDATE api_key SET name = ? WHERE id = 'k0'", (f"{number}",))
        assert cached.find(texts[0], after=BOUND_MICROSECONDS) == f"{number} active"
        assert len(cached.keys._order._indexes) <= order.INDEX_BYTES * (2 * len(cached.keys) + 4)
    assert cached.keys._claims_all()
    texts += [cached.make(f"k{n}") for n in range(3, 5)]
    found = [cached.find(text, after=BOUND_MICROSECONDS) for text in texts[3:]]
    assert found == ["k3 active", "k4 active"]
    assert len(cached.keys) == 4
    cached.statements.clear()
    assert [cached.find(text) for text in (texts[0], texts[2])] == ["49 active", "k2 active"]
    assert cached.statements == []
    assert cached.find(texts[1]) == "k1 active"
    assert len(cached.statements) == 1, "it was first of those that were there"
    cached.close()


def test_what_nobody_has_is_remembered_up_to_a_bound(cached: Cached, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever tries many tokens fills no memory."""
    monkeypatch.setattr(absent, "_MOST", 5)
    for _ in range(20):
        cached.find(Token.mint().reveal().encode())
    assert len(cached.keys._absent._until) == 5


async def test_reading_ahead_serves_the_first_call_without_a_look_up(cached: Cached) -> None:
    """Of keys under the newest secret; a token that is presented moves, and is not kept twice."""
    texts = [cached.make(f"k{n}") for n in range(250)]
    cached.keys._size = 1000
    await cached.warming()._fill(cached.keys.generation)
    assert len(cached.keys) == 250
    cached.statements.clear()
    assert [cached.find(text) for text in texts] == [f"k{n} active" for n in range(250)]
    assert cached.statements == []
    assert len(cached.keys) == 250
    cached.other.execute("UPDATE api_key SET status = 'revoked' WHERE id = 'k7'")
    assert cached.find(texts[7], after=BOUND_MICROSECONDS) == "k7 revoked"


async def test_a_key_that_changes_before_it_is_first_presented_is_read_again(cached: Cached) -> None:
    """A record that was read ahead is believed no longer than one that was used."""
    text = cached.make("a")
    await cached.warming()._fill(0)
    cached.other.execute("UPDATE api_key SET status = 'disabled'")
    assert cached.find(text, after=BOUND_MICROSECONDS) == "a disabled"


def unknown() -> bytes:
    """Return a well-formed token that nobody has."""
    return Token.mint().reveal().encode()


async def test_while_everything_is_in_memory_a_guess_costs_no_look_up(cached: Cached) -> None:
    """Nor does it when keys changed, were made and went: those are read again, each once."""
    texts = [cached.make(f"k{n}") for n in range(3)]
    await cached.read_ahead()
    assert [cached.find(unknown(), after=n) for n in range(20)] == [None] * 20
    assert cached.statements == []
    cached.other.execute("UPDATE api_key SET status = 'disabled' WHERE id = 'k0'")
    cached.other.execute("DELETE FROM token WHERE key_id = 'k1'")
    made = cached.make("new")
    assert cached.find(unknown(), after=BOUND_MICROSECONDS) is None
    assert len(cached.statements) == 3
    found = [cached.find(text) for text in (*texts[::2], made)]
    assert found == ["k0 disabled", "k2 active", "new active"]
    assert [cached.find(unknown(), after=BOUND_MICROSECONDS) for _ in range(20)] == [None] * 20
    assert len(cached.statements) == 3
    assert cached.find(texts[1]) is None


async def test_a_key_that_another_process_made_is_known_before_the_bound_is_over(cached: Cached) -> None:
    """Who makes a key there and hears of it uses it here: that takes longer than what a guess rests on."""
    await cached.read_ahead()
    for number in range(3):
        made = cached.make(f"k{number}")
        assert cached.find(made, after=cache_keys.NEW_MICROSECONDS) == f"k{number} active"
        moved = unknown()
        digest = cached.hasher.digest(Token(moved.decode())).newest
        cached.other.execute("UPDATE token SET digest = ? WHERE key_id = ?", (digest, f"k{number}"))
        assert cached.find(moved, after=cache_keys.NEW_MICROSECONDS) == f"k{number} active"


async def test_many_changes_are_read_a_part_at_a_time(
    cached: Cached, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No call waits for all of them, and each is right."""
    monkeypatch.setattr(cache_keys, "_READ_AT_ONCE", 3)
    await cached.read_ahead()
    texts = [cached.make(f"k{n}") for n in range(20)]
    assert cached.find(unknown(), after=BOUND_MICROSECONDS) is None
    assert len(cached.statements) == 3 + 1, "some of them, and the guess"
    assert cached.find(unknown()) is None
    assert len(cached.statements) == 2 * (3 + 1)
    assert [cached.find(text) for text in reversed(texts)] == [f"k{n} active" for n in reversed(range(20))]
    assert len(cached.statements) < 50
    cached.statements.clear()
    assert cached.find(unknown()) is None
    assert cached.statements == []


async def test_a_change_while_all_is_read_ahead_is_not_missed(cached: Cached) -> None:
    """A key may be made behind what has been read already."""
    for number in range(300):
        cached.make(f"k{number}")
    cached.keys._size = 1000
    filling = asyncio.create_task(cached.warming()._fill(0))
    await asyncio.sleep(0)
    late = cached.make("late")
    await filling
    assert len(cached.keys) == 300
    assert cached.find(late, after=BOUND_MICROSECONDS) == "late active"


@pytest.mark.parametrize("why", ["no room", "evicted", "older secret", "forgotten", "history", "broken"])
async def test_what_is_not_all_in_memory_is_looked_up(why: str, tmp_path: Path) -> None:
    """The claim to have everything ends with the first key that is not there."""
    secrets = (SECRET, "o" * 32) if why == "older secret" else (SECRET,)
    cached = Cached(tmp_path / "keys.db", secrets=secrets, size=4 if why == "no room" else 5)
    texts = [cached.make(f"k{n}") for n in range(5)]
    if why == "older secret":
        texts.append(cached.make("old", TokenHasher([secrets[1]])))
    await cached.read_ahead()
    if why == "evicted":
        texts.append(cached.make("one more"))
        assert cached.find(texts[-1], after=BOUND_MICROSECONDS) == "one more active"
    if why == "forgotten":
        cached.keys.forget()
    if why == "history":
        texts.append(cached.make("hidden"))
        cached.other.execute("DELETE FROM change")
    if why == "broken":
        cached.lookups.connection.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
        with pytest.raises(Unavailable):
            cached.find(texts[0], after=BOUND_MICROSECONDS)
        cached.lookups.connection.set_authorizer(None)
    assert all(cached.find(text, after=cache_keys.NEW_MICROSECONDS) is not None for text in texts)
    assert cached.find(unknown()) is None
    assert cached.statements
    cached.close()


def test_a_token_under_an_older_secret_is_noted_for_its_new_digest(tmp_path: Path) -> None:
    """Once, when it is read."""
    old = "o" * 32
    cached = Cached(tmp_path / "keys.db", secrets=(SECRET, old))
    text = cached.make("a", TokenHasher([old]))
    assert [cached.find(text) for _ in range(3)] == ["a active"] * 3
    assert [key_id for key_id, *_ in cached.uses.old] == ["a"]
    cached.close()


def test_a_feed_that_breaks_empties_the_cache_and_is_an_outage(cached: Cached) -> None:
    """Never an old record, never a 401: whoever asks hears that the store cannot be reached."""
    text = cached.make("a")
    cached.find(text)
    cached.lookups.connection.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
    with pytest.raises(Unavailable):
        cached.find(text, after=BOUND_MICROSECONDS)
    assert len(cached.keys) == 0
    cached.other.execute("UPDATE api_key SET status = 'disabled'")
    cached.lookups.connection.set_authorizer(None)
    assert cached.find(text) == "a disabled"


def test_a_whole_key_that_is_replaced_is_known(cached: Cached) -> None:
    """``REPLACE`` takes a row away without a trigger of a deletion."""
    text = cached.make("a")
    cached.find(text)
    cached.other.execute("PRAGMA foreign_keys = OFF")
    names = [name for _, name, *_ in cached.other.execute("PRAGMA table_info(api_key)")]
    values = ["'revoked'" if name == "status" else name for name in names]
    cached.other.execute(f"REPLACE INTO api_key ({', '.join(names)}) SELECT {', '.join(values)} FROM api_key")
    assert cached.find(text, after=BOUND_MICROSECONDS) == "a revoked"


@pytest.mark.parametrize("more", [0, 1, 60])
def test_a_backup_that_is_restored_in_place_is_what_counts(more: int, cached: Cached, tmp_path: Path) -> None:
    """The feed's positions begin anew then, and other changes have the same ones.

    A key made after the backup is gone, one from before it is as it was, and changes from then on are known.
    """
    old = cached.make("old")
    backup = connect(tmp_path / "backup.db")
    cached.other.backup(backup)
    cached.other.execute("UPDATE api_key SET status = 'disabled'")
    late = cached.make("late")
    for number in range(more):
        cached.make(f"k{number}")
    assert [cached.find(old, after=BOUND_MICROSECONDS), cached.find(late)] == ["old disabled", "late active"]
    backup.backup(cached.other)
    backup.close()
    assert [cached.find(old, after=BOUND_MICROSECONDS), cached.find(late)] == ["old active", None]
    for status in ("revoked", "active", "disabled"):
        cached.other.execute("UPDATE api_key SET status = ?", (status,))
        assert cached.find(old, after=BOUND_MICROSECONDS) == f"old {status}"
    assert cached.find(cached.make("new"), after=BOUND_MICROSECONDS) == "new active"


def test_more_changes_than_are_worth_reading_empty_the_cache(
    cached: Cached, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an import of many keys."""
    monkeypatch.setattr("flowkeys.storage.sqlite.feed._AT_ONCE", 3)
    text = cached.make("a")
    cached.find(text)
    cached.other.execute("UPDATE api_key SET status = 'disabled'")
    for n in range(5):
        cached.make(f"k{n}")
    assert cached.find(text, after=BOUND_MICROSECONDS) == "a disabled"
    assert cached.keys.generation == 1


class Slow:
    """A store that answers when it is told to, and counts how often it is asked."""

    def __init__(self, lookups: object) -> None:
        self.lookups = lookups
        self.asked = 0
        self.read = asyncio.Event()
        self.answer = asyncio.Event()

    def find_at_once(self, digests: object) -> object:
        """Not at once."""
        return PENDING

    async def find(self, digests: object) -> Found:
        """Read now, answer later."""
        self.asked += 1
        found = self.lookups.find_at_once(digests)
        self.read.set()
        await self.answer.wait()
        return found


async def test_calls_for_one_token_share_a_look_up(cached: Cached) -> None:
    """On a store that makes one wait; the one that gives up takes nothing from the others (`test_flight`)."""
    slow = Slow(cached.lookups)
    keys = KeyCache(slow, cached.feed, cached.hasher, Uses(), 10)
    text = cached.make("a")
    assert keys.at_once(text, cached.now) is PENDING
    calls = [asyncio.create_task(keys.find(text, cached.now)) for _ in range(5)]
    await slow.read.wait()
    calls[1].cancel()
    slow.answer.set()
    found = await asyncio.gather(calls[0], *calls[2:])
    assert [record.name for record in found] == ["a"] * 4
    assert slow.asked == 1
    assert keys.at_once(text, cached.now).name == "a"


async def test_a_record_that_was_on_its_way_while_everything_was_forgotten_is_not_kept(
    cached: Cached,
) -> None:
    """Which keys changed is not known then."""
    slow = Slow(cached.lookups)
    keys = KeyCache(slow, cached.feed, cached.hasher, Uses(), 10)
    text = cached.make("a")
    call = asyncio.create_task(keys.find(text, cached.now))
    await slow.read.wait()
    keys.forget()
    slow.answer.set()
    await call
    assert len(keys) == 0


@pytest.mark.parametrize("change", ["UPDATE api_key SET status = 'disabled'", "DELETE FROM token"])
async def test_a_call_after_a_change_does_not_wait_for_what_was_read_before(
    change: str, cached: Cached
) -> None:
    """It would be let in with the record of a key that is disabled by then."""
    slow = Slow(cached.lookups)
    keys = KeyCache(slow, cached.feed, cached.hasher, Uses(), 10)
    cached.feed.tell(keys)
    text = cached.make("a")
    early = asyncio.create_task(keys.find(text, cached.now))
    await slow.read.wait()
    cached.other.execute(change)
    cached.feed.catch_up()
    late = asyncio.create_task(keys.find(text, cached.now))
    await asyncio.sleep(0)
    slow.answer.set()
    before, after = await asyncio.gather(early, late)
    assert before.status == "active"
    assert after is None or after.status == "disabled"
    assert slow.asked == 2


async def test_a_record_that_was_on_its_way_while_its_key_changed_is_not_kept(cached: Cached) -> None:
    """e2b, Unkey: a fill from before the change came after it, and stayed."""
    slow = Slow(cached.lookups)
    keys = KeyCache(slow, cached.feed, cached.hasher, Uses(), 10)
    cached.feed.tell(keys)
    text = cached.make("a")
    assert keys.at_once(text, cached.now) is PENDING
    call = asyncio.create_task(keys.find(text, cached.now))
    await slow.read.wait()
    cached.other.execute("UPDATE api_key SET status = 'disabled'")
    assert keys.at_once(text, cached.now + BOUND_MICROSECONDS) is PENDING
    slow.answer.set()
    await call
    assert keys.at_once(text, cached.now + BOUND_MICROSECONDS) is PENDING
    assert len(keys) == 0
