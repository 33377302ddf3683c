"""Several processes count together, exactly, and what they keep goes by itself."""

import asyncio
import json
import subprocess
import sys

import pytest
import uvloop

from flowkeys.domain.limits.gcra import ADDRESS, CHATFLOW, KEY
from flowkeys.domain.limits.rate import Limits, parse_limits
from flowkeys.limits.shared.place import places_of
from tests.limits.shared.conftest import Limiter
from tests.support.waiting import soon

_PROCESS = """
import asyncio, json, sys
from flowkeys.domain.limits.gcra import CUSTOMER, KEY
from flowkeys.domain.limits.rate import Limits, parse_limits
from tests.limits.shared.conftest import Limiter

async def main(url, mine, calls):
    limiter = Limiter(url)
    await limiter.valkey.start()
    own, shared = (Limits(parse_limits([text])) for text in ("60/day", "100/day"))
    scopes = ((KEY, mine, own), (CUSTOMER, "all", shared))
    taken = await asyncio.gather(*(limiter.limits.take(scopes) for _ in range(calls)))
    assert limiter.valkey.without == 0, limiter.told
    print(json.dumps(sum(not one.wait_seconds for one in taken)))
    await limiter.valkey.stop()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


def test_four_processes_admit_exactly_the_limit(empty_valkey):
    """Two keys with 60 calls each, called by four processes, share the 100 calls of their customer."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _PROCESS, empty_valkey.url, key, "80"], stdout=subprocess.PIPE, text=True
        )
        for key in ("a", "b", "a", "b")
    ]
    admitted = [json.loads(one.communicate()[0]) for one in started]
    assert sum(admitted) == 100
    assert admitted[0] + admitted[2] <= 60
    assert admitted[1] + admitted[3] <= 60


def test_it_works_on_the_loop_that_serves(empty_valkey):
    """Uvloop's connections are none of asyncio's."""

    async def taken() -> int:
        limiter = Limiter(f"unix://{empty_valkey.socket}")
        await limiter.valkey.start()
        asked = ((KEY, "uvloop", Limits(parse_limits(["3/day"]))),)
        found = await asyncio.gather(*(limiter.limits.take(asked) for _ in range(5)))
        assert limiter.valkey.without == 0, limiter.told
        await limiter.valkey.stop()
        return sum(not one.wait_seconds for one in found)

    assert uvloop.run(taken()) == 3


async def test_calls_of_one_turn_leave_in_one_write(empty_valkey):
    """However many calls come together."""
    limiter = Limiter(empty_valkey.url)
    await limiter.valkey.start()
    connection = limiter.valkey._connection
    assert connection is not None
    asked = ((KEY, "turn", Limits(parse_limits(["1000/day"]))),)
    await limiter.limits.take(asked)
    before = connection.writes
    await asyncio.gather(*(limiter.limits.take(asked) for _ in range(100)))
    assert connection.writes == before + 1
    await limiter.valkey.stop()


async def test_what_is_refilled_is_gone(empty_valkey):
    """Each entry expires when there is nothing to remember; addresses are not written out."""
    limiter = Limiter(empty_valkey.url)
    await limiter.valkey.start()
    one, slow = Limits(parse_limits(["10/second"])), Limits(parse_limits(["10/hour"]))
    await limiter.limits.take(((KEY, "quick", one), (ADDRESS, "x\n192.0.2.1", one), (CHATFLOW, "slow", slow)))
    with empty_valkey.client() as client:
        names = {name for name in client.keys("*") if not name.endswith("probe")}
        assert len(names) == 3
        assert not any("192" in name for name in names)
        # The millisecond in which it was set may be another than the one that is counted from.
        assert 300_000 < client.pttl("{flowkeys}:rate:chatflow:slow") <= 360_001
        await soon(lambda: len(client.keys("*:rate:*")) == 1, "two entries to expire")
    await limiter.valkey.stop()


async def test_a_limit_that_changes_goes_on_with_its_calls(empty_valkey):
    """Whoever used 8 of 10 has 12 of 20 left, also when two processes know different limits for a moment."""
    limiter = Limiter(empty_valkey.url)
    await limiter.valkey.start()
    old, new = Limits(parse_limits(["10/day"])), Limits(parse_limits(["20/day"]))
    for _ in range(8):
        await limiter.limits.take(((KEY, "k", old),))
    await asyncio.gather(*(limiter.limits.take(((KEY, "k", limits),)) for limits in (new, old)))
    left = 0
    while not (await limiter.limits.take(((KEY, "k", new),))).wait_seconds:
        left += 1
    assert left == 20 - 8 - 2
    assert limiter.valkey.without == 0
    await limiter.valkey.stop()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("valkey://127.0.0.1", "127.0.0.1:6379"),
        ("redis://user:s%40cret@cache.example:7000/3", "cache.example:7000"),
        ("rediss://:secret@cache.example", "cache.example:6379"),
        ("unix:///run/valkey/valkey.sock?db=2", "/run/valkey/valkey.sock"),
        ("valkey://[::1]:7000", "::1:7000"),
        ("valkey://a, valkey://b:1", "a:6379"),
    ],
)
def test_places(text, said):
    """Whatever clients take as a URL; a password is never shown."""
    first, *_ = places_of(text)
    assert str(first) == said
    assert "secret" not in repr(first)


@pytest.mark.parametrize(
    "text",
    ["", "127.0.0.1:6379", "http://127.0.0.1", "valkey://", "valkey://a:b", "valkey://a/x", "unix://relative",
     "valkey://a/0,valkey://b/1", "valkey://a?db=1", "valkey://a,"],
)  # fmt: skip
def test_what_is_no_place(text):
    """The message says what may be written."""
    with pytest.raises(ValueError, match=r"valkey://|database"):
        places_of(text)
