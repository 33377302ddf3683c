"""Quotas of several processes: what all use counts together, and what Valkey loses comes from the store."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.decision import Allowed, Denied
from flowkeys.domain.keys.terms import Terms
from flowkeys.domain.limits.gcra import CUSTOMER, KEY
from flowkeys.domain.limits.quota import Quotas, QuotaUse, parse_quotas
from flowkeys.domain.limits.rate import Limits, parse_limits
from flowkeys.domain.limits.spent import QuotaScope, Spent
from flowkeys.domain.times import DAY, SECOND
from flowkeys.limits.memory import MemoryLimits
from flowkeys.limits.quota_flush import QuotaFlush
from flowkeys.limits.quotas import MemoryQuotas
from flowkeys.limits.reservation import HELD_SECONDS
from flowkeys.limits.shared.calls import SharedCalls
from flowkeys.limits.shared.chosen import Chosen
from flowkeys.limits.shared.place import places_of
from flowkeys.limits.shared.quotas import SharedQuotas
from flowkeys.limits.shared.rates import SharedLimits
from flowkeys.limits.shared.valkey import Valkey
from flowkeys.service.keys.asked import AskedOf
from flowkeys.service.keys.spending import LimitsAndQuotas
from flowkeys.service.ports.quotas import QuotaBatch, Whose
from flowkeys.service.predictions.grants import release
from tests.support.valkey import ValkeyServer
from tests.support.waiting import patience, soon

NOON = 1_773_144_000 * SECOND  # 2026-03-10T12:00:00Z


class Database:
    """What is stored, by everybody."""

    def __init__(self) -> None:
        self.used: dict[tuple[str, Any, Any, int], int] = {}
        self.announced: list[tuple[str, int]] = []
        self.batches: set[tuple[str, int]] = set()
        self.is_away = False

    async def load(self, whose: Whose) -> tuple[QuotaUse, ...]:
        """Return what one has used."""
        if self.is_away:
            raise Unavailable
        return tuple(
            QuotaUse(unit, step, time, used)
            for (subject, unit, step, time), used in self.used.items()
            if subject == whose.id
        )

    async def add(self, batch: QuotaBatch) -> None:
        """Store a batch, once."""
        if self.is_away:
            raise Unavailable
        assert (batch.recorder, batch.number) not in self.batches
        self.batches.add((batch.recorder, batch.number))
        for spending in batch.spendings:
            use = spending.use
            key = spending.whose.id, use.unit, use.step, use.time
            self.used[key] = self.used.get(key, 0) + use.used
        self.announced += [(each.whose.id, each.threshold) for each in batch.crossings]

    def total(self, subject: str, unit: str = "calls") -> int:
        """Return how much of one is stored."""
        return sum(
            used for (whose, kind, _, _), used in self.used.items() if (whose, kind) == (subject, unit)
        )


class Process:
    """One of several that count."""

    def __init__(self, world: "World", url: str, **options: Any) -> None:
        self.told: list[tuple[str, str]] = []
        self.valkey = Valkey(places_of(url), 5.0, lambda *what: self.told.append(what))
        given = {"chosen": Chosen(), "lease_seconds": 60, **options}
        self.quotas = SharedQuotas(self.valkey, world.database.load, self.flush, lambda: world.now, **given)
        limits = SharedLimits(self.valkey, MemoryLimits(), Chosen())
        together = SharedCalls(self.valkey, limits, self.quotas, lambda: world.now)
        self.spending = LimitsAndQuotas(limits, self.quotas, together)
        self.store = QuotaFlush(self.quotas, world.database.add, 3600, lambda _: None)

    async def flush(self) -> bool:
        """Store what was counted."""
        return await self.store.flush()

    async def take(self, *scopes: QuotaScope, tokens: int | None = None) -> Spent:
        """Call."""
        return await self.quotas.take(scopes, tokens)

    async def used(self, scope: QuotaScope) -> int:
        """Return how much of the first quota is used, as everybody sees it."""
        spent = await self.quotas.standing((scope,))
        return scope[3].all[0].amount - spent.left[0]


class World:
    """Some processes over one Valkey and one database."""

    def __init__(self, server: ValkeyServer) -> None:
        self.server = server
        self.database = Database()
        self.now = NOON
        self.processes: list[Process] = []

    async def processes_of(self, number: int, **options: Any) -> list[Process]:
        """Start some."""
        made = [Process(self, self.server.url, **options) for _ in range(number)]
        for one in made:
            await one.valkey.start()
        self.processes += made
        return made


_LISTS = (
    ("5/month",),
    ("3/1d", "9/7d"),
    ("4/30d", "40 tokens/month"),
    ("30 tokens/2d", "60 tokens/30d", "6/month"),
)
_STEP = st.tuples(
    st.integers(0, 1),
    st.sampled_from([0, 0, SECOND, DAY // 24, DAY // 2, 3 * DAY, 20 * DAY]),
    st.sampled_from("kl"),
    st.integers(0, 3),
    st.sampled_from(["call", "run", "run", "settle", "reach", "back"]),
    st.integers(0, 25),
)


@settings(max_examples=60)
@given(st.lists(_STEP, min_size=1, max_size=40))
def _agree(run: Any, server: ValkeyServer, steps: Any) -> None:
    """Two processes say to the number what one says that counts in memory."""
    run(_agreeing(server, steps))


async def _agreeing(server: ValkeyServer, steps: Any) -> None:
    with server.client() as client:
        client.flushall()
    world = World(server)
    try:
        await _agreed(world, steps)
    finally:
        for one in world.processes:
            await one.quotas.drain()
            await one.valkey.stop()


async def _agreed(world: World, steps: Any) -> None:
    alone = MemoryQuotas(Database().load, lambda: world.now)
    both = await world.processes_of(2)
    lists = [Quotas(parse_quotas(texts)) for texts in _LISTS]
    runs: list[Any] = []
    for which, pause, whose, at, what, tokens in steps:
        world.now += pause
        for each in (alone, *(one.quotas for one in both)):
            each.expire()
        await drained(*both)
        if what in {"settle", "reach"}:
            if not runs:
                continue
            ours, theirs = runs[-1] if what == "reach" else runs.pop()
            if what == "settle":
                ours.settle(tokens)
                theirs.settle(tokens)
            else:
                assert await ours.reach(tokens) == await theirs.reach(tokens)
        else:
            scopes = ((KEY, whose, "w", lists[at]), (CUSTOMER, "c", "w", lists[-1]))
            given = None if what == "call" else tokens
            keeper = both[which].quotas
            expected, found = await alone.take(scopes, given), await keeper.take(scopes, given)
            assert _said(found) == _said(expected)
            if what == "back" and not found.wait_seconds:
                expected, found = alone.give_back(expected), keeper.give_back(found)
                assert found.left == expected.left
            elif found.reserved is not None:
                runs.append((found.reserved, expected.reserved))
        await drained(*both)
    for one in both:
        assert one.valkey.without == 0
        await one.flush()


def _said(spent: Spent) -> Any:
    return (spent.left, spent.resets_at, spent.wait_seconds, spent.short, spent.wanted, spent.is_held)


def test_they_say_the_same(run, valkey_server):
    """Whatever is asked, as periods end, quotas change, and runs reserve, reach and settle."""
    _agree(run, valkey_server)


@pytest.fixture
async def world(empty_valkey):
    """An empty Valkey and an empty database."""
    made = World(empty_valkey)
    yield made
    for one in made.processes:
        await one.quotas.drain()
        await one.valkey.stop()


def of(*texts: str, whose: str = "k", kind: int = KEY) -> QuotaScope:
    """Return the quotas of a key."""
    return kind, whose, "w", Quotas(parse_quotas(texts))


async def drained(*processes: Process) -> None:
    """Wait until all is sent."""
    for one in processes:
        await one.quotas.drain()


async def test_all_processes_together_use_what_the_quota_says(world: World) -> None:
    """Not one call more, of a key's and its customer's; what is stored is what was let in."""
    four = await world.processes_of(4)
    scopes = [(of("60/month", whose=key), of("100/30d", whose="c", kind=CUSTOMER)) for key in "ab"]
    taken = await asyncio.gather(*(one.quotas.take(scopes[n % 2], None) for n in range(40) for one in four))
    admitted = sum(not one.wait_seconds for one in taken)
    assert admitted == 100
    assert {one.valkey.without for one in four} == {0}
    await asyncio.gather(*(one.flush() for one in four))
    assert world.database.total("c") == 100
    assert world.database.total("a") + world.database.total("b") == 100
    assert max(world.database.total("a"), world.database.total("b")) <= 60
    for one in four:
        assert await one.used(scopes[0][1]) == 100


async def test_what_is_given_back_is_there_for_all(world: World) -> None:
    """A call that a rate limit refused costs nothing, whichever process asked."""
    one, other = await world.processes_of(2)
    scope = of("5/month")
    spent = await one.take(scope)
    assert one.quotas.give_back(spent).left == (5,)
    await drained(one)
    assert await other.used(scope) == 0


async def test_a_first_call_that_a_limit_refuses_is_seen_by_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not taken and given back, for others would see it meanwhile: also where nothing is loaded yet."""
    one, other = await world.processes_of(2)
    terms = Terms(quotas=Quotas(parse_quotas(["9/7d"])), limits=Limits(parse_limits(["1/day"])))
    record = KeyRecord.of(key_id="k", workspace_id="w", name="One", terms=terms)
    given_back: list[Spent] = []
    monkeypatch.setattr(other.quotas, "give_back", given_back.append)
    assert isinstance(await one.spending.take(AskedOf().of(record, None, None), None, None), Allowed)
    refused = await other.spending.take(AskedOf().of(record, None, None), None, None)
    assert isinstance(refused, Denied)
    assert given_back == []
    assert await one.used(of("9/7d")) == 1


async def test_runs_of_all_processes_reserve_together(world: World) -> None:
    """What one has reserved another cannot use; what it settles is used everywhere."""
    one, other = await world.processes_of(2)
    scope = of("1000 tokens/month")
    first = await one.take(scope, tokens=700)
    refused = await other.take(scope, tokens=400)
    assert (refused.wait_seconds, refused.is_held) == (HELD_SECONDS, True)
    second = await other.take(scope, tokens=300)
    assert first.reserved is not None
    assert second.reserved is not None
    assert await second.reserved.reach(301) == HELD_SECONDS
    first.reserved.settle(100)
    await drained(one)
    assert await second.reserved.reach(900) == 0
    assert await second.reserved.reach(901) > HELD_SECONDS, "a month: what is used is not given back sooner"
    second.reserved.settle(850)
    second.reserved.settle(850)
    await drained(other)
    assert await one.used(scope) == 950
    await asyncio.gather(one.flush(), other.flush())
    assert world.database.total("k", "tokens") == 950


async def test_what_a_run_asks_for_is_reserved_once(world: World) -> None:
    """Whether its lease is renewed meanwhile, or its client leaves: nothing stays behind."""
    (one,) = await world.processes_of(1)
    scope = of("1000 tokens/month")
    first = (await one.take(scope, tokens=100)).reserved
    second = (await one.take(scope, tokens=100)).reserved
    assert first is not None
    assert second is not None
    asked = asyncio.create_task(first.reach(200))
    leaving = asyncio.create_task(second.reach(200))
    await asyncio.sleep(0)  # both are sent
    one.quotas.expire()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    second.settle(0)
    assert await asked == 0
    await drained(one)
    assert (await one.quotas.standing((scope,))).left == (800,)
    first.settle(10)
    await drained(one)
    assert (await one.quotas.standing((scope,))).left == (990,)


_LEAVES = 12
"""So many turns of the event loop a call takes at most that has to load what is used."""


@pytest.mark.parametrize("asks_once", [True, False], ids=["asked once", "awaited"])
async def test_who_leaves_while_tokens_are_reserved_leaves_nothing_behind(
    world: World, asks_once: bool
) -> None:
    """In whichever turn, of its first call or of a later one: all tokens are there for the next."""
    (one,) = await world.processes_of(1)
    scope = of("1000 tokens/month")

    async def call(turns: int, whose: str) -> None:
        mine = (scope[0], whose, *scope[2:])
        if asks_once:
            terms = Terms(quotas=mine[3], limits=Limits(parse_limits(["100/day"])))
            record = KeyRecord.of(key_id=whose, workspace_id="w", name="One", terms=terms)
            asked = AskedOf().of(record, None, None)
            work: Any = one.spending.take(asked, ChatflowAccess("f", "w", is_public=False, version=1), Most())
        else:
            work = one.take(mine, tokens=900)
        leaving = asyncio.create_task(work)
        for _ in range(turns):
            await asyncio.sleep(0)
        leaving.cancel()
        (found,) = await asyncio.gather(leaving, return_exceptions=True)
        if isinstance(found, Allowed):
            release(found.taken)
        elif isinstance(found, Spent):
            assert found.reserved is not None
            found.reserved.settle(0)
        await drained(one)
        assert await soon_left(one, mine) == 1000
        assert one.quotas.reservations == 0

    for turns in range(_LEAVES):
        await call(turns, f"first {turns}")
    for turns in range(_LEAVES):
        await call(turns, "first 1")
    assert one.valkey.without == 0


class Most:
    """Runs that may use so many tokens. Implements `Runs`."""

    def most_tokens_at_once(self, access: ChatflowAccess) -> int:
        """Return them."""
        return 900

    async def most_tokens(self, access: ChatflowAccess) -> int:
        """Return them."""
        return 900


async def soon_left(process: Process, scope: QuotaScope) -> int:
    """Return what is left when Valkey has answered all that was sent before."""
    await process.valkey.ask("PING")
    await drained(process)
    return (await process.quotas.standing((scope,))).left[0]


async def test_reservations_of_a_dead_process_end(world: World) -> None:
    """Those of one that lives last; those of one that is not heard of any more do not.

    Leases go by Valkey's clock, and so does the processes' here: runs have an end of their own. Where the
    machine had no time for a process within its lease nothing is known, and another try is made.
    """
    with world.server.client() as client:

        def time() -> int:
            seconds, micros = client.time()
            return seconds * SECOND + micros

        for number in range(10):
            one, other = await world.processes_of(2, lease_seconds=2)
            mine, theirs = (of("1000 tokens/month", whose=f"{name} {number}") for name in ("mine", "theirs"))
            heard = [time()]
            await one.take(mine, tokens=900)
            await other.take(theirs, tokens=900)
            async with patience("the reservation of the dead to end"):
                while (await one.quotas.standing((theirs,))).left[0] < 1000:
                    heard.append(time())
                    world.now += heard[-1] - heard[-2]
                    await one.flush()
                    await drained(one)
            lasts = (await other.take(mine, tokens=200)).wait_seconds == HELD_SECONDS
            heard.append(time())
            if all(later - before < SECOND for before, later in pairwise(heard)):
                assert lasts
                return
    raise AssertionError("Ten times the machine had no time for a process within its lease.")


async def test_what_valkey_loses_is_read_from_the_store(world: World) -> None:
    """After FLUSHALL what was stored counts, what this process had not stored, and what others had not."""
    one, other = await world.processes_of(2)
    scope = of("100/month")
    for _ in range(10):
        await one.take(scope)
    await one.flush()
    for _ in range(5):
        await one.take(scope)
        await other.take(scope)
    with world.server.client() as client:
        client.flushall()
    await one.take(scope)
    await other.take(scope)  # hears that it was loaded anew, and adds what is not stored
    await drained(one, other)
    assert await one.used(scope) == await other.used(scope) == 10 + 10 + 2
    await asyncio.gather(one.flush(), other.flush())
    assert world.database.total("k") == 22


async def test_a_restart_of_everything_begins_with_what_is_stored(world: World) -> None:
    """Also when many ask at once: it is loaded once."""
    (one,) = await world.processes_of(1)
    scope = of("100/month", "50/30d")
    for _ in range(7):
        await one.take(scope)
    await one.flush()
    with world.server.client() as client:
        client.flushall()
    four = await world.processes_of(4)
    taken = await asyncio.gather(*(each.take(scope) for _ in range(10) for each in four))
    assert sorted(one.left[0] for one in taken) == list(range(53, 93))
    assert await four[0].used(scope) == 47
    await asyncio.gather(*(each.flush() for each in four))
    assert {used for _, used in world.database.used.items()} == {47}


async def test_many_are_loaded_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is loaded once, and what was counted is stored a few times, not once for each of them."""
    (one,) = await world.processes_of(1)
    loads, flushes = [], []
    load, flush = one.quotas._load, one.store.flush

    async def loaded(whose: Whose) -> tuple[QuotaUse, ...]:
        loads.append(whose.id)
        return await load(whose)

    async def flushed() -> bool:
        flushes.append(1)
        await asyncio.sleep(0)
        return await flush()

    monkeypatch.setattr(one.quotas, "_load", loaded)
    monkeypatch.setattr(one.store, "flush", flushed)
    scopes = [of("100/month", whose=f"k{n}") for n in range(100)]
    taken = await asyncio.gather(*(one.take(scope) for scope in scopes * 2))
    assert sorted(spent.left[0] for spent in taken) == [98] * 100 + [99] * 100
    assert sorted(loads) == sorted(f"k{n}" for n in range(100))
    assert len(flushes) <= 5


async def test_other_steps_go_on_with_what_was_used_once(world: World) -> None:
    """A quota of days that becomes one of hours: processes that hear of it together add it once."""
    four = await world.processes_of(4)
    before, after = of("100/30d"), of("100/1d")
    for one in four:
        await one.take(before)
    await asyncio.gather(*(one.take(after) for one in four))
    assert await four[0].used(after) == 8
    await asyncio.gather(*(one.flush() for one in four))
    hours = [used for (_, _, step, _), used in world.database.used.items() if step == "hour"]
    assert sum(hours) == 8


async def test_while_it_is_away_each_counts_and_then_all_together(world: World) -> None:
    """What was counted alone counts when Valkey is back, whether it has lost everything or hung."""
    server = ValkeyServer().start()
    world.server = server
    try:
        one, other = await world.processes_of(2)
        scope = of("100/month")
        await one.take(scope)
        await other.take(scope)
        for has_lost in (True, False):
            before = await one.used(scope)
            if has_lost:
                server.kill()
            else:
                for each in (one, other):
                    each.valkey.failed("the test says so")
            for each in (one, other):
                await soon(lambda each=each: not each.valkey.is_up, "the end of the connection")
                for _ in range(3):
                    assert not (await each.take(scope)).wait_seconds
            if has_lost:
                server.start()
            for each in (one, other):
                await soon(lambda each=each: each.valkey.is_up, "Valkey to be found again")
            await one.take(scope)
            await other.take(scope)
            await one.used(scope)  # hears that another loaded it, and adds what is not stored
            await drained(one, other)
            assert await one.used(scope) == await other.used(scope) == before + 6 + 2
        await asyncio.gather(one.flush(), other.flush())
        assert world.database.total("k") == 2 + 8 + 8
    finally:
        for each in world.processes:
            await each.valkey.stop()
        server.stop()


async def test_a_run_that_ends_while_it_is_away_is_charged(world: World) -> None:
    """And one that began then, when it ends."""
    one, other = await world.processes_of(2)
    scope = of("1000 tokens/month")
    first = await one.take(scope, tokens=100)
    one.valkey.failed("the test says so")
    second = await one.take(scope, tokens=100)
    assert first.reserved is not None
    assert second.reserved is not None
    first.reserved.settle(90)
    await drained(one)
    await soon(lambda: one.valkey.is_up, "Valkey to be found again")
    await one.take(scope, tokens=0)
    second.reserved.settle(80)
    await one.take(scope, tokens=0)
    await drained(one)
    await other.take(scope, tokens=0)
    assert (await other.quotas.standing((scope,))).left[0] <= 1000 - 170
    await one.flush()
    assert world.database.total("k", "tokens") == 170


async def test_it_refuses_while_it_is_away(world: World) -> None:
    """If that was chosen: an outage, no denial."""
    (one,) = await world.processes_of(1, chosen=Chosen(names=frozenset({"calls-month"})))
    scope = of("100/month")
    await one.take(scope)
    one.valkey.failed("the test says so")
    with pytest.raises(Unavailable):
        await one.take(scope)
    with pytest.raises(Unavailable):
        one.quotas.at_once((scope,), None)
    assert not (await one.take(of("100 tokens/30d", whose="other"))).wait_seconds, "no name of it is refused"


async def test_thresholds_are_found_by_whoever_counts(world: World) -> None:
    """Of what all have used: the store takes care that each is announced once."""
    one, other = await world.processes_of(2)
    scope = of("10/month")
    for _ in range(4):
        await one.take(scope)
        await other.take(scope)
    await other.flush()
    assert ("k", 80) in world.database.announced
