"""A million calls: what callers were told, usage, metrics and the access log are the same numbers."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import repeat
from typing import Any, Final

import httpx
import pytest

from flowkeys.bootstrap import clock
from flowkeys.domain.usage.latency import BUCKETS
from flowkeys.web.hot.call import Call, Refuser
from flowkeys.web.hot.forward_auth import ForwardAuth
from flowkeys.web.hot.target import Asked, read
from flowkeys.web.refusals import Refusals
from flowkeys.web.requests.address import TrustedProxies
from tests.conformance.process import Served
from tests.conformance.test_usage_agrees import QUESTION, Told, ask, logged, post, pump, served_rows, stored
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.programs.second import WORKERS
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS
from tests.telemetry.metrics.scrape import families

CONNECTIONS: Final = 6
NOBODYS: Final = {"unknown_key", "missing_credentials"}


def free_ports() -> list[int]:
    """Return a port for each process, one after the other, that nobody listens on."""
    while True:
        with ExitStack() as sockets:
            found = [sockets.enter_context(socket.socket()) for _ in range(WORKERS)]
            found[0].bind(("127.0.0.1", 0))
            first: int = found[0].getsockname()[1]
            with suppress(OSError, OverflowError):
                for number, other in enumerate(found[1:], first + 1):
                    other.bind(("127.0.0.1", number))
                return [first + number for number in range(WORKERS)]


def scraped(ports: list[int]) -> Counter[tuple[str, str]]:
    """Return what metrics of all processes together say of calls, by door and outcome."""
    return sum(map(_scraped, ports), Counter[tuple[str, str]]())


def _scraped(port: int) -> Counter[tuple[str, str]]:
    url = f"http://127.0.0.1:{port}/metrics"
    text = httpx.get(url, timeout=PATIENCE_SECONDS, trust_env=False).text
    found = (sample for family in families(text) for sample in family.samples)
    return Counter(
        {
            (sample.labels["door"], sample.labels["outcome"]): int(sample.value)
            for sample in found
            if sample.name == "flowkeys_calls_total" and sample.value
        }
    )


def rows_of(running: Running, query: str) -> list[Any]:
    """Return rows of a server's database."""
    with running.shell() as raw:
        return raw.execute(query).fetchall()


@pytest.mark.parametrize(
    "many",
    [pytest.param(20, id="few"), pytest.param(300_000, id="hundreds of thousands", marks=pytest.mark.slow)],
)
def test_what_many_connections_are_told_is_what_is_counted(many: int, serve: Callable[..., Served]) -> None:
    """Predictions, proxies' questions and verifications that count, all at the same time, good and refused.

    None of them changes a key: the feed of changes has no more rows than before.
    """
    ports = free_ports()
    served = serve(FLOWKEYS_LOG_FORMAT="json", FLOWKEYS_METRICS_PORT=str(ports[0])).start()
    owner = served.owner()
    flow = make_chatflow(owner, "closed")
    key, other, disabled = (bound_key(owner, flow, name) for name in ("good", "other", "disabled"))
    stranger = make_key(owner, "bound to nothing")
    limited = bound_key(owner, flow, "limited", rateLimits=[{"limit": 7, "windowSeconds": 86_400}])
    owner.post(f"/apikey/{disabled['id']}/disable")
    changes = served_rows(served, "SELECT count(*) FROM change")
    path, garbage = f"/api/v1/prediction/{flow['id']}", "fl-" + "0" * 32
    few = max(10, many // 20)
    counts = post("/api/v1/apikey/verify", other["apiKey"], json.dumps({"count": True}).encode())
    work = [
        *(("forward-auth", key["id"], many // 4, ask(flow["id"], key["apiKey"])) for _ in range(4)),
        *(("prediction", other["id"], few // 2, post(path, other["apiKey"], QUESTION)) for _ in range(2)),
        ("verify", None, few, counts),
        ("forward-auth", disabled["id"], few, ask(flow["id"], disabled["apiKey"])),
        ("forward-auth", stranger["id"], few, ask(flow["id"], stranger["apiKey"])),
        ("forward-auth", None, few, ask(flow["id"], garbage)),
        ("forward-auth", limited["id"], few, ask(flow["id"], limited["apiKey"])),
        ("prediction", disabled["id"], few, post(path, disabled["apiKey"], QUESTION)),
        ("prediction", None, few, post(path, None, QUESTION)),
    ]
    told: Told = Counter()
    with ThreadPoolExecutor(CONNECTIONS) as connections:
        answers = connections.map(lambda each: pump(served.url, repeat(each[3], each[2])), work)
        for (door, key_id, times, _), found in zip(work, answers, strict=True):
            assert sum(found.values()) == times
            for outcome, number in found.items():
                told[door, outcome, key_id or ""] += number
    assert told["forward-auth", "ok", limited["id"]] == 7
    by_outcome: Counter[tuple[str, str]] = Counter()
    for (door, outcome, _), number in told.items():
        by_outcome[door, outcome] += number
    assert scraped(ports) == by_outcome
    served.stop()
    somebodys = Counter(
        {kind: n for kind, n in told.items() if kind[0] != "verify" and kind[1] not in NOBODYS}
    )
    assert stored(served) == somebodys
    answered = {
        kind: n for kind, n in told.items() if kind[0] != "verify" and kind[:2] != ("forward-auth", "ok")
    }
    assert logged(served) == Counter(answered)
    assert served_rows(served, "SELECT count(*) FROM change") == changes
    columns = "+".join(f"took_{number}" for number in range(BUCKETS))
    totals = served_rows(served, f"SELECT outcome, sum({columns}) FROM usage_total GROUP BY outcome")
    by_rows: Counter[str] = Counter()
    for (_, outcome, _), number in somebodys.items():
        by_rows[outcome] += number
    assert Counter(dict(totals)) == by_rows


@pytest.mark.of_one_process("it is asked in the memory of one process, by no address that others have")
@pytest.mark.parametrize(
    "calls", [pytest.param(2_000, id="few"), pytest.param(1_000_000, id="a million", marks=pytest.mark.slow)]
)
def test_a_million_calls_through_the_hot_path_are_a_million_in_the_database(
    calls: int, start: Callable[..., Running]
) -> None:
    """While they are flushed again and again; each call is one decision and one number."""
    own = start(usage_flush_seconds=1)
    owner = own.owner()
    keys = [make_key(owner, f"key {number}") for number in range(50)]
    for key in keys[40:]:
        owner.post(f"/apikey/{key['id']}/disable")
    logged_codes: Counter[str] = Counter()
    told: Counter[tuple[str, str]] = Counter()

    async def run() -> None:
        runtime, proxies = own.runtime, TrustedProxies()

        def log(facts: dict[str, object]) -> None:
            logged_codes[str(facts["code"])] += 1

        refuser = Refuser(proxies, Refusals(runtime.failures, clock), log, runtime.calls)
        door, asked = ForwardAuth(runtime.verifier, refuser), read(b"/api/v1/auth/verify")
        assert isinstance(asked, Asked)
        heads = [[(b"authorization", b"Bearer " + key["apiKey"].encode())] for key in keys]
        for number in range(calls):
            which = number % 50
            call = Call(b"GET", b"/api/v1/auth/verify", heads[which], "127.0.0.1", proxies)
            reply = door.answer(call, asked) or await door.answer_later(call, asked)
            told[keys[which]["id"], "ok" if reply.status == 200 else "disabled_key"] += 1
            if not number % 1000:
                await asyncio.sleep(0)  # whoever flushes has a turn
        await runtime.calls.flush()

    own.do(run())
    assert sum(told.values()) == calls
    refused = sum(number for (_, outcome), number in told.items() if outcome != "ok")
    assert refused == calls // 5
    assert logged_codes == {"disabled_key": refused}
    totals = own.runtime.calls.totals_now()
    assert sum(totals["forward-auth", "ok"][:BUCKETS]) == calls - refused
    assert sum(totals["forward-auth", "disabled_key"][:BUCKETS]) == refused
    own.stop()
    columns = "+".join(f"took_{number}" for number in range(BUCKETS))
    query = (
        f"SELECT key_id, outcome, sum({columns}) FROM usage_hour WHERE door = 'forward-auth' GROUP BY 1, 2"
    )
    assert {(key_id, outcome): number for key_id, outcome, number in rows_of(own, query)} == told
    assert {key_id for key_id, at in rows_of(own, "SELECT id, last_used_at FROM api_key") if at} >= {
        key["id"] for key in keys[:40]
    }
