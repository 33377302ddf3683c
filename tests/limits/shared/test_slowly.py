"""What takes longer: Redis, a failover, storms, and processes that are killed."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from flowkeys.domain.limits.gcra import KEY
from flowkeys.domain.limits.rate import Limits, parse_limits
from tests.limits.shared.conftest import Limiter
from tests.limits.shared.test_same import _agree, clocked
from tests.support.valkey import REDIS, VALKEY, ValkeyServer
from tests.support.waiting import soon

pytestmark = pytest.mark.slow
__all__ = ["clocked"]


@pytest.fixture(scope="module")
def redis() -> Iterator[ValkeyServer]:
    """Redis, where the machine has it."""
    if REDIS is None:
        pytest.skip("redis-server is not installed: apt-get install redis-server")
    running = ValkeyServer(REDIS).start()
    yield running
    running.stop()


@pytest.mark.usefixtures("clocked")
def test_redis_says_the_same(run: Any, redis: ValkeyServer) -> None:
    """As Valkey does, and as limits in memory."""
    shared = Limiter(redis.url)
    run(shared.valkey.start())
    try:
        with redis.client() as client:
            _agree(run, shared, client)
        assert shared.valkey.without == 0, shared.told
    finally:
        run(shared.valkey.stop())


async def test_a_failover_admits_what_was_not_replicated_and_no_more() -> None:
    """The primary is killed and its replica promoted: four limiters find it by themselves."""
    primary, replica = ValkeyServer().start(), ValkeyServer().start()
    asked = ((KEY, "failover", Limits(parse_limits(["500/day"]))),)
    limiters = [Limiter(f"{primary.url},{replica.url}", refuses=True) for _ in range(4)]
    try:
        with replica.client() as client, primary.client() as first:
            client.replicaof("127.0.0.1", str(primary.port))
            await soon(
                lambda: client.info("replication")["master_link_status"] == "up", "the replica to follow"
            )
            for limiter in limiters:
                await limiter.valkey.start()
            admitted = 0
            for _ in range(50):
                taken = await asyncio.gather(*(limiter.limits.take(asked) for limiter in limiters))
                admitted += sum(not one.wait_seconds for one in taken)
            assert admitted == 200
            before = first.info("replication")["master_repl_offset"]
            primary.kill()
            seen = client.info("replication")["slave_repl_offset"]
            client.replicaof("NO", "ONE")
        for limiter in limiters:
            await soon(lambda limiter=limiter: str(replica.port) in limiter.valkey.place, "the new primary")
        for _ in range(150):
            taken = await asyncio.gather(*(limiter.limits.take(asked) for limiter in limiters))
            admitted += sum(not one.wait_seconds for one in taken)
        lost = 0 if seen >= before else 200
        assert 500 <= admitted <= 500 + lost + 1  # and what a day refills meanwhile: less than one
    finally:
        for limiter in limiters:
            await limiter.valkey.stop()
        primary.stop()
        replica.stop()


_STORM = """
import asyncio, json, sys
from flowkeys.domain.limits.gcra import KEY
from flowkeys.domain.limits.rate import Limits, parse_limits
from tests.limits.shared.conftest import Limiter

async def main(url):
    limiter = Limiter(url)
    await limiter.valkey.start()
    asked = ((KEY, "storm", Limits(parse_limits(["3000/day"]))),)
    admitted = 0
    for _ in range(100):
        taken = await asyncio.gather(*(limiter.limits.take(asked) for _ in range(20)))
        admitted += sum(not one.wait_seconds for one in taken)
        print(json.dumps(admitted), flush=True)
    assert limiter.valkey.without == 0, limiter.told
    await limiter.valkey.stop()

asyncio.run(main(sys.argv[1]))
"""


def test_killed_processes_cost_what_they_had_under_way(empty_valkey: ValkeyServer) -> None:
    """Of four that take 2,000 calls each one is killed: the limit is never exceeded."""
    command = [sys.executable, "-c", _STORM, empty_valkey.url]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    killed = started.pop()
    assert killed.stdout is not None
    first = killed.stdout.readline()
    assert first, "it ended before it had called"
    killed.kill()
    rest = killed.communicate()[0].split()
    admitted = [int(json.loads(one.communicate()[0].split()[-1])) for one in started]
    told = int(rest[-1] if rest else first)
    assert sum(admitted) + told <= 3000
    assert sum(admitted) + told >= 3000 - 20 * 2


async def test_a_slow_server_is_away_and_does_not_come_back_slow() -> None:
    """Answers that come behind the time are given up once; it is not asked again before it is quick."""
    server = ValkeyServer(VALKEY, "--enable-debug-command", "local").start()
    limiter = Limiter(server.url, timeout_seconds=0.05)
    asked = ((KEY, "slow", Limits(parse_limits(["1000/day"]))),)
    try:
        await limiter.valkey.start()
        await soon(lambda: limiter.valkey.is_up, "Valkey")
        with server.client() as client:
            busy = asyncio.to_thread(client.execute_command, "DEBUG", "SLEEP", "2")
            working = asyncio.create_task(busy)
            await asyncio.sleep(0)
            while limiter.valkey.is_up:
                await limiter.limits.take(asked)
            alone = limiter.valkey.without
            for _ in range(100):
                assert limiter.limits.at_once(asked) is not None
            assert limiter.valkey.without == alone + 100
            await working
        await soon(lambda: limiter.valkey.is_up, "Valkey to be found again")
        assert [event for event, _ in limiter.told] == ["valkey is away", "valkey is back"]
    finally:
        await limiter.valkey.stop()
        server.stop()
