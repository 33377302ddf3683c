"""Last uses wait in memory, and are stored a part at a time."""

import asyncio

import msgspec
import pytest

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.digest import TokenDigest
from flowkeys.domain.keys.networks import KnownClient
from flowkeys.domain.keys.rotation import LastUse
from flowkeys.service import recurring
from flowkeys.usage import buffer
from flowkeys.usage.buffer import Clients, UsageBuffer


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
    assert uses.last_use(f"k{many - 1}") == LastUse(many)
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


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass between the tries of a stop."""
    monkeypatch.setattr(recurring, "PAUSES", (0.0, 0.0))


@pytest.mark.usefixtures("no_pauses")
async def test_a_stop_tries_again_and_says_what_is_lost_in_an_outage_that_lasts() -> None:
    """What was used again meanwhile keeps its later time."""
    stored = Stored()
    told: list[str] = []
    uses = UsageBuffer(stored, tell=told.append)
    for number in range(buffer.AT_ONCE + 5):
        uses.used(f"k{number}", 1)
    stored.away = True
    assert await uses.flush() is False
    uses.used("k0", 2)
    assert told == []
    await uses.stop()
    assert len(told) == 1
    assert f"last uses of {buffer.AT_ONCE + 5} keys" in told[0]
    stored.away = False
    await uses.stop()
    assert len(told) == 1
    found = {key_id: at for part in stored.parts for key_id, at in part.items()}
    assert len(found) == buffer.AT_ONCE + 5
    assert found["k0"] == 2


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("outages", [1, 2])
async def test_a_stop_during_a_short_outage_loses_nothing(outages: int) -> None:
    """The store is back at the second or third try; digests alone are tried again, too."""
    for what in ("used", "outdated"):
        tries: list[int] = []

        async def store(*_: object, tries: list[int] = tries) -> None:
            tries.append(1)
            if len(tries) <= outages:
                raise Unavailable

        told: list[str] = []
        uses = UsageBuffer(store, tell=told.append)
        if what == "used":
            uses.used("a", 1)
        else:
            uses.outdated("a", TokenDigest("old"), TokenDigest("new"))
        await uses.stop()
        assert (len(tries), told) == (outages + 1, [])


class Asked(KnownClient, frozen=True):
    """A client that counts how often it is read."""

    times: list[str] = msgspec.field(default_factory=list)

    def address(self) -> str | None:
        """Note that it was asked for."""
        self.times.append("address")
        return self.known


async def test_of_a_client_nothing_is_read_until_its_use_is_stored_or_asked_for() -> None:
    """A call costs a reference; of all calls of a key only the last one is read, and never those before."""
    found: list[LastUse] = []

    async def keep(last_used: dict[str, int], _: object, __: object, clients: Clients, ___: object) -> None:
        found.extend(LastUse.of(at, clients.get(key_id)) for key_id, at in last_used.items())

    uses = UsageBuffer(keep)
    before = [Asked("192.0.2.1", times=[]) for _ in range(5)]
    for at, client in enumerate([*before, Asked("192.0.2.2", "curl/8", times=[])]):
        uses.used("a", at, client)
    assert uses.last_use("a") == LastUse(5, "192.0.2.2", "curl/8")
    await uses.flush()
    assert found == [LastUse(5, "192.0.2.2", "curl/8")]
    assert [client.times for client in before] == [[]] * 5
    assert uses.last_use("a") is None


async def test_clients_of_few_keys_wait_and_no_use_gets_anothers() -> None:
    """Calls of very many keys are not kept; nor does an outage put an old client beside a new time."""
    stored: list[Clients] = []
    away = True

    async def store(_: dict[str, int], __: object, ___: object, clients: Clients, ____: object) -> None:
        if away:
            raise Unavailable
        stored.append(clients)

    uses = UsageBuffer(store)
    many = buffer.CLIENTS * 3
    for number in range(many):
        uses.used(f"k{number}", 1, KnownClient(str(number)))
        assert len(uses._clients) <= buffer.CLIENTS
    assert await uses.flush() is False
    assert len(uses._clients) <= buffer.CLIENTS + buffer.AT_ONCE
    uses.used("k0", 2, None)
    assert uses.last_use("k0") == LastUse(2)
    assert uses.last_use("k1") == LastUse(1, "1")
    assert uses.last_use(f"k{many - 1}") == LastUse(1)
    away = False
    await uses.stop()
    assert stored[0]["k0"] is None
    assert {key_id: client.known for part in stored for key_id, client in part.items() if client} == {
        f"k{number}": str(number) for number in range(1, buffer.CLIENTS)
    }


async def test_who_flushes_waits_for_what_is_on_its_way() -> None:
    """Else what was recorded would be called stored while another flush still stores it."""
    begun, goes_on = asyncio.Event(), asyncio.Event()
    stored: list[str] = []

    async def store(last_used: dict[str, int], *_: object) -> None:
        begun.set()
        await goes_on.wait()
        stored.extend(last_used)

    uses = UsageBuffer(store)
    uses.used("a", 1)
    first = asyncio.create_task(uses.flush())
    await begun.wait()
    second = asyncio.create_task(uses.flush())
    await asyncio.sleep(0)
    assert not second.done()
    goes_on.set()
    assert await second is False
    assert stored == ["a"]
    assert first.done()


async def test_of_many_keys_in_use_those_are_known_that_are_stored_next() -> None:
    """Whichever key is used all the time is stored with whom it was used by, however many others are."""
    stored: list[Clients] = []

    async def store(_: dict[str, int], __: object, ___: object, clients: Clients, ____: object) -> None:
        stored.append(clients)

    uses = UsageBuffer(store)
    many = buffer.CLIENTS * 5
    for at in range(1, 5):
        for number in range(many):
            uses.used(f"k{number}", at, KnownClient(f"{number} at {at}"))
        assert await uses.flush()
    assert [len(part) for part in stored] == [buffer.AT_ONCE] * 4
    for at, part in enumerate(stored, 1):
        assert {key_id: client.known for key_id, client in part.items() if client} == {
            key_id: f"{key_id[1:]} at {at}" for key_id in part
        }
