"""Tokens that were replaced and have ended: known to be there, and not in memory."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowkeys.cache.ended import Ended
from flowkeys.domain.keys.token import Token
from flowkeys.storage.sqlite.feed import BOUND_MICROSECONDS
from tests.support.cached import Cached


@pytest.fixture
def cached(tmp_path: Path) -> Iterator[Cached]:
    """Return an empty cache over an empty database."""
    made = Cached(tmp_path / "keys.db")
    yield made
    made.close()


@pytest.mark.parametrize("batches", [(1,), (5, 1, 1), (3000,), (2500, 1, 2500, 7)])
def test_a_set_of_digests(batches: tuple[int, ...]) -> None:
    """Whatever was added is in it, twice or in any order; nothing else is."""
    numbers = random.Random(7)
    ended, added = Ended(), set()
    for size in batches:
        for _ in range(size):
            digest = numbers.randbytes(32)
            added.add(digest)
            ended.add(digest)
            ended.add(min(added))
        assert all(digest in ended for digest in added)
        assert not any(numbers.randbytes(32) in ended for _ in range(100))
    assert len(ended) == len(added)


async def test_an_ended_token_is_not_in_memory_and_hears_why(cached: Cached) -> None:
    """It is looked up once, when it comes; guesses still cost no look-up."""
    live, gone, own = cached.make("live"), cached.make("gone"), cached.make("own")
    cached.other.execute(
        "UPDATE token SET replaced_at = 5, valid_until = ? WHERE key_id = 'gone'", (cached.now - 1,)
    )
    cached.other.execute(
        "UPDATE token SET replaced_at = 5, valid_until = ? WHERE key_id = 'live'", (cached.now + 10**9,)
    )
    await cached.read_ahead()
    assert len(cached.keys) == 2
    assert [cached.find(text) for text in (live, own, Token.mint().reveal().encode())] == [
        "live active",
        "own active",
        None,
    ]
    assert cached.statements == []
    record = cached.keys.at_once(gone, cached.now)
    assert record is not None
    assert (record.replaced_at, record.valid_until) == (5, cached.now - 1)
    assert len(cached.statements) == 1
    assert cached.find(gone) == "gone active"
    assert len(cached.statements) == 1


async def test_a_token_that_ends_while_all_is_in_memory_is_not_forgotten(cached: Cached) -> None:
    """Its key changes with its end, and is read anew: without the old token, which is still known of."""
    text = cached.make("a")
    await cached.read_ahead()
    assert cached.find(text) == "a active"
    cached.other.execute("UPDATE token SET replaced_at = 5, valid_until = ?", (cached.now,))
    record = cached.keys.at_once(text, cached.now + BOUND_MICROSECONDS)
    assert record is not None
    assert record.valid_until == cached.now
    assert cached.find(Token.mint().reveal().encode(), after=BOUND_MICROSECONDS) is None
