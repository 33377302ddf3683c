"""Quotas in memory: what counts when, what is reserved, and what is handed on to be stored."""

from calendar import monthrange
from datetime import UTC, datetime
from typing import Any

import pytest

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.limits.gcra import CUSTOMER, KEY
from flowkeys.domain.limits.quota import Quota, Quotas, QuotaUse, Unit, parse_quota, parse_quotas, standings
from flowkeys.domain.limits.spent import QuotaScope, Spent
from flowkeys.domain.times import DAY, SECOND, month_of
from flowkeys.limits import quotas as in_memory
from flowkeys.limits.quota_flush import QuotaFlush
from flowkeys.limits.quotas import MemoryQuotas
from flowkeys.limits.reservation import HELD_SECONDS
from flowkeys.service.ports.quotas import Kind, QuotaBatch, Whose
from flowkeys.service.ports.verification import PENDING

HOUR = 3600 * SECOND


def at(text: str) -> int:
    """Return a time in microseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


class World:
    """A clock that is set, and a store that adds up what it is given."""

    def __init__(self) -> None:
        self.now = at("2027-01-31T23:00:00")
        self.stored: dict[tuple[str, str, str, int], int] = {}
        self.announced: list[tuple[str, str, int]] = []
        self.is_away = False
        self.loads = 0
        self.begin()

    def begin(self) -> None:
        """Begin as after a restart: nothing is in memory."""
        self.quotas = MemoryQuotas(self.load, lambda: self.now)
        self.flush = QuotaFlush(self.quotas, self.store, 1.0, lambda _: None)

    async def load(self, whose: Whose) -> tuple[QuotaUse, ...]:
        """Return what is stored."""
        self.loads += 1
        return tuple(
            QuotaUse(Unit(unit), step, time, used)  # type: ignore[arg-type]
            for (owner, unit, step, time), used in self.stored.items()
            if owner == whose.id
        )

    async def store(self, batch: QuotaBatch) -> None:
        """Add a batch up."""
        if self.is_away:
            raise Unavailable
        for one in batch.spendings:
            key = one.whose.id, one.use.unit.value, one.use.step, one.use.time
            self.stored[key] = self.stored.get(key, 0) + one.use.used
        self.announced += [(each.whose.id, str(each.quota), each.threshold) for each in batch.crossings]

    async def take(self, *scopes: QuotaScope, tokens: int | None = None) -> Spent:
        """Take a call."""
        return await self.quotas.take(scopes, tokens)

    async def let_in(self, *scopes: QuotaScope, most: int = 1000) -> int:
        """Return how many calls are let in until one is not."""
        for count in range(most):
            if (await self.take(*scopes)).wait_seconds:
                return count
        return most


@pytest.fixture
def world() -> World:
    """One with nothing in it."""
    return World()


def of(*texts: str, kind: int = KEY, whose: str = "k") -> QuotaScope:
    """Return quotas of a key or customer."""
    return kind, whose, "w", Quotas(parse_quotas(texts))


def test_what_people_write() -> None:
    """And what is no quota, with how one is written."""
    assert [str(each) for each in parse_quotas(["1000/month, 50000 tokens/30d", "5 calls per 1d"])] == [
        "1000/month",
        "50000 tokens/30d",
        "5/1d",
    ]
    for wrong in (
        "1000",
        "/month",
        "0/month",
        "1/week",
        "1/0d",
        "1/367d",
        "1.5/month",
        "1 words/month",
        "",
        "1/m",
    ):
        with pytest.raises(ValueError, match=r"quota|period|whole number"):
            parse_quota(wrong)
    with pytest.raises(ValueError, match="Two quotas are of calls per month"):
        parse_quotas(["5/month,6 calls/month"])


async def test_a_month_is_the_calendars(world: World) -> None:
    """It begins anew with the next one, UTC, and a refused call is told when: to the second."""
    monthly = of("10/month")
    assert await world.let_in(monthly) == 10
    assert (await world.take(monthly)).wait_seconds == 3600
    world.now += 3599 * SECOND
    assert (await world.take(monthly)).wait_seconds == 1
    world.now += SECOND
    assert await world.let_in(monthly) == 10
    assert (await world.take(monthly)).wait_seconds == 28 * 86_400


def test_months_end_where_the_calendar_says() -> None:
    """In leap years, too."""
    for year, month in [(2027, 1), (2027, 12), (2028, 2), (2100, 2), (2027, 4)]:
        begins, ends = month_of(at(f"{year}-{month:02}-15T12:00:00"))
        assert begins == at(f"{year}-{month:02}-01T00:00:00")
        assert ends - begins == monthrange(year, month)[1] * DAY
        assert month_of(ends - 1) == (begins, ends)


@pytest.mark.parametrize(("days", "step"), [(1, HOUR), (3, HOUR), (4, DAY), (30, DAY)])
async def test_in_no_stretch_of_a_moving_period_more_is_used(world: World, days: int, step: int) -> None:
    """Whenever calls come; and a step after the period they are given back."""
    rolling = of(f"20/{days}d")
    let_in: list[int] = []
    for number in range(400):
        world.now += (number * 7919 % 13 + 1) * days * DAY // 100
        if not (await world.take(rolling)).wait_seconds:
            let_in.append(world.now)
        within = [time for time in let_in if time > world.now - days * DAY]
        assert len(within) <= 20
    assert len(let_in) > 100
    world.now += days * DAY + step
    assert await world.let_in(rolling) == 20
    wait = (await world.take(rolling)).wait_seconds
    assert days * 86_400 <= wait <= days * 86_400 + step // SECOND
    world.now += wait * SECOND
    assert not (await world.take(rolling)).wait_seconds, "whoever waits as told is let in"


async def test_all_or_nothing(world: World) -> None:
    """A call that one quota refuses takes nothing of the others, and what is given back is there again."""
    key, customer = of("5/month", "9/7d"), of("7/month", kind=CUSTOMER, whose="c")
    assert await world.let_in(key, customer) == 5
    spent = await world.take(key, customer)
    assert spent.left == (0, 4, 2)
    assert world.quotas.give_back(await world.take(customer)).left == (2,)
    assert await world.let_in(of("100/month", whose="other"), customer) == 2


async def test_reservations(world: World) -> None:
    """What is reserved is nobody else's; what is settled gives the rest back; nothing settles twice."""
    tokens = of("1000 tokens/month")
    one, two = await world.take(tokens, tokens=400), await world.take(tokens, tokens=600)
    refused = await world.take(tokens, tokens=1)
    assert (refused.wait_seconds, refused.is_held) == (HELD_SECONDS, True)
    assert not (await world.take(tokens)).wait_seconds, "what uses no tokens is not asked"
    assert one.reserved is not None
    assert two.reserved is not None
    one.reserved.settle(150)
    one.reserved.settle(150)
    assert (await world.take(tokens, tokens=251)).wait_seconds
    three = await world.take(tokens, tokens=250)
    assert not three.wait_seconds
    two.reserved.settle(700)  # more than it had reserved: its prompts were long
    refused = await world.take(tokens, tokens=1)
    assert not refused.wait_seconds or refused.is_held
    assert three.reserved is not None
    assert await three.reserved.reach(150) == 0
    assert await three.reserved.reach(250) == 0
    three.reserved.settle(150)
    refused = await world.take(tokens, tokens=1)
    assert (refused.wait_seconds, refused.is_held) == (3600, False)


async def test_a_run_may_reach_for_more_within_what_is_left(world: World) -> None:
    """Beside what others have reserved: runs under way together exceed nothing with their prompts."""
    tokens = of("1000 tokens/month")
    one, two = await world.take(tokens, tokens=400), await world.take(tokens, tokens=500)
    assert one.reserved is not None
    assert two.reserved is not None
    assert await one.reserved.reach(500) == 0
    assert await one.reserved.reach(501) == HELD_SECONDS, "the other has the rest"
    assert await one.reserved.reach(1001) == 3600
    one.reserved.settle(450)
    assert await two.reserved.reach(551) == 3600
    assert await two.reserved.reach(550) == 0, "what the other gave back is there, and its own is its own"
    two.reserved.settle(550)
    assert world.quotas.reserved("k") == 0


async def test_reservations_of_dead_runs_expire(world: World) -> None:
    """An hour later they are given back; a run that ends after that is charged once."""
    tokens = of("1000 tokens/30d")
    dead, slow = await world.take(tokens, tokens=500), await world.take(tokens, tokens=500)
    world.now += (in_memory.RESERVED_SECONDS - 1) * SECOND
    await world.flush.flush()
    assert world.quotas.reserved("k") == 1000
    world.now += SECOND
    await world.flush.flush()
    assert world.quotas.reserved("k") == 0
    assert slow.reserved is not None
    slow.reserved.settle(80)
    assert world.quotas.reserved("k") == 0
    assert (await world.take(tokens, tokens=920)).wait_seconds == 0
    del dead


async def test_what_is_stored_is_there_after_a_restart(world: World) -> None:
    """Once, whatever becomes of a flush; what was not stored is lost, and nothing else."""
    key = of("10/month", "100 tokens/2d")
    for _ in range(4):
        spent = await world.take(key, tokens=10)
        assert spent.reserved is not None
        spent.reserved.settle(7)
    world.is_away = True
    assert not await world.flush.flush()
    world.is_away = False
    await world.take(key)
    assert await world.flush.flush()
    assert await world.flush.flush()
    assert sorted(world.stored.values()) == [5, 28]
    await world.take(key)
    world.begin()
    assert world.quotas.at_once((key,), None) is PENDING
    assert (await world.take(key)).left == (4, 72)
    assert world.loads == 2


async def test_a_change_forgives_nothing(world: World) -> None:
    """Another amount or period goes on with what was used; equal quotas are no change."""
    assert await world.let_in(of("5/month")) == 5
    assert await world.let_in(of("8/30d")) == 3
    assert await world.let_in(of("8/month", "20/7d")) == 0
    assert (await world.take(of("9/month", "20/7d"))).left == (0, 11)


@pytest.mark.parametrize(
    ("before", "after"),
    [("10/3d", "10/4d"), ("10/month", "10/1d"), ("10/30d", "10/2d"), ("10/2d", "10/month")],
)
async def test_another_period_forgives_nothing(world: World, before: str, after: str) -> None:
    """Also where it is kept in other steps, there and back, in memory and after a restart."""
    world.now = at("2027-02-10T11:30:00")
    for change in (lambda: None, world.begin):
        scope = Whose(Kind.KEY, "k", "w")
        assert await world.let_in(of(before), most=4) == 4
        await world.flush.flush()
        change()
        (shown,) = standings(parse_quotas([after]), await world.load(scope), world.now)
        assert (shown.used, shown.left) == (4, 6)
        assert await world.let_in(of(after), most=3) == 3
        await world.flush.flush()
        change()
        assert await world.let_in(of(before)) == 3
        await world.flush.flush()
        change()
        assert await world.let_in(of(after)) == 0
        world.now += 40 * DAY
        assert await world.let_in(of(after), most=1) == 1, "and then it is given back"
        world.stored.clear()
        world.begin()


async def test_in_which_hour_it_was_is_taken_for_the_last_one(world: World) -> None:
    """What is known by day is not given back before it may be, and what is older than it counts, never."""
    world.now = at("2027-02-10T00:30:00")
    assert await world.let_in(of("10/month"), most=4) == 4
    world.now = at("2027-02-10T08:30:00")
    assert await world.let_in(of("10/1d")) == 6
    world.now = at("2027-02-11T08:59:00")
    assert await world.let_in(of("10/1d")) == 0
    world.now = at("2027-02-11T09:00:00")
    assert await world.let_in(of("10/1d")) == 10
    world.begin()
    world.stored = {("k", "calls", "day", at("2027-02-01T00:00:00")): 9}
    assert await world.let_in(of("10/3d")) == 10


async def test_thresholds_are_handed_on_once(world: World) -> None:
    """At 80 and at 100 percent, in each period, and when a call is refused for which too little is left."""
    monthly, tokens = of("10/month"), of("100 tokens/month", kind=CUSTOMER, whose="c")
    for _ in range(7):
        await world.take(monthly)
    await world.flush.flush()
    assert world.announced == []
    await world.take(monthly)
    for _ in range(2):
        await world.flush.flush()
        assert world.announced == [("k", "10/month", 80)]
    await world.let_in(monthly)
    await world.flush.flush()
    assert world.announced == [("k", "10/month", 80), ("k", "10/month", 100)]
    world.now += DAY
    await world.let_in(monthly)
    await world.flush.flush()
    assert world.announced[2:] == world.announced[:2]
    spent = await world.take(tokens, tokens=60)
    assert spent.reserved is not None
    spent.reserved.settle(60)
    assert (await world.take(tokens, tokens=200)).wait_seconds
    await world.flush.flush()
    assert len(world.announced) == 4, "a call that never fits says nothing of what is left"
    assert (await world.take(tokens, tokens=60)).wait_seconds
    await world.flush.flush()
    assert world.announced[4:] == [("c", "100 tokens/month", 100)]


async def test_what_is_not_used_is_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """When there is too much, once it is stored; and read again when it is needed."""
    monkeypatch.setattr(in_memory, "MOST", 10)
    scopes = [of("5/month", whose=f"k{number}") for number in range(30)]
    for scope in scopes:
        await world.take(scope)
    for _ in range(3):
        await world.flush.flush()
    assert len(world.quotas) == 0
    for scope in scopes:
        assert (await world.take(scope)).left == (3,)


def test_standings_of_what_is_stored() -> None:
    """As they are shown where nothing is in memory."""
    now = at("2027-02-10T12:00:00")
    uses: list[Any] = [
        QuotaUse(Unit.CALLS, "day", at(f"{day}T00:00:00"), used)
        for day, used in (("2027-01-05", 50), ("2027-01-20", 7), ("2027-02-01", 5), ("2027-02-10", 1))
    ]
    month, rolling, hours = standings(
        [Quota(Unit.CALLS, 100, "month"), Quota(Unit.CALLS, 10, "30d"), Quota(Unit.CALLS, 10, "2d")],
        uses,
        now,
    )
    assert (month.used, month.left, month.resets_at) == (6, 94, at("2027-03-01T00:00:00"))
    assert (rolling.used, rolling.left, rolling.resets_at) == (13, 0, at("2027-02-20T00:00:00"))
    assert (hours.used, hours.resets_at) == (1, at("2027-02-12T13:00:00"))
