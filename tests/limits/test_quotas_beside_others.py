"""Quotas that several processes count, each by itself: what is stored adds up, and each goes on from it."""

from flowkeys.limits.quota_flush import QuotaFlush
from flowkeys.limits.quotas import MemoryQuotas
from tests.limits.test_quotas import World, of


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
