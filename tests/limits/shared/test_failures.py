"""Failed credentials by address are limited in all processes together."""

import asyncio

from flowkeys.domain.times import SECOND
from flowkeys.limits.shared.failures import SharedFailures
from flowkeys.limits.shared.place import places_of
from flowkeys.limits.shared.valkey import Valkey

NOON = 1_773_144_000 * SECOND


async def test_what_one_process_counts_holds_in_the_others(empty_valkey):
    """Of 20 at once, each process lets pass what the others have not; garbage beyond that is not told."""
    valkeys = [Valkey(places_of(empty_valkey.url), 5.0, lambda *_: None) for _ in range(2)]
    for one in valkeys:
        await one.start()
    # So slow that nothing is refilled while the test runs.
    first, second = (SharedFailures(1, 3600, one) for one in valkeys)
    alone = SharedFailures(1, 3600, Valkey([], 5.0, lambda *_: None))

    async def counted() -> None:
        await asyncio.gather(*first._sent, *second._sent)

    for _ in range(3600):
        assert first.failed("192.0.2.1", NOON) == 0
        if len(first._sent) > 500:
            await counted()
    assert first.failed("192.0.2.1", NOON) > 0
    await counted()
    assert second.failed("192.0.2.1", NOON) == 0, "it does not know yet"
    await counted()
    passed = 0
    while not second.failed("192.0.2.1", NOON):
        passed += 1
        await counted()
    assert passed <= 60, "as much as was refilled since"
    assert second.failed("192.0.2.2", NOON) == 0
    await counted()
    assert [alone.failed("192.0.2.1", NOON) for _ in range(3)] == [0, 0, 0]
    with empty_valkey.client() as client:
        assert len(client.keys("*failed*")) == 2
    for one in valkeys:
        await one.stop()
