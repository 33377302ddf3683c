"""A clock that jumps forward and back: what quotas do meanwhile and afterwards, and rate limits do not."""

import time

import pytest

from flowkeys.domain.limits.quota import standings
from flowkeys.domain.times import DAY, SECOND
from flowkeys.limits import quotas as in_memory
from flowkeys.limits.memory import MemoryLimits
from tests.limits.test_quotas import HOUR, World, at, of

YEAR = 365 * DAY


@pytest.fixture
def world() -> World:
    """One with nothing in it, in the middle of a month."""
    made = World()
    made.now = at("2027-01-15T12:00:00")
    return made


@pytest.mark.parametrize("period", ["month", "30d", "1d"])
@pytest.mark.parametrize("is_restarted", [False, True])
async def test_what_was_used_far_ahead_refuses_nobody_now(
    world: World, period: str, is_restarted: bool
) -> None:
    """The present period goes on where it was, in memory and after a restart, and pages say the same."""
    key = of(f"10/{period}")
    assert await world.let_in(key, most=4) == 4
    before, world.now = world.now, world.now + YEAR + 40 * DAY
    assert await world.let_in(key) == 10
    await world.flush.flush()
    world.now = before + HOUR
    if is_restarted:
        world.begin()
    assert await world.let_in(key) == 6
    refused = await world.take(key)
    assert refused.wait_seconds * SECOND <= 32 * DAY
    await world.flush.flush()
    stored = await world.load(in_memory.Whose(in_memory.Kind.KEY, "k", "w"))
    (standing,) = standings(key[3].all, stored, world.now)
    assert (standing.used, standing.left) == (10, 0)
    assert standing.resets_at is not None
    assert standing.resets_at <= world.now + 32 * DAY


async def test_what_was_used_a_little_ahead_counts(world: World) -> None:
    """Within the month, and in the next step of a moving period: clocks of several servers differ so much."""
    monthly, daily = of("10/month", whose="m"), of("10/1d", whose="d")
    world.now = at("2027-01-20T12:59:59")
    assert await world.let_in(monthly) == 10
    assert await world.let_in(daily) == 10
    world.now = at("2027-01-20T11:59:59")
    assert (await world.take(daily)).wait_seconds
    world.now = at("2027-01-15T12:00:00")
    assert (await world.take(monthly)).wait_seconds
    assert await world.let_in(daily) == 10
    world.now = at("2027-02-01T00:00:00")
    assert await world.let_in(monthly) == 10


async def test_a_clock_that_was_behind_forgives_nothing(world: World) -> None:
    """What was used stands where it was used, and counts again when the clock is right."""
    key = of("10/month")
    assert await world.let_in(key) == 10
    world.now -= YEAR
    assert await world.let_in(key) == 10
    world.now += YEAR
    assert (await world.take(key)).wait_seconds


async def test_a_reservation_does_not_wait_for_a_clock_that_was_set_back(world: World) -> None:
    """It ends at once when it would be held for a year; a run that goes on is charged all the same."""
    tokens = of("1000 tokens/30d")
    spent = await world.take(tokens, tokens=600)
    world.now -= YEAR
    await world.flush.flush()
    assert world.quotas.reserved("k") == 0
    assert spent.reserved is not None
    spent.reserved.settle(100)
    assert [each.used for each in world.quotas.uses("k") or ()] == [100]


def test_rate_limits_go_by_a_clock_that_nobody_sets() -> None:
    """The monotonic one, unless another is given."""
    assert MemoryLimits().clock is time.monotonic_ns
