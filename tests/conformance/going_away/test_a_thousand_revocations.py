"""A thousand keys are revoked at random moments, under load, while several servers know them."""

import asyncio
import json
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.conformance.process import Served
from tests.durability.workers import Caller
from tests.support.flows import make_chatflow
from tests.support.postgres import Postgres
from tests.support.waiting import patience, soon

REVOCATIONS = 1000
AT_A_TIME = 10
"""So many keys are called, by each caller one after the other, until all of them are revoked."""
BOUND_SECONDS = {"postgres": 2.0, "sqlite": 0.02}
PLACES = 0.5, 0.9, 0.99, 1.0


class Revoked(NamedTuple):
    """What came of a revocation."""

    here: float
    """How many seconds after it was acknowledged the last call was sent that was let in where it was made."""
    elsewhere: float
    """The same, of all other servers; below zero: none was sent later."""


@contextmanager
def several(count: int, engine: str, folder: Path, postgres: Postgres | None) -> Iterator[list[Served]]:
    """Start servers that share a database."""
    own = {"FLOWKEYS_SECRET": "0123456789abcdef" * 3, "FLOWKEYS_LOG_LEVEL": "warning"}
    names = ["one"] * count
    if postgres is not None:
        own["FLOWKEYS_DATABASE"] = postgres.create(postgres.template())
        names = [f"server-{number}" for number in range(count)]
    servers = [Served(folder / name, **own) for name in names]
    try:
        yield [server.start() for server in servers]
    finally:
        for server in servers:
            server.stop()
        if postgres is not None:
            postgres.drop(own["FLOWKEYS_DATABASE"])


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("engine", ["postgres", "sqlite"])
def test_no_call_is_let_in_behind_the_bound(
    engine: str, count: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Counted from the acknowledgement to when a call was sent; none at all where the key was revoked."""
    postgres: Postgres | None = request.getfixturevalue("postgres") if engine == "postgres" else None
    with several(count, engine, tmp_path, postgres) as servers:
        made = json.loads(servers[0].command("keys", "create", "owner", "--permission", "*", "--json"))
        found = asyncio.run(_revoke_all(servers, made["apiKey"]))
    assert len(found) == REVOCATIONS
    late = sorted(each.elsewhere for each in found)
    shown = [f"{late[min(int(place * len(late)), len(late) - 1)] * 1000:.1f}" for place in PLACES]
    print(
        f"\n{engine}, {count} servers, ms behind the acknowledgement: p50, p90, p99, most: {', '.join(shown)}"
    )
    assert max(each.here for each in found) <= 0
    assert late[-1] <= BOUND_SECONDS[engine]


async def _revoke_all(servers: Sequence[Served], owner: str) -> list[Revoked]:
    headers = {"Authorization": f"Bearer {owner}"}
    rng = random.Random(12)
    async with httpx.AsyncClient(headers=headers, timeout=90) as api:
        with servers[0].api(owner) as one:
            chatflow = str(make_chatflow(one)["id"])
        found: list[Revoked] = []
        for _ in range(REVOCATIONS // AT_A_TIME):
            body = {"keyName": "k", "chatflowIds": [chatflow]}
            answers = [await api.post(f"{servers[0].url}/api/v1/apikey", json=body) for _ in range(AT_A_TIME)]
            keys = {answer.json()["id"]: str(answer.json()["apiKey"]) for answer in answers}
            found += await _revoke(api, servers, keys, chatflow, rng)
    return found


async def _revoke(
    api: httpx.AsyncClient, servers: Sequence[Served], keys: dict[str, str], chatflow: str, rng: random.Random
) -> list[Revoked]:
    """Call all keys without a pause, on two connections of each server, and revoke one after the other."""
    let_in = {(number, key): 0.0 for number in range(len(servers)) for key in keys}
    """When the last call was sent that was let in."""
    refused = dict.fromkeys(let_in, 0)
    calls = 0
    over = False

    async def call(number: int) -> None:
        nonlocal calls
        caller = Caller(servers[number].url)
        while not over:
            for key, token in keys.items():
                told = await caller.ask(chatflow, token)
                calls += 1
                if told.status == 200:
                    let_in[number, key] = max(let_in[number, key], told.sent_at)
                else:
                    assert told.status == 401
                    refused[number, key] += 1
        caller.close()

    callers = [asyncio.create_task(call(number)) for number in range(len(servers)) for _ in range(2)]
    found: list[tuple[str, int, float]] = []
    async with patience("the keys are revoked, and everybody hears of it"):
        await soon(lambda: all(let_in.values()) or any(task.done() for task in callers), "calls")
        for key in keys:
            until_then = calls + rng.randrange(30)
            await soon(lambda until_then=until_then: calls >= until_then, "some more calls")
            where = rng.randrange(len(servers))
            answer = await api.delete(f"{servers[where].url}/api/v1/apikey/{key}")
            assert answer.json()["affected"] == 1
            found.append((key, where, time.monotonic()))
        await soon(lambda: min(refused.values()) >= 5 or any(task.done() for task in callers), "refusals")
    over = True
    await asyncio.gather(*callers)
    return [
        Revoked(
            let_in[where, key] - acknowledged,
            max(
                at - acknowledged for (number, name), at in let_in.items() if name == key and number != where
            ),
        )
        for key, where, acknowledged in found
    ]
