"""The way to Valkey is cut, swallows, takes its time, is closed by half; Valkey itself is stopped or killed.

Whatever becomes of it: no call waits for long, all get the answer that was chosen, one line says that it is
away and one that it is back, and then all processes count together again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.limits.gcra import KEY
from flowkeys.domain.limits.rate import Limits, parse_limits
from tests.limits.shared.conftest import Limiter
from tests.support.network.way import Way, way_over
from tests.support.valkey import ValkeyServer
from tests.support.waiting import PATIENCE_SECONDS, patience, soon

pytestmark = pytest.mark.slow
LIMIT = 20
TIMEOUT_SECONDS = 0.2
"""So long an answer may take once the way is broken; before, a busy machine is no outage."""


@pytest.fixture(scope="module")
def server() -> Any:
    """A server that these tests stop and kill."""
    running = ValkeyServer().start()
    yield running
    running.stop()


@asynccontextmanager
async def two_over(server: ValkeyServer, *, refuses: bool) -> AsyncIterator[tuple[Way, list[Limiter]]]:
    """Give two processes that count over one way."""
    async with way_over(server.socket) as (way, port):
        url = f"valkey://127.0.0.1:{port}"
        both = [Limiter(url, refuses=refuses, timeout_seconds=PATIENCE_SECONDS) for _ in range(2)]
        try:
            for one in both:
                await one.valkey.start()
                await _reached(one)
            yield way, both
        finally:
            for one in both:
                await one.valkey.stop()


def _hurry(both: list[Limiter]) -> None:
    for limiter in both:
        if limiter.valkey._connection is not None:
            limiter.valkey._connection.hurry(TIMEOUT_SECONDS)


async def _reached(limiter: Limiter) -> None:
    await soon(lambda: limiter.valkey.is_up, "Valkey to be found")


def asked(name: str) -> Any:
    """Return a limit of a day, which nothing refills meanwhile."""
    return ((KEY, name, Limits(parse_limits([f"{LIMIT}/day"]))),)


async def told(limiter: Limiter, scopes: Any) -> str:
    """Return what a call is told. It waits for nobody beyond the time that was set."""
    async with patience("an answer"):
        try:
            taken = await limiter.limits.take(scopes)
        except Unavailable:
            return "unavailable"
        return "waits" if taken.wait_seconds else "passes"


def _slow(way: Way, _: ValkeyServer) -> None:
    way.is_slow = True


async def _killed(way: Way, server: ValkeyServer) -> None:
    del way
    await asyncio.to_thread(server.kill)


Broken = Callable[[Way, ValkeyServer], Any]
BREAKS: dict[str, Broken] = {
    "cut": lambda way, _: way.cut(),
    "swallows everything": lambda way, _: way.swallows.update(("there", "back")),
    "swallows answers": lambda way, _: way.swallows.add("back"),
    "swallows questions": lambda way, _: way.swallows.add("there"),
    "closed there": lambda way, _: way.ends.add("there"),
    "closed back": lambda way, _: way.ends.add("back"),
    "takes its time": _slow,
    "stopped": lambda _, server: server.pause(),
    "killed": _killed,
}


async def _mended(way: Way, server: ValkeyServer) -> None:
    if server.process is None:
        await asyncio.to_thread(server.start)
    server.go_on()
    way.mend()


_CASES = [
    pytest.param(
        broken,
        refuses,
        id=f"{name}, {'refuse' if refuses else 'per-process'}",
        marks=() if refuses == bool(number % 2) else pytest.mark.slow,
    )
    for number, (name, broken) in enumerate(BREAKS.items())
    for refuses in (False, True)
]


@pytest.mark.parametrize(("broken", "refuses"), _CASES)
async def test_what_was_chosen_is_what_calls_are_told_until_all_count_together_again(
    server: ValkeyServer, request: pytest.FixtureRequest, broken: Broken, refuses: bool
) -> None:
    """Given two processes, calls under way, and a way that breaks and is mended."""
    scopes = asked(request.node.name)
    async with two_over(server, refuses=refuses) as (way, both):
        for limiter in both:
            assert await told(limiter, scopes) == "passes"
        done = broken(way, server)
        if isinstance(done, Awaitable):
            await done
        _hurry(both)
        # Those that are under way find out; more come until everybody knows.
        for limiter in both:
            while limiter.valkey.is_up:
                said = {await told(limiter, scopes) for _ in range(2)}
                assert said <= {"passes", "waits", "unavailable"}
        alone = [await told(limiter, scopes) for limiter in both for _ in range(LIMIT + 1)]
        assert set(alone) == ({"unavailable"} if refuses else {"passes", "waits"})
        assert alone.count("passes") <= 2 * LIMIT, "each as much as the limit says, and no more"
        for limiter in both:
            assert [event for event, _ in limiter.told] == ["valkey is away"]
            assert limiter.valkey.outages == 1
        await _mended(way, server)
        for limiter in both:
            await _reached(limiter)
            assert [event for event, _ in limiter.told] == ["valkey is away", "valkey is back"]
        fresh = asked(f"{request.node.name}, mended")
        said_together = await asyncio.gather(*(told(each, fresh) for each in both * LIMIT))
        assert said_together.count("passes") == LIMIT, "they count together again"


@pytest.mark.parametrize("name", ["swallows answers", "takes its time"])
async def test_answers_that_come_late_are_nobodys(server: ValkeyServer, name: str) -> None:
    """Those to questions from before, when the way is mended: no call is told what another was."""
    async with two_over(server, refuses=True) as (way, both):
        limiter = both[0]
        BREAKS[name](way, server)
        _hurry(both)
        first, second = asked(f"{name}, first"), asked(f"{name}, second")
        assert await told(limiter, first) == "unavailable"
        way.mend()
        await _reached(limiter)
        for left in range(LIMIT, 0, -1):
            taken = await limiter.limits.take(second)
            assert (taken.wait_seconds, taken.scopes) == (0, second), left
        assert (await limiter.limits.take(second)).wait_seconds > 0
