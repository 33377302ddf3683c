"""A clock that jumps forward and back: nothing waits for the time that it showed."""

from flowkeys.domain.keys.rotation import LastUse
from flowkeys.domain.limits.quota import Quota, Standing, Unit
from flowkeys.service.ports.quotas import Crossing, Kind, Whose
from flowkeys.service.ports.webhooks import Answer
from tests.service.support import DAY, HOUR, MINUTE
from tests.service.webhooks.post import Post

YEAR = 365 * DAY


async def test_a_delivery_does_not_wait_for_a_clock_that_was_set_back(post: Post) -> None:
    """What failed while it was ahead is tried at once, and what failed now at its time."""
    await post.hook("key.created")
    post.clock.pass_(YEAR)
    await post.key()
    post.mailbox.answer = Answer(failure="It is down.")
    await post.deliver()
    post.clock.pass_(-YEAR)
    await post.deliver()
    assert len(post.mailbox.sent) == 2
    post.mailbox.answer = Answer(code=204)
    await post.deliver()
    assert len(post.mailbox.sent) == 2
    post.clock.pass_(10 * MINUTE)
    await post.deliver()
    assert len(post.mailbox.sent) == 3


async def test_keys_that_expire_are_announced_after_a_clock_was_set_back(post: Post) -> None:
    """Those that were announced too early come again at their time: they did not expire then."""
    await post.hook("key.expired")
    await post.key("old", 3 * DAY)
    await post.expiries.announce()
    post.clock.pass_(YEAR)
    await post.expiries.announce()
    post.clock.pass_(-YEAR)
    for restart in (False, True):
        if restart:
            post.close()
            post.restart()
        await post.expiries.announce()
    await post.key("new", DAY)
    post.clock.pass_(2 * DAY)
    await post.expiries.announce()
    post.clock.pass_(2 * DAY)
    await post.expiries.announce()
    await post.deliver()
    assert sorted(post.told()) == [("key.expired", name) for name in ("new", "old", "old")]


async def test_a_last_use_is_the_last_one_again(post: Post) -> None:
    """What lies more than a day ahead was written by a clock that was; an older use still undoes nothing."""
    key, now = await post.key(), post.clock()

    async def used(at: int) -> int | None:
        await post.store.write(lambda tx: tx.keys.touch({key.id: LastUse(at=at)}, now))
        return (await post.keyring.get(post.caller, key.id)).last_used_at

    assert await used(now + YEAR) == now + YEAR
    assert await used(now) == now
    for older in (now - HOUR, now - YEAR, 0):
        assert await used(older) == now, "an older one that was buffered elsewhere"


async def test_a_threshold_is_announced_after_a_clock_was_set_back(post: Post) -> None:
    """It was announced in a period that has not begun; in this one once."""
    key, quota = await post.key(), Quota(Unit.CALLS, 10, "month")
    whose = Whose(Kind.KEY, key.id, post.caller.workspace_id)
    crossing = Crossing(whose, quota, 80, Standing(quota, 8, 0, None))

    async def noted(now: int) -> bool:
        return await post.store.write(lambda tx: tx.quotas.note(crossing, now))

    now = post.clock()
    assert [await noted(at) for at in (now, now + YEAR, now + YEAR, now, now)] == [
        True,
        True,
        False,
        True,
        False,
    ]
