"""Metrics agree with what callers were told and with what is stored."""

import json
from collections import Counter
from collections.abc import Callable
from itertools import repeat

import pytest

from tests.conformance.test_usage_agrees import LONG, QUESTION, ask, post, pump
from tests.support.flows import bound_key, events, make_chatflow, make_key
from tests.support.server import Running
from tests.support.waiting import until
from tests.telemetry.metrics.scrape import values

EACH = 300


def verify(token: str, body: object) -> bytes:
    """Return a question to verify as it is sent."""
    return post("/api/v1/apikey/verify", token, json.dumps(body).encode())


@pytest.mark.parametrize("http", ["protocol", "asgi"])
def test_metrics_are_what_callers_were_told_and_what_is_stored(
    http: str, start: Callable[..., Running]
) -> None:
    """Each door and outcome, whichever way a call takes, some thousands: no call more and none less."""
    own = start(http, http=http, metrics_port=0)
    owner = own.owner()
    closed, public = make_chatflow(owner, "closed"), make_chatflow(owner, "public", isPublic=True)
    key, disabled = bound_key(owner, closed, "good"), bound_key(owner, closed, "disabled")
    stranger = make_key(owner, "bound to nothing")
    limited = bound_key(owner, closed, "limited", rateLimits=[{"limit": 7, "windowSeconds": 86_400}])
    owner.post(f"/apikey/{disabled['id']}/disable")
    path, other = f"/api/v1/prediction/{closed['id']}", f"/api/v1/prediction/{public['id']}"
    good, bad, unbound = key["apiKey"], disabled["apiKey"], stranger["apiKey"]
    garbage = "fl-" + "0" * 32
    token, lesser = owner.token or "", make_key(owner, "sees nothing")["apiKey"]
    told: Counter[tuple[str, str]] = Counter()
    for door, times, request in (
        ("forward-auth", EACH, ask(closed["id"], good)),
        ("forward-auth", EACH, ask(closed["id"], bad)),
        ("forward-auth", EACH, ask(closed["id"], unbound)),
        ("forward-auth", EACH, ask(closed["id"], garbage)),
        ("forward-auth", 10, ask(closed["id"], limited["apiKey"])),
        ("prediction", EACH, post(path, good, QUESTION)),
        ("prediction", 5, post(path, good, LONG)),
        ("prediction", 5, post(path, good, b"{")),
        ("prediction", 5, post(other, None, QUESTION)),
        ("prediction", EACH, post(path, bad, QUESTION)),
        ("prediction", EACH, post(path, garbage, QUESTION)),
        ("prediction", EACH, post(path, None, QUESTION)),
        ("verify", EACH, verify(good, {})),
        ("verify", EACH, verify(bad, {})),
        ("verify", EACH, verify(garbage, {})),
        ("verify", 5, verify(good, {"chatflowId": "none"})),
        ("verify", 5, verify(lesser, {"token": good})),
    ):
        for outcome, count in pump(own.url, repeat(request, times)).items():
            told[door, outcome] += count
    assert told["forward-auth", "rate_limited"] == 3
    asked = pump(own.url, repeat(verify(token, {"tokens": [good, bad, garbage, good]}), 20))
    asked += pump(own.url, repeat(verify(token, {"token": good}), 20))
    asked += pump(own.url, repeat(verify(token, {"tokens": [good, bad], "count": True}), 20))
    assert asked == {"ok": 60}
    told["verify", "ok"] += 80
    told["verify", "disabled_key"] += 40
    told["verify", "unknown_key"] += 20
    streamed = own.api(good).post(f"/prediction/{closed['id']}", json={"question": "Hi", "streaming": True})
    assert events(streamed.text)[-1]["event"] == "end"
    told["prediction", "ok"] += 1

    def metrics() -> Counter[tuple[str, str]]:
        found = values(own, "flowkeys_calls_total")
        return Counter({(door, outcome): int(count) for (door, outcome), count in found.items() if count})

    until(lambda: metrics() == told, lambda: f"metrics to be {told}, not {metrics()}")
    length = values(own, "flowkeys_call_duration_seconds_bucket")
    let_in = {"ok", "invalid_json", "client_gone"}
    for door in ("forward-auth", "prediction"):
        assert length[door, "+Inf"] == sum(n for (d, code), n in told.items() if d == door and code in let_in)
    took = values(own, "flowkeys_call_duration_seconds_sum")
    assert all(0 < took[door,] < 60 * length[door, "+Inf"] for door in ("forward-auth", "prediction"))
    sent = values(own, "flowkeys_prediction_bytes_total")
    assert own.do(own.runtime.calls.flush())
    nobody = Counter({kind: count for kind, count in told.items() if kind[0] == "verify"})
    nobody["forward-auth", "unknown_key"] = EACH
    nobody["prediction", "unknown_key"] = nobody["prediction", "missing_credentials"] = EACH
    assert stored(own) == told - nobody
    assert metrics() == told, "what was stored is still counted"
    with own.shell() as raw:
        kept = raw.execute("SELECT sum(bytes_in), sum(bytes_out) FROM usage_hour").fetchone()
    assert (sent["in",], sent["out",]) == kept


def stored(running: Running) -> Counter[tuple[str, str]]:
    """Return what usage has, by door and outcome."""
    columns = "+".join(f"took_{number}" for number in range(21))
    query = f"SELECT door, outcome, sum({columns}) FROM usage_hour GROUP BY door, outcome"
    with running.shell() as raw:
        return Counter({(door, outcome): calls for door, outcome, calls in raw.execute(query)})
