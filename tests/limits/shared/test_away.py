"""Valkey is away: nobody waits for it, what was chosen happens, it is said once, and it is found again."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.limits.gcra import KEY
from flowkeys.domain.limits.rate import Limits, parse_limits
from flowkeys.service.ports.verification import PENDING
from tests.limits.shared.conftest import Limiter
from tests.support.valkey import ValkeyServer
from tests.support.waiting import soon


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    """A server that these tests stop, and start again."""
    running = ValkeyServer().start()
    yield running
    running.stop()


def scopes(name: str, text: str = "2/day") -> Any:
    """Return what a key is asked."""
    return ((KEY, name, Limits(parse_limits([text]))),)


async def _back(limiter: Limiter) -> None:
    await soon(lambda: limiter.valkey.is_up, "Valkey to be found again")


async def _lost(limiter: Limiter) -> None:
    await soon(lambda: not limiter.valkey.is_up, "the end of the connection to be seen")


@pytest.mark.parametrize("refuses", [False, True], ids=["per-process", "refuse"])
async def test_it_is_killed_and_comes_back(server, refuses):
    """Calls are decided at once, alone or refused; then they are counted together again."""
    limiter = Limiter(server.url, refuses=refuses)
    asked = scopes(f"killed{refuses}")
    await limiter.valkey.start()
    assert limiter.limits.at_once(asked) is PENDING
    assert (await limiter.limits.take(asked)).wait_seconds == 0
    server.kill()
    await _lost(limiter)
    for _ in range(3):
        if refuses:
            with pytest.raises(Unavailable):
                limiter.limits.at_once(asked)
            with pytest.raises(Unavailable):
                await limiter.limits.take(asked)
            with pytest.raises(Unavailable):
                await limiter.limits.standing(asked)
        else:
            assert limiter.limits.at_once(asked) is not PENDING
    assert len(limiter.alone) == (0 if refuses else 1)
    assert limiter.valkey.without == (6 if refuses else 3)
    server.start()
    await _back(limiter)
    assert limiter.limits.at_once(asked) is PENDING
    assert (await limiter.limits.take(asked)).wait_seconds == 0
    assert [event for event, _ in limiter.told] == ["valkey is away", "valkey is back"]
    assert limiter.valkey.outages == 1
    await limiter.valkey.stop()


async def test_a_limit_may_have_a_choice_of_its_own(server):
    """By its name: calls that it applies to are refused, others are counted alone."""
    limiter = Limiter(server.url, names=("day",))
    await limiter.valkey.start()
    await _back(limiter)
    limiter.valkey.failed("the test says so")
    both = scopes("own", "5/second") + scopes("own", "5/day")
    assert limiter.limits.at_once(scopes("own", "5/second")) is not PENDING
    with pytest.raises(Unavailable):
        limiter.limits.at_once(both)
    with pytest.raises(Unavailable):
        await limiter.limits.take(scopes("own", "5/day"))
    await limiter.valkey.stop()


async def test_alone_it_keeps_the_limit(server):
    """Each process counts by itself, with the whole limit: two of two calls, and no third."""
    limiter = Limiter(server.url)
    asked = scopes("alone")
    await limiter.valkey.start()
    server.kill()
    await _lost(limiter)
    taken = [(await limiter.limits.take(asked)).wait_seconds > 0 for _ in range(4)]
    assert taken == [False, False, True, True]
    server.start()
    await limiter.valkey.stop()


async def test_it_hangs_and_goes_on(server):
    """Calls that wait for it are told when its time is over; those that come then do not wait at all."""
    limiter = Limiter(server.url, timeout_seconds=0.05)
    asked = scopes("hangs", "100/day")
    await limiter.valkey.start()
    await _back(limiter)
    server.pause()
    try:
        waited = await asyncio.gather(*(limiter.limits.take(asked) for _ in range(5)))
        assert [taken.wait_seconds for taken in waited] == [0] * 5
        assert limiter.valkey.without == 5
        assert "50 ms" in limiter.told[0][1]
        assert limiter.limits.at_once(asked) is not PENDING
        assert len(limiter.told) == 1
    finally:
        server.go_on()
    await _back(limiter)
    assert limiter.told[-1][0] == "valkey is back"
    await limiter.valkey.stop()


async def test_it_is_not_there_from_the_beginning(server):
    """A start does not wait for it, and says why once; it is found when it comes."""
    server.kill()
    limiter = Limiter(server.url)
    await limiter.valkey.start()
    assert not limiter.valkey.is_up
    assert (await limiter.limits.take(scopes("early"))).wait_seconds == 0
    server.start()
    await _back(limiter)
    assert [event for event, _ in limiter.told] == ["valkey is away", "valkey is back"]
    await limiter.valkey.stop()


async def test_whoever_does_not_start_it_asks_all_the_same(server):
    """A command that looks what is left finds it."""
    limiter = Limiter(server.url)
    asked = scopes("command")
    assert limiter.limits.standing_at_once(asked) is PENDING
    assert (await limiter.limits.standing(asked)).owed == (0,)
    assert limiter.valkey.is_up
    await limiter.valkey.stop()


async def test_scripts_that_it_forgot_are_sent_again(server):
    """After SCRIPT FLUSH, or a failover, no call fails."""
    limiter = Limiter(server.url)
    asked = scopes("scripts", "100/day")
    await limiter.valkey.start()
    await _back(limiter)
    await limiter.limits.take(asked)
    with server.client() as client:
        client.script_flush()
    taken = await asyncio.gather(*(limiter.limits.take(asked) for _ in range(5)))
    assert all(one.wait_seconds == 0 for one in taken)
    assert limiter.valkey.without == 0
    await limiter.valkey.stop()


async def test_what_it_cannot_do_is_an_outage(server):
    """A server that has no memory left is away until it has."""
    limiter = Limiter(server.url)
    asked = scopes("full")
    await limiter.valkey.start()
    await _back(limiter)
    with server.client() as client:
        client.config_set("maxmemory", 1)
        assert (await limiter.limits.take(asked)).wait_seconds == 0
        assert not limiter.valkey.is_up
        assert "OOM" in limiter.told[0][1]
        assert limiter.valkey.without == 1
        client.config_set("maxmemory", 0)
    await _back(limiter)
    await limiter.valkey.stop()


async def test_a_replica_is_not_asked(server):
    """Of several servers the primary is, whichever place it has."""
    replica = ValkeyServer().start()
    try:
        with replica.client() as client:
            client.replicaof("127.0.0.1", str(server.port))
            alone = Limiter(replica.url)
            await alone.valkey.start()
            assert not alone.valkey.is_up
            assert "replica" in alone.told[0][1]
            await alone.valkey.stop()
            both = Limiter(f"{replica.url},{server.url}")
            await both.valkey.start()
            assert both.valkey.is_up
            await both.valkey.stop()
    finally:
        replica.stop()
