"""Tries of passwords that several processes count: together as one does, and each alone while nobody can."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from flowkeys.domain.people.pace import Pace
from flowkeys.domain.times import SECOND
from flowkeys.limits.shared import tries
from flowkeys.limits.shared.place import places_of
from flowkeys.limits.shared.tries import SharedTries
from flowkeys.limits.shared.valkey import Valkey
from flowkeys.service.people.throttle import PER_ACCOUNT, PER_ADDRESS, STRANGERS, Throttle, Try
from flowkeys.service.people.trying import Trying
from tests.support.valkey import ValkeyServer
from tests.support.waiting import soon

ACCOUNT = "ada@example.com"
HOME, STRANGER = "198.51.100.1", "203.0.113.7"
NOW = 1_773_144_000 * SECOND


class Still(tries.Script):
    """The script, by a clock that stands: a first wait is a second, which a busy machine may take itself."""

    def __init__(self) -> None:
        super().__init__("tries.lua")
        still = self.text.replace(b"redis.call('TIME')", b"{'%d', '0'}" % (NOW // SECOND))
        assert still != self.text
        self.text, self.sha = still, "0" * 40


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "_TRIES", Still())


@pytest.fixture
async def processes(empty_valkey: ValkeyServer) -> AsyncIterator[list[tuple[Valkey, Trying]]]:
    """Three that count together."""
    made = [Valkey(places_of(empty_valkey.url), 5.0, lambda *_: None) for _ in range(3)]
    for one in made:
        await one.start()
    yield [(one, Trying(SharedTries(one))) for one in made]
    for one in made:
        await one.stop()


async def begin(one: tuple[Valkey, Trying], address: str = HOME, account: str = ACCOUNT) -> Try | int:
    """Try."""
    return await one[1].begin(account, address, NOW, ())


async def sent(*ones: tuple[Valkey, Trying]) -> None:
    """Wait until all that was sent is answered."""
    for valkey, _ in ones:
        await asyncio.sleep(0)
        await valkey.ask("PING")


async def test_five_tries_are_free_in_all_processes_together(processes: Any) -> None:
    """Whichever are asked, at once or one after the other; the sixth waits, in each of them."""
    tried = await asyncio.gather(*(begin(processes[n % 3]) for n in range(12)))
    assert sum(isinstance(one, Try) for one in tried) == PER_ACCOUNT.free
    for one in processes:
        assert await begin(one) == 1
    assert isinstance(await begin(processes[0], STRANGER), Try), "another network has tries of its own"


async def test_who_signs_in_begins_anew_everywhere(processes: Any) -> None:
    """And what others failed stays: the account's failures from elsewhere are not theirs."""
    one, other, third = processes
    for _ in range(4):
        await begin(one)
    for _ in range(5):
        await begin(one, STRANGER)
    attempt = await begin(other)
    assert isinstance(attempt, Try)
    other[1].succeeded(attempt)
    await sent(other)
    for _ in range(5):
        assert isinstance(await begin(third), Try)
    assert isinstance(await begin(third), int)
    assert isinstance(await begin(third, STRANGER), int)
    third[1].forgive(ACCOUNT, HOME)
    await sent(third)
    assert isinstance(await begin(other), Try)


async def test_a_try_that_an_outage_kept_from_being_decided_does_not_count(processes: Any) -> None:
    """It is taken back in all processes."""
    one, other, _ = processes
    for _ in range(5):
        attempt = await begin(one)
        assert isinstance(attempt, Try)
        one[1].undecided(attempt)
    await sent(one)
    for _ in range(5):
        assert isinstance(await begin(other), Try)


async def test_changes_of_a_password_are_counted_together(processes: Any) -> None:
    """By person; a right one begins anew."""
    one, other, third = processes
    for n in range(5):
        assert await processes[n % 3][1].begin_change("p1", NOW) == 0
    assert await other[1].begin_change("p1", NOW) == 1
    assert await other[1].begin_change("p2", NOW) == 0
    one[1].changed("p1")
    await sent(one)
    assert await third[1].begin_change("p1", NOW) == 0


async def test_while_it_is_away_each_counts_alone(processes: Any) -> None:
    """With what it has counted itself: nobody gets more tries by that than a process alone would give."""
    one, other, _ = processes
    for _ in range(3):
        await begin(one)
    for each in (one, other):
        each[0].failed("the test says so")
    assert not one[0].is_up
    tried = [one[1].begin(ACCOUNT, HOME, NOW, ()) for _ in range(4)]
    assert [isinstance(await each, Try) for each in tried] == [True, True, False, False]
    for each in (one, other):
        await soon(lambda each=each: each[0].is_up, "Valkey to be found again")


@pytest.mark.parametrize(
    "pace", [PER_ACCOUNT, STRANGERS, PER_ADDRESS], ids=["account", "strangers", "network"]
)
async def test_waits_are_those_of_one_process(processes: Any, empty_valkey: ValkeyServer, pace: Pace) -> None:
    """After any number of failures the same; the entry is forgotten when they are, and names nobody."""
    together, alone = SharedTries(processes[0][0]), Throttle(pace)
    with empty_valkey.client() as client:
        for _ in range(pace.free + 12):
            assert await together.begin([("name", pace)]) == 0
            alone.count("name", NOW)
            (key,) = [name for name in client.keys("*") if ":tries:" in name]
            assert "name" not in key
            assert 0 < client.pttl(key) <= pace.forgotten_after // 1000
            wait = alone.wait("name", NOW)
            count, last = client.get(key).split()
            if wait:
                assert await together.begin([("name", pace)]) == wait
                assert client.get(key) == f"{count} {last}", "a refusal changes nothing"
                client.set(key, f"{count} {int(last) - wait}", keepttl=True)
