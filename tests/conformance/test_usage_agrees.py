"""Usage agrees with what was answered, logged and stored, whichever way a call takes."""

import json
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conformance.process import Served
from tests.support.flows import bound_key, events, make_chatflow, make_key
from tests.support.waiting import PATIENCE_SECONDS

QUESTION = b'{"question":"Hello"}'
LONG = json.dumps({"question": "Hello", "overrideConfig": {"x": "x" * 100_000}}).encode()
"""More than is read in the connection."""
TOGETHER = 50
DOORS = {"/api/v1/prediction/{chatflow_id}": "prediction", "/api/v1/auth/verify": "forward-auth"}

Told = Counter[tuple[str, str, str]]
"""By door, outcome and key."""


def post(path: str, token: str | None, body: bytes) -> bytes:
    """Return a prediction as it is sent."""
    bearer = "" if token is None else f"Authorization: Bearer {token}\r\n"
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{bearer}Content-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def ask(chatflow_id: str, token: str) -> bytes:
    """Return a proxy's question as it is sent."""
    head = f"GET /api/v1/auth/verify/chatflow/{chatflow_id} HTTP/1.1\r\nHost: x\r\n"
    return f"{head}Authorization: Bearer {token}\r\n\r\n".encode()


def pump(url: str, requests: Iterable[bytes]) -> Counter[str]:
    """Send requests on one connection, many at once, and count what their answers say."""
    parts = urlsplit(url)
    found: Counter[str] = Counter()
    waiting = iter(requests)
    with (
        socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_SECONDS) as connection,
        connection.makefile("rb") as answers,
    ):
        while some := [one for _, one in zip(range(TOGETHER), waiting, strict=False)]:
            connection.sendall(b"".join(some))
            for _ in some:
                status = int(answers.readline().split()[1])
                length = 0
                while (line := answers.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                body = answers.read(length)
                found["ok" if status == 200 else json.loads(body)["code"]] += 1
    return found


def stored(served: Served) -> Told:
    """Return what the database says."""
    columns = "+".join(f"took_{number}" for number in range(21))
    rows = served_rows(
        served, f"SELECT door, outcome, key_id, sum({columns}) FROM usage_hour GROUP BY door, outcome, key_id"
    )
    return Counter({(door, outcome, key): calls for door, outcome, key, calls in rows})


def served_rows(served: Served, query: str) -> list[Any]:
    """Return rows of a server's database."""
    with served.shell() as raw:
        return raw.execute(query).fetchall()


def logged(served: Served) -> Told:
    """Return what the access log says; one line may stand for several refusals of a client that insists."""
    told: Told = Counter()
    with served.log.open("rb") as lines:
        for text in lines:
            line = json.loads(text)
            door = DOORS.get(line.get("route", ""))
            if door is not None:
                told[door, line.get("code", "ok"), line.get("key_id", "")] += line.get("refusals", 1)
    return told


@pytest.mark.parametrize("http", ["protocol", "asgi"])
@pytest.mark.parametrize(
    "calls",
    [pytest.param(10, id="few"), pytest.param(500_000, id="half a million", marks=pytest.mark.slow)],
)
def test_usage_is_what_was_answered_logged_and_stored(
    calls: int, http: str, serve: Callable[..., Served]
) -> None:
    """Each way and each outcome, a million calls in all: no call is missing, and none is there twice."""
    served = serve(FLOWKEYS_LOG_FORMAT="json", FLOWKEYS_HTTP=http).start()
    owner = served.owner()
    closed, public = make_chatflow(owner, "closed"), make_chatflow(owner, "public", isPublic=True)
    key, disabled = bound_key(owner, closed, "good"), bound_key(owner, closed, "disabled")
    stranger = make_key(owner, "bound to nothing")
    owner.post(f"/apikey/{disabled['id']}/disable")
    path, other = f"/api/v1/prediction/{closed['id']}", f"/api/v1/prediction/{public['id']}"
    good, bad, unbound = key["apiKey"], disabled["apiKey"], stranger["apiKey"]
    garbage = "fl-" + "0" * 32
    few = min(calls, 20_000)
    told: Told = Counter()
    for door, owner_id, expected, times, request in (
        ("forward-auth", key["id"], "ok", calls, ask(closed["id"], good)),
        ("forward-auth", disabled["id"], "disabled_key", few, ask(closed["id"], bad)),
        ("forward-auth", stranger["id"], "chatflow_not_allowed", few, ask(closed["id"], unbound)),
        ("forward-auth", None, "unknown_key", few, ask(closed["id"], garbage)),
        ("prediction", key["id"], "ok", few, post(path, good, QUESTION)),
        ("prediction", key["id"], "ok", 5, post(path, good, LONG)),
        ("prediction", key["id"], "invalid_json", 5, post(path, good, b"{")),
        ("prediction", key["id"], "ok", 5, post(other, good, QUESTION)),
        ("prediction", disabled["id"], "disabled_key", few, post(path, bad, QUESTION)),
        ("prediction", stranger["id"], "chatflow_not_allowed", few, post(path, unbound, QUESTION)),
        ("prediction", "", "ok", 5, post(other, None, QUESTION)),
        ("prediction", None, "unknown_key", few, post(path, garbage, QUESTION)),
        ("prediction", None, "missing_credentials", few, post(path, None, QUESTION)),
    ):
        found = pump(served.url, repeat(request, times))
        assert found == {expected: times}
        if owner_id is not None:
            told[door, expected, owner_id] += times
    streamed = served.api(good).post(
        f"/prediction/{closed['id']}", json={"question": "Hello", "streaming": True}
    )
    assert events(streamed.text)[-1]["event"] == "end"
    told["prediction", "ok", key["id"]] += 1
    served.stop()
    assert stored(served) == told
    of_log = logged(served)
    for kind in list(of_log):
        if kind[1] in {"unknown_key", "missing_credentials"}:
            assert kind[2] == ""
            del of_log[kind]
    answered = Counter({kind: number for kind, number in told.items() if kind[:2] != ("forward-auth", "ok")})
    assert of_log == answered
    ((messages,),) = served_rows(served, "SELECT count(*) FROM message")
    assert messages == 2 * sum(
        n for (door, code, _), n in told.items() if (door, code) == ("prediction", "ok")
    )
    flows = dict(served_rows(served, "SELECT chatflow_id, count(*) FROM usage_hour GROUP BY 1"))
    assert set(flows) == {closed["id"], public["id"], ""}, "what a key does not open is no chatflow of its"
