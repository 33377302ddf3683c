"""Clients that wait when they are refused, unmodified: a limit costs their users time and nothing else."""

import asyncio
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from flowkeys import AsyncClient, Client
from tests.clients.conftest import NODE_MODULES, PROGRAMS, PYTHON, run_program
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Api, Running

CALLS = 100
"""At one time, against ten a second: the last is told to come in nine seconds."""
TEN = [{"limit": 10, "windowSeconds": 1}]
NODE = ("ky", "got", "axios-retry")
PYTHONS = ("urllib3", "requests", "httpx-retries")
NO_POSTS = {"requests"}
"""Which repeat a GET only, whatever they are told."""


def call_with(client: str, method: str, url: str, key: str) -> dict[str, int]:
    """Return how often each end came."""
    arguments = {"client": client, "method": method, "url": url, "key": key, "calls": CALLS}
    if client in NODE:
        # Modules are looked for where the program is: it is read here, and run beside them.
        program = (PROGRAMS / "waiting.mjs").read_text("utf-8")
        command = ["node", "--input-type=module", "-e", program]
        found = subprocess.run(
            command,
            input=json.dumps(arguments),
            cwd=NODE_MODULES.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stderr
        said: dict[str, int] = json.loads(found.stdout)
        return said
    counts: dict[str, int] = run_program([str(PYTHON), str(PROGRAMS / "waiting.py")], arguments)
    return counts


@pytest.mark.slow
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_hundred_calls_at_one_time_end_well(server: Running, owner: Api, method: str) -> None:
    """Each client with a key of its own, and a limit of ten a second."""
    if not PYTHON.exists() or not (NODE_MODULES / "axios-retry").exists():
        pytest.skip("the clients are not installed: make clients")
    clients = [each for each in (*NODE, *PYTHONS) if method == "GET" or each not in NO_POSTS]
    chatflow = make_chatflow(owner)
    keys = {each: bound_key(owner, chatflow, each, rateLimits=TEN)["apiKey"] for each in clients}
    url = f"{server.url}/api/v1/auth/verify/chatflow/{chatflow['id']}"
    with ThreadPoolExecutor(len(clients)) as threads:
        ended = dict(
            zip(
                clients,
                threads.map(lambda each: call_with(each, method, url, keys[each]), clients),
                strict=True,
            )
        )
    assert ended == {each: {"200": CALLS} for each in clients}


@pytest.mark.slow
async def test_our_own_sdk_waits_as_it_is_told(server: Running, owner: Api) -> None:
    """Predictions and questions, at one time by threads and by tasks: each has its answer."""
    chatflow = make_chatflow(owner)
    limited = [bound_key(owner, chatflow, rateLimits=TEN)["apiKey"] for _ in range(2)]
    with Client(server.url, limited[0]) as client, ThreadPoolExecutor(CALLS) as threads:
        asked = [threads.submit(client.predict, chatflow["id"], "Hello") for _ in range(CALLS)]
        async with AsyncClient(server.url, limited[1]) as other:
            found = await asyncio.gather(*(other.predict(chatflow["id"], "Hello") for _ in range(CALLS)))
        assert [each.text for each in found] == ["You said: Hello"] * CALLS
        assert [each.result().text for each in asked] == ["You said: Hello"] * CALLS
