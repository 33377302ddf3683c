"""A file that cannot be read: what was known last counts only where the operator chose so, and is counted."""

import sqlite3
from pathlib import Path

import pytest

from flowkeys.cache.keys import KeyCache
from flowkeys.cache.stale import Stale
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.times import SECOND
from flowkeys.service.ports.verification import PENDING, STALE
from flowkeys.storage.sqlite.feed import BOUND_MICROSECONDS, SqliteFeed
from tests.support.cached import Cached, Uses


@pytest.mark.parametrize("seconds", [0, 60])
async def test_known_keys_are_accepted_as_long_as_the_operator_chose(seconds: int, tmp_path: Path) -> None:
    """None unless chosen; and when the file can be read again, what was missed is known first."""
    cached = Cached(tmp_path / "flowkeys.db")
    feed = SqliteFeed(cached.lookups.connection, keeps=seconds > 0)
    stale = Stale(feed, 20, seconds, cached.log)
    keys = KeyCache(cached.lookups, feed, cached.hasher, Uses(), 100, stale)
    feed.tell(keys)
    known, unknown = cached.make("a"), cached.make("b")
    found = keys.at_once(known, cached.now)
    assert found is not None
    assert found is not PENDING
    cached.lookups.connection.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
    cached.now += BOUND_MICROSECONDS
    if not seconds:
        with pytest.raises(Unavailable):
            keys.at_once(known, cached.now)
    else:
        assert keys.at_once(known, cached.now) is PENDING
        record = await keys.find(known, cached.now)
        assert record is not None
        assert (record.name, record.position) == ("a", STALE)
        keys.accepted_stale()
        keys.accepted_stale()
        assert stale.uses == 2
        assert [event for event, _ in cached.log.lines] == ["stale_keys_accepted"]
        with pytest.raises(Unavailable):
            await keys.find(unknown, cached.now)
    with pytest.raises(Unavailable):
        keys.at_once(known, cached.now + (seconds + 1) * SECOND)
    cached.other.execute("UPDATE api_key SET status = 'revoked' WHERE id = 'a'")
    cached.lookups.connection.set_authorizer(None)
    found = keys.at_once(known, cached.now)
    assert found is not None
    assert found is not PENDING
    assert found.status == "revoked"
    cached.close()
