"""Which permissions keys used, in memory until they are stored."""

import threading

from flowkeys.domain.errors import Unavailable
from flowkeys.usage.buffer import UsageBuffer
from flowkeys.usage.permissions import Exercised, ExercisedPermissions

VIEW = frozenset({"apikeys:view", "logs:view"})


def test_each_use_is_noted_once() -> None:
    """Of what a key holds alone; who holds everything used that."""
    uses = ExercisedPermissions()
    for _ in range(3):
        uses.note("a", VIEW, ("apikeys:view",))
        uses.note("b", frozenset({"*"}), ("apikeys:view", "tools:view"))
        uses.note("c", VIEW, ("tools:view",))
    assert uses.take() == {"a": {"apikeys:view"}, "b": {"*"}}
    uses.note("a", VIEW, ("apikeys:view",))
    assert not uses
    uses.note("a", VIEW, ("logs:view",))
    assert uses.take() == {"a": {"logs:view"}}


async def test_what_could_not_be_stored_is_kept() -> None:
    """It goes with the next flush, together with what came meanwhile."""
    stored: list[Exercised] = []
    is_away = True

    async def store(_: object, __: object, ___: object, ____: object, exercised: Exercised) -> None:
        if is_away:
            raise Unavailable
        stored.append(exercised)

    buffer = UsageBuffer(store)
    buffer.exercised("a", VIEW, ("apikeys:view",))
    assert not await buffer.flush()
    buffer.exercised("a", VIEW, ("logs:view",))
    is_away = False
    await buffer.flush()
    await buffer.flush()
    assert stored == [{"a": {"apikeys:view", "logs:view"}}]


def test_threads_lose_none() -> None:
    """The writer's thread notes what a ceiling needs while others flush."""
    uses = ExercisedPermissions()
    taken: list[Exercised] = []

    def note(thread: int) -> None:
        for number in range(500):
            uses.note(f"{thread} {number}", VIEW, VIEW)

    threads = [threading.Thread(target=note, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken.append(uses.take())
    taken.append(uses.take())
    assert sum(len(each) for each in taken) == 2000
