"""Quotas that several processes count, each by itself: what is stored adds up, and each goes on from it."""

from flowkeys.domain.limits.fields import form_of
from flowkeys.domain.limits.gcra import KEY, Kept, Scope
from flowkeys.domain.limits.rate import Limits, parse_limits
from flowkeys.limits.memory import MemoryLimits
from flowkeys.limits.quota_flush import QuotaFlush
from flowkeys.limits.quotas import MemoryQuotas
from flowkeys.limits.ready import ReadyInMemory
from tests.limits.test_quotas import World, of

_LIMITED: tuple[Scope, ...] = ((KEY, "k", Limits(parse_limits(["1000/minute"]))),)


def _process(world: World) -> tuple[MemoryQuotas, QuotaFlush]:
    quotas = MemoryQuotas(world.load, lambda: world.now, beside_others=True)
    return quotas, QuotaFlush(quotas, world.store, 1.0, lambda _: None)


async def test_each_goes_on_from_what_all_have_stored() -> None:
    """After a flush of both the next call of either knows of all; between flushes nothing is read again."""
    world, scope = World(), of("100/month, 1000 tokens/30d")
    (one, flush_one), (other, flush_other) = _process(world), _process(world)
    for _ in range(30):
        await one.take((scope,), 5)
        await other.take((scope,), 5)
    loads = world.loads
    assert loads == 2
    for flush in (flush_one, flush_other):
        assert await flush.flush()
    assert (await one.take((scope,), None)).left[0] == 100 - 61
    assert (await other.take((scope,), None)).left[0] == 100 - 61, "what was counted since is not stored yet"
    assert one.at_once((scope,), None).left[0] == 100 - 62  # type: ignore[union-attr]
    assert world.loads == loads + 2
    for _ in range(2):
        await flush_one.flush()
        await flush_other.flush()
    assert (await other.take((scope,), None)).left[0] == 100 - 64
    assert sum(used for (_, unit, _, _), used in world.stored.items() if unit == "calls") == 63


async def test_what_was_not_stored_is_not_lost_when_it_is_read_again() -> None:
    """A call that is given back, and tokens of a run that ends, between a flush and the next call."""
    world, scope = World(), of("100/month, 1000 tokens/month")
    (one, flush), (other, flush_other) = _process(world), _process(world)
    running, given_back = await one.take((scope,), 500), await one.take((scope,), None)
    await other.take((scope,), None)
    for each in (flush, flush_other):
        await each.flush()
    assert running.reserved is not None
    running.reserved.settle(200)
    one.give_back(given_back)
    spent = await one.take((scope,), None)
    assert spent.left == (100 - 3, 1000 - 200)
    await flush.flush()
    assert (await one.take((scope,), None)).left == (100 - 4, 1000 - 200)


async def test_what_is_kept_at_hand_ends_with_a_flush() -> None:
    """A call that is let in at hand does not go on from what was known before it (`ReadyInMemory`)."""
    world, scope = World(), of("100/month")
    (one, flush), (other, flush_other) = _process(world), _process(world)
    limits = MemoryLimits(lambda: world.now * 1000)
    let_in = ReadyInMemory(limits, one)(Kept(form_of(_LIMITED, (scope,))), _LIMITED, (scope,))
    assert let_in is not None
    limits.at_once(_LIMITED)
    for _ in range(10):
        await one.take((scope,), None)
        await other.take((scope,), None)
    assert let_in(world.now) is not None
    assert await flush_other.flush()
    assert await flush.flush()
    assert let_in(world.now) is None, "what the other one has stored is not known yet"
    assert (await one.take((scope,), None)).left == (100 - 22,)
    assert let_in(world.now) is not None
