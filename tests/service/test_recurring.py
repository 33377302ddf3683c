"""What runs in the background goes on whatever happens, and ends when it is told to."""

import asyncio

import pytest

from flowkeys.domain.errors import Unavailable
from flowkeys.service.recurring import Recurring
from flowkeys.service.usage import storing
from flowkeys.service.usage.storing import UsageStore
from flowkeys.usage.buffer import UsageBuffer
from tests.support.waiting import soon

_MOMENT = 0.001


class Work:
    """Fails in one way after the other, and then goes well."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.times = 0

    async def __call__(self, *_: object) -> int:
        """Fail, if that is next."""
        self.times += 1
        if self.errors:
            raise self.errors.pop(0)
        return 0


async def test_it_goes_on_after_any_error_and_each_is_told() -> None:
    """An outage, and what nobody thought of."""
    work, told = Work(Unavailable("away"), KeyError("x"), ValueError("y")), list[str]()
    task = Recurring("it", work, _MOMENT, lambda error: told.append(repr(error)))
    task.start()
    await soon(lambda: work.times > 4, "it to go on")
    await task.stop()
    assert told == ["Unavailable('away')", "KeyError('x')", "ValueError('y')"]
    done = work.times
    await asyncio.sleep(5 * _MOMENT)
    assert work.times == done


async def test_it_goes_on_when_its_error_cannot_be_told() -> None:
    """A log that is full ends nothing."""
    work = Work(ValueError("x"))

    def full(_: Exception) -> None:
        raise OSError("No space left on device")

    task = Recurring("it", work, _MOMENT, full)
    task.start()
    await soon(lambda: work.times > 2, "it to go on")
    await task.stop()


async def test_the_first_time_is_after_a_pause_unless_it_is_to_be_at_once() -> None:
    """Which is what it is asked for."""
    later, now = Work(), Work()
    tasks = [Recurring("later", later, 3600, print), Recurring("now", now, 3600, print, at_once=True)]
    for task in tasks:
        task.start()
    await soon(lambda: now.times == 1, "the one to be done")
    for task in tasks:
        await task.stop()
    assert (later.times, now.times) == (0, 1)


@pytest.mark.parametrize("whole", [True, False])
async def test_a_stop_waits_for_what_is_under_way_or_cancels_it(whole: bool) -> None:
    """As it was asked for; and a second stop has nothing to do."""
    begun, goes_on, ended = asyncio.Event(), asyncio.Event(), list[str]()

    async def work() -> None:
        begun.set()
        try:
            await goes_on.wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        ended.append("whole")

    task = Recurring("it", work, _MOMENT, print, whole=whole)
    task.start()
    await begun.wait()
    stopping = asyncio.create_task(task.stop())
    await asyncio.sleep(5 * _MOMENT)
    assert stopping.done() is not whole
    goes_on.set()
    await stopping
    await task.stop()
    assert ended == ["whole" if whole else "cancelled"]


async def test_what_was_never_begun_is_stopped() -> None:
    """A process may end before."""
    await Recurring("it", Work(), _MOMENT, print).stop()


async def test_last_uses_are_stored_after_an_error_that_is_no_outage() -> None:
    """What was on its way is kept, the error is said, and the next time stores it, without a stop."""
    stored, told = list[dict[str, int]](), list[str]()
    errors = Work(ZeroDivisionError("x"))

    async def store(last_used: dict[str, int], *_: object) -> None:
        await errors()
        stored.append(last_used)

    uses = UsageBuffer(store, _MOMENT, told.append)
    uses.used("a", 1)
    uses.start()
    await soon(lambda: stored, "last uses to be stored")
    await uses.stop()
    assert stored == [{"a": 1}]
    assert told == ["ZeroDivisionError('x')"]


async def test_old_usage_is_tidied_after_an_error_that_is_no_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each is told: an outage in its words, and what nobody thought of as it is."""
    monkeypatch.setattr(storing, "EVERY_SECONDS", _MOMENT)
    told, work = list[str](), Work(Unavailable("The disk is full."), ZeroDivisionError("x"))

    class Store:
        write = work

    usage = UsageStore(Store(), lambda: 10**15, told.append)  # type: ignore[arg-type]
    usage.start()
    await soon(lambda: work.times > 4, "it to go on")
    await usage.stop()
    assert told == ["The disk is full.", "ZeroDivisionError('x')"]
