"""Several processes answer as one would: histories of calls that were made side by side."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.conformance.as_one.checker import UNKNOWN, explain
from tests.conformance.as_one.model import apply, promised
from tests.conformance.as_one.recording import Recorded, record
from tests.conformance.going_away.test_a_thousand_revocations import BOUND_SECONDS, several
from tests.conformance.process import Served
from tests.support.flows import make_chatflow
from tests.support.postgres import Postgres

PROCESSES = 3
Meanwhile = Callable[[list[Served], list[str]], Callable[[int], Awaitable[None]]]


def dying(servers: list[Served], urls: list[str]) -> Callable[[int], Awaitable[None]]:
    """Return what kills one server at every fifth key, and starts it again."""
    chance = random.Random(5)

    async def meanwhile(number: int) -> None:
        if number % 5 == 0:
            which = chance.randrange(len(servers))
            await asyncio.to_thread(servers[which].kill)
            await asyncio.to_thread(servers[which].start)
            urls[which] = servers[which].url

    return meanwhile


@pytest.mark.parametrize(
    ("keys", "meanwhile"),
    [
        pytest.param(6, None, id="6"),
        pytest.param(300, None, id="300", marks=pytest.mark.slow),
        pytest.param(150, dying, id="dying", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("engine", ["postgres", "sqlite"])
def test_keys_are_linearizable_over_processes(
    engine: str, keys: int, meanwhile: Meanwhile | None, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Managing keys is as with one process; verifying is at most the bound behind, and not where it changed.

    Four clients and three processes; those that die take calls with them, which then happened or did not.
    """
    postgres: Postgres | None = request.getfixturevalue("postgres") if engine == "postgres" else None
    with several(PROCESSES, engine, tmp_path, postgres) as servers:
        owner = json.loads(servers[0].command("keys", "create", "owner", "--permission", "*", "--json"))
        with servers[0].api(owner["apiKey"]) as api:
            chatflow = str(make_chatflow(api)["id"])
        urls = [server.url for server in servers]
        done = record(
            urls,
            owner["apiKey"],
            chatflow,
            keys=keys,
            seed=keys,
            meanwhile=meanwhile and meanwhile(servers, urls),
        )
        histories = asyncio.run(done)
    steps = [step for key in histories for step in key.steps]
    unknown = sum(step.answer is UNKNOWN for step in steps)
    print(f"{engine}: {len(histories)} keys, {len(steps)} calls, {unknown} changes without an answer")
    assert len(histories) == keys
    check(histories, BOUND_SECONDS[engine])


def check(histories: list[Recorded], bound_seconds: float) -> None:
    """Fail with the first key whose calls no order explains."""
    for key in histories:
        found = explain(promised(key.steps, bound_seconds), None, apply)
        assert found is None, f"key {key.id}: {found}"
