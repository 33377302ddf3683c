"""Of many who want the same at one time, one looks it up; nobody's leaving takes it from the others."""

import asyncio

import pytest

from flowkeys.cache.flight import SharedLookUps


class _Looking:
    """A look-up that ends when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.ends = asyncio.Event()
        self.fails = False

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        await self.ends.wait()
        if self.fails:
            raise LookupError("nothing")
        return number


async def test_one_looks_it_up_for_all() -> None:
    """And who comes behind that looks anew."""
    shared: SharedLookUps[str, int] = SharedLookUps()
    looking = _Looking()
    asking = [asyncio.create_task(shared.ask("a", looking)) for _ in range(3)]
    await asyncio.sleep(0)
    looking.ends.set()
    assert await asyncio.gather(*asking) == [1, 1, 1]
    assert await shared.ask("a", looking) == 2


async def test_who_stops_waiting_takes_nothing_from_the_others() -> None:
    """Not even who looks it up: then the next of them does."""
    shared: SharedLookUps[str, int] = SharedLookUps()
    looking = _Looking()
    first, second, third = (asyncio.create_task(shared.ask("a", looking)) for _ in range(3))
    await asyncio.sleep(0)
    second.cancel()
    first.cancel()
    looking.ends.set()
    assert await third == 2
    with pytest.raises(asyncio.CancelledError):
        await first
    with pytest.raises(asyncio.CancelledError):
        await second


async def test_all_hear_why_there_is_no_answer() -> None:
    """And who comes behind that asks anew."""
    shared: SharedLookUps[str, int] = SharedLookUps()
    looking = _Looking()
    looking.fails = True
    asking = [asyncio.create_task(shared.ask("a", looking)) for _ in range(3)]
    await asyncio.sleep(0)
    looking.ends.set()
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(each) for each in found] == [LookupError] * 3
    looking.fails = False
    assert await shared.ask("a", looking) == 2


async def test_who_comes_behind_a_change_asks_for_itself() -> None:
    """What was asked before may be from before it."""
    shared: SharedLookUps[str, int] = SharedLookUps()
    looking = _Looking()
    before = asyncio.create_task(shared.ask("a", looking))
    await asyncio.sleep(0)
    shared.start_anew()
    behind = asyncio.create_task(shared.ask("a", looking))
    await asyncio.sleep(0)
    looking.ends.set()
    assert [await before, await behind] == [1, 2]
