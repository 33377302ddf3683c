"""Processes of one server count together in Valkey: as many calls are let in as limits and quotas say."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conformance import raw, ways
from tests.durability.process import Serve, Served
from tests.durability.workers import wait_for_processes
from tests.support.flows import bound_key, make_chatflow, make_customer
from tests.support.valkey import ValkeyServer
from tests.support.waiting import until

PER_DAY = [{"limit": 60, "windowSeconds": 86_400}]
A_MONTH = [{"calls": 50, "period": "month"}]


@pytest.mark.parametrize("workers", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_processes_admit_exactly_the_limit(serve: Serve, empty_valkey: ValkeyServer, workers: int) -> None:
    """By forward-auth and predictions, over connections to all of them; usage, quotas and clients agree."""
    served = serve(workers=workers, valkey=empty_valkey.url, valkey_timeout_ms=10_000)
    owner = served.owner()
    chatflow = make_chatflow(owner)
    customer = make_customer(owner, quotas=A_MONTH)
    limited = bound_key(owner, chatflow, rateLimits=PER_DAY)
    metered = [bound_key(owner, chatflow, customerId=customer["id"], rateLimits=PER_DAY) for _ in range(2)]
    processes = wait_for_processes(served, workers)
    with ThreadPoolExecutor(16) as threads:
        told = list(
            threads.map(
                lambda n: _call(served, [limited, *metered][n % 3]["apiKey"], chatflow["id"], n), range(270)
            )
        )
    by_key = [Counter(status for n, status in enumerate(told) if n % 3 == at) for at in range(3)]
    assert by_key[0] == {200: 60, 429: 30}
    assert by_key[1][200] + by_key[2][200] == 50
    until(lambda: _counted(owner, limited["id"]) == 60, "usage to be stored by all")
    used = owner.get(f"/customers/{customer['id']}").json()["quotas"][0]
    assert (used["used"], used["left"]) == (50, 0)
    assert wait_for_processes(served, workers) == processes
    assert served.stop() == 0
    said = served.said()
    assert "valkey is away" not in said
    assert "Traceback" not in said
    (stored,) = served.rows("SELECT sum(used) FROM quota_use WHERE subject_id = ?", customer["id"])
    assert stored == (50,)


def _call(served: Served, token: str, chatflow_id: str, number: int) -> int:
    """Call on a connection of its own, which any of the processes may have."""
    bearer = ways.bearer(token)
    if number % 2:
        return raw.send(served.url, "GET", "/api/v1/auth/verify", bearer).status
    path = f"/api/v1/prediction/{chatflow_id}"
    return raw.send(served.url, "POST", path, bearer, json_body={"question": "Hello"}).status


def _counted(owner: Any, key_id: str) -> int:
    return sum(step["outcomes"].get("ok", 0) for step in owner.get(f"/apikey/{key_id}/usage").json())
