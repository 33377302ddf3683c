"""What time does to keys is announced, each once, whatever happens to the server."""

import sqlite3
from contextlib import closing

from tests.service.support import DAY, HOUR, MINUTE
from tests.service.webhooks.post import Post

EVENTS = ("key.expiring", "key.expired")


async def tick(post: Post, passes: int) -> list[tuple[str, str]]:
    """Let time pass, look what came due, send it, and return what arrived."""
    post.mailbox.sent.clear()
    post.clock.pass_(passes)
    await post.expiries.announce()
    await post.deliver()
    return post.told()


async def test_a_key_is_announced_14_days_and_1_day_before_its_end_and_at_it(post: Post) -> None:
    """Three announcements, each at its moment and with the days that are left, and none twice."""
    await post.hook(*EVENTS)
    await post.key("long", 30 * DAY)
    assert await tick(post, 15 * DAY) == []
    assert await tick(post, DAY) == [("key.expiring", "long")]
    assert post.mailbox.sent[0]["data"]["daysLeft"] == 14
    assert post.mailbox.sent[0]["data"]["status"] == "active"
    assert await tick(post, HOUR) == []
    assert await tick(post, 13 * DAY) == [("key.expiring", "long")]
    assert post.mailbox.sent[0]["data"]["daysLeft"] == 1
    assert await tick(post, DAY) == [("key.expired", "long")]
    assert post.mailbox.sent[0]["data"]["status"] == "expired"
    assert await tick(post, 100 * DAY) == []


async def test_a_restart_announces_nothing_twice_and_forgets_nothing(post: Post) -> None:
    """Killed before, between and after: what came due while it was down comes once, the last moment alone."""
    await post.hook(*EVENTS)
    await post.key("long", 30 * DAY)
    await tick(post, 5 * DAY)
    post.close()
    post.restart()
    assert await tick(post, 12 * DAY) == [("key.expiring", "long")]
    post.close()
    post.restart()
    assert await tick(post, MINUTE) == []
    post.close()
    post.restart()
    assert await tick(post, 30 * DAY) == [("key.expired", "long")], "not that it expires soon as well"


async def test_a_moment_that_passed_before_the_key_was_made_is_not_announced(post: Post) -> None:
    """A key that lasts a week hears of its last day; one that lasts an hour of its end alone."""
    await post.hook(*EVENTS)
    await tick(post, DAY)
    await post.key("week", 7 * DAY)
    await post.key("fortnight", 14 * DAY)
    await post.key("hour", HOUR)
    assert await tick(post, MINUTE) == []
    assert await tick(post, HOUR) == [("key.expired", "hour")]
    assert await tick(post, 6 * DAY) == [("key.expiring", "week")]


async def test_keys_that_ended_otherwise_are_not_announced(post: Post) -> None:
    """Nobody needs to renew what is disabled or revoked; what moved its end is announced for the new one."""
    from flowkeys.service.keys.input import KeyPatch  # the only test that changes a key

    await post.hook(*EVENTS)
    disabled, revoked, moved = [await post.key(name, 2 * DAY) for name in ("disabled", "revoked", "moved")]
    await post.keyring.disable(post.caller, disabled.id)
    await post.keyring.revoke(post.caller, revoked.id)
    later = KeyPatch(expires_at=post.clock() + 4 * DAY)
    await post.keyring.update(post.caller, moved.id, later)
    assert await tick(post, 2 * DAY) == []
    assert await tick(post, DAY) == [("key.expiring", "moved")]


async def test_what_ended_before_anybody_listened_is_old_news(post: Post) -> None:
    """The first webhook hears of what comes, not of the years before it."""
    await post.key("old", DAY)
    await tick(post, 2 * DAY)
    await post.hook(*EVENTS)
    assert await tick(post, HOUR) == []
    post.close()
    post.restart()
    assert await tick(post, HOUR) == []


async def test_two_servers_over_one_file_announce_once(post: Post) -> None:
    """Whoever comes second finds it done."""
    from flowkeys.service.webhooks.expiries import Expiries

    await post.hook(*EVENTS)
    await post.key("shared", 2 * DAY)
    other = Expiries(post.store, post.clock)
    await other.announce()
    assert await tick(post, DAY) == [("key.expiring", "shared")]
    await other.announce()
    assert await tick(post, MINUTE) == []


async def test_a_key_that_was_spoilt_by_hand_keeps_no_other_from_being_announced(post: Post) -> None:
    """Nothing can be said of it, but of all that end with it."""
    await post.hook(*EVENTS)
    for name in ("spoilt", "first", "second"):
        await post.key(name, HOUR)
    with closing(sqlite3.connect(post.database)) as raw, raw:
        raw.execute("UPDATE api_key SET permissions = 'x' WHERE name = 'spoilt'")
    await tick(post, MINUTE)
    assert await tick(post, HOUR) == [("key.expired", "first"), ("key.expired", "second")]
