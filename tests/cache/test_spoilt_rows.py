"""Rows that somebody spoilt by hand, in SQL: only who presents such a key hears of it."""

import asyncio
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from flowkeys.cache import warming
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.token import Token
from flowkeys.storage.sqlite import health
from flowkeys.storage.sqlite.feed import BOUND_MICROSECONDS
from tests.support.cached import Cached

SPOILT = [
    "UPDATE api_key SET status = 'inactive' WHERE id = 'bad'",
    "UPDATE api_key SET permissions = 'logs:view' WHERE id = 'bad'",
    "UPDATE api_key SET permissions = '{\"a\": 1}' WHERE id = 'bad'",
    "UPDATE api_key SET permissions = '[1]' WHERE id = 'bad'",
    "UPDATE api_key SET permissions = 5 WHERE id = 'bad'",
    "UPDATE api_key SET expires_at = '2030-01-01' WHERE id = 'bad'",
    "UPDATE api_key SET name = x'00ff' WHERE id = 'bad'",
    "UPDATE token SET valid_until = 'never' WHERE key_id = 'bad'",
    "UPDATE token SET replaced_at = 'then' WHERE key_id = 'bad'",
]
NO_UTF_8 = "UPDATE api_key SET name = CAST(x'ff' AS TEXT) WHERE id = 'bad'"

each_spoilt = pytest.mark.parametrize("spoil", [*SPOILT, NO_UTF_8])


@pytest.fixture
def cached(tmp_path: Path) -> Iterator[Cached]:
    """Return an empty cache over an empty database."""
    made = Cached(tmp_path / "keys.db")
    yield made
    made.close()


@each_spoilt
async def test_a_row_that_is_spoilt_while_all_is_in_memory(spoil: str, cached: Cached) -> None:
    """Every other call is answered as before: keys that were presented or not, new ones, and guesses."""
    texts = [cached.make(f"k{n}") for n in range(3)]
    bad = cached.make("bad")
    await cached.read_ahead()
    assert cached.find(texts[0]) == "k0 active"
    cached.other.execute(spoil)
    assert cached.find(texts[1], after=BOUND_MICROSECONDS) == "k1 active"
    assert cached.find(Token.mint().reveal().encode()) is None
    assert [cached.find(text) for text in texts] == ["k0 active", "k1 active", "k2 active"]
    assert cached.find(cached.make("new"), after=BOUND_MICROSECONDS) == "new active"
    for _ in range(2):
        with pytest.raises(Unavailable):
            cached.find(bad, after=BOUND_MICROSECONDS)
    cached.other.execute("UPDATE token SET valid_until = NULL, replaced_at = NULL")
    cached.other.execute(
        "UPDATE api_key SET status = 'active', permissions = '[]', expires_at = NULL, name = 'bad'"
    )
    assert cached.find(bad, after=BOUND_MICROSECONDS) == "bad active"


@each_spoilt
async def test_a_row_that_is_spoilt_before_all_is_read_ahead(spoil: str, cached: Cached) -> None:
    """The others are read, nobody claims to have everything, and the key's id is logged once."""
    bad = cached.make("bad")
    texts = [cached.make(f"k{n}") for n in range(3)]
    worse = cached.make("worse")
    cached.other.execute("UPDATE api_key SET status = '?' WHERE id = 'worse'")
    cached.other.execute(spoil)
    reading = cached.warming()
    for _ in range(2):
        await reading._fill(cached.keys.generation)
    assert cached.log.lines == [("unreadable_key", {"key_id": "bad"})]
    cached.statements.clear()
    assert [cached.find(text) for text in texts] == ["k0 active", "k1 active", "k2 active"]
    assert cached.statements == []
    for text in (bad, worse):
        with pytest.raises(Unavailable):
            cached.find(text)
    assert cached.find(Token.mint().reveal().encode()) is None


def test_who_presents_a_key_that_cannot_be_read_hears_which_and_the_log_why(cached: Cached) -> None:
    """Never of its token or digest."""
    bad = cached.make("bad")
    cached.other.execute(SPOILT[0])
    with pytest.raises(Unavailable, match="The key bad cannot be read") as raised:
        cached.find(bad)
    assert repr(raised.value.__cause__) == "KeyError('inactive')"


@pytest.mark.parametrize("spoil", SPOILT)
def test_spoilt_rows_are_found(spoil: str, tmp_path: Path) -> None:
    """Those that cannot be read, and no others."""
    cached = Cached(tmp_path / "keys.db")
    for name in ("a", "bad", "z"):
        cached.make(name)
    cached.other.execute("UPDATE api_key SET permissions = '[\"logs:view\"]', expires_at = 5 WHERE id = 'z'")
    assert health.unreadable_keys(tmp_path / "keys.db") == []
    cached.other.execute(spoil)
    assert health.unreadable_keys(tmp_path / "keys.db") == ["bad"]
    cached.close()


async def test_rows_whose_numbers_were_given_by_hand_are_read_ahead(cached: Cached) -> None:
    """Below zero and far apart: all of them, in as many steps as if they had been counted."""
    names = [f"k{n}" for n in range(7)]
    texts = [cached.make(name) for name in names]
    for name, seq in zip(names, (-(2**63), -5, 0, 8, 2**62, 2**63 - 1), strict=False):
        cached.other.execute("UPDATE token SET seq = ? WHERE key_id = ?", (seq, name))
    tag = cached.hasher.newest_tag
    for batch in (1, 2, 7, 100):
        cached.statements.clear()
        read = [len(part) for part in islice(cached.lookups.ahead(tag, batch), 10)]
        assert (sum(read), max(read)) == (7, min(batch, 7))
        assert len(read) == -(-7 // batch)
        assert len(cached.statements) <= 1 + 2 * len(read)
    await cached.read_ahead()
    assert cached.find(Token.mint().reveal().encode()) is None
    assert [cached.find(text) for text in texts] == [f"{name} active" for name in names]
    assert cached.statements == []


def test_all_are_read_ahead_along_the_table(cached: Cached) -> None:
    """A million keys: no step passes by rows of another, and none sorts."""
    cached.make("a")
    assert sum(map(len, cached.lookups.ahead(cached.hasher.newest_tag, 100))) == 1
    plans = [
        [row[3] for row in cached.other.execute(f"EXPLAIN QUERY PLAN {statement}")]
        for statement in cached.statements
    ]
    assert len(plans) == 3
    for plan in plans[1:]:
        assert re.fullmatch(r"SEARCH (t|token) USING INTEGER PRIMARY KEY \(rowid>\? AND rowid<\?\)", plan[0])
    rest = [step for plan in plans for step in plan]
    assert not any(("SCAN" in step and "CONSTANT ROW" not in step) or "TEMP" in step for step in rest), rest


async def test_what_nobody_expected_is_logged_and_tried_again(
    cached: Cached, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading ahead never ends in silence."""
    monkeypatch.setattr(warming, "_AGAIN_SECONDS", 0)
    text = cached.make("a")
    broken = RuntimeError("of the store")
    answers = [cached.lookups.ahead]

    def ahead(tag: str, batch: int) -> object:
        cached.lookups.ahead = answers.pop()
        raise broken

    cached.lookups.ahead = ahead
    reading = cached.warming()
    reading.start()
    while not cached.keys._claims_all():
        await asyncio.sleep(0)
        assert not reading._task.done()
    await reading.stop()
    assert cached.log.lines == [("warming_failed", {"exc_info": broken})]
    cached.statements.clear()
    assert cached.find(text) == "a active"
    assert cached.statements == []
