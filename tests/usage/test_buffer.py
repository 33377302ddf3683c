"""Last uses wait in memory, and are stored a part at a time."""

from flowkeys.domain.errors import Unavailable
from flowkeys.usage import buffer
from flowkeys.usage.buffer import UsageBuffer


class Stored:
    """What was handed over, or an outage."""

    def __init__(self) -> None:
        self.parts: list[dict[str, int]] = []
        self.away = False

    async def __call__(self, last_used: dict[str, int], *_: object) -> None:
        """Take it, or be away."""
        if self.away:
            raise Unavailable
        self.parts.append(last_used)


async def test_few_uses_are_stored_together_and_the_last_time_counts() -> None:
    """One time for each key."""
    stored = Stored()
    uses = UsageBuffer(stored)
    for at in range(5):
        uses.used("a", at)
        uses.used("b", at)
    assert await uses.flush() is False
    assert stored.parts == [{"a": 4, "b": 4}]
    assert await uses.flush() is False
    assert len(stored.parts) == 1


async def test_of_many_uses_the_first_are_stored_first_and_all_are_known_meanwhile() -> None:
    """A hundred thousand keys in use would else keep the writer busy without end."""
    stored = Stored()
    uses = UsageBuffer(stored)
    many = buffer.AT_ONCE * 2 + 1
    for number in range(many):
        uses.used(f"k{number}", number + 1)
    assert await uses.flush() is True
    assert list(stored.parts[0]) == [f"k{number}" for number in range(buffer.AT_ONCE)]
    assert uses.last_use(f"k{many - 1}") == many
    assert await uses.flush() is True
    assert await uses.flush() is False
    assert [len(part) for part in stored.parts] == [buffer.AT_ONCE, buffer.AT_ONCE, 1]


async def test_a_stop_stores_everything() -> None:
    """However much waits."""
    stored = Stored()
    uses = UsageBuffer(stored, interval_seconds=3600)
    uses.start()
    for number in range(buffer.AT_ONCE + 5):
        uses.used(f"k{number}", 1)
    await uses.stop()
    assert sum(map(len, stored.parts)) == buffer.AT_ONCE + 5


async def test_an_outage_loses_nothing_and_a_stop_does_not_wait_for_its_end() -> None:
    """What was used again meanwhile keeps its later time."""
    stored = Stored()
    uses = UsageBuffer(stored)
    for number in range(buffer.AT_ONCE + 5):
        uses.used(f"k{number}", 1)
    stored.away = True
    assert await uses.flush() is False
    uses.used("k0", 2)
    await uses.stop()
    stored.away = False
    await uses.stop()
    found = {key_id: at for part in stored.parts for key_id, at in part.items()}
    assert len(found) == buffer.AT_ONCE + 5
    assert found["k0"] == 2
