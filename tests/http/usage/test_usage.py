"""``/usage``, and ``/usage`` of keys and chatflows."""

import csv
import io
import json

import pytest

import flowkeys
from flowkeys.domain.errors import Unavailable
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.server import Api, Running


def use(server: Running, owner: Api, name: str) -> tuple[dict, dict]:
    """Return a key that was asked a question and refused once, and its chatflow."""
    chatflow = make_chatflow(owner, name)
    key = bound_key(owner, chatflow, name)
    api = server.api(key["apiKey"])
    assert api.post(f"/prediction/{chatflow['id']}", json={"question": "Hello"}).status_code == 200
    assert api.get("/auth/verify?permission=apikeys:view").status_code == 403
    server.agree()
    return key, chatflow


def outcomes(answer: object) -> dict[str, int]:
    """Return what the steps of an answer add up to."""
    found: dict[str, int] = {}
    for step in answer:  # type: ignore[attr-defined]
        for outcome, calls in step["outcomes"].items():
            found[outcome] = found.get(outcome, 0) + calls
    return found


def test_what_was_just_done_is_there(server: Running, owner: Api) -> None:
    """Of the key, of its chatflow, of the workspace, and for the key itself, which needs no permission."""
    key, chatflow = use(server, owner, "just used")
    of_key = owner.get(f"/apikey/{key['id']}/usage").json()
    assert len(of_key) == 24
    assert outcomes(of_key) == {"ok": 1, "permission_missing": 1}
    latest = of_key[-1] if of_key[-1]["calls"] else of_key[-2]
    assert latest["bytesIn"] == len('{"question":"Hello"}')
    assert latest["bytesOut"] > 100
    assert 0 < latest["latencyMs"]["p50"] <= latest["latencyMs"]["p99"]
    assert outcomes(owner.get(f"/chatflows/{chatflow['id']}/usage").json()) == {"ok": 1}
    own = server.api(key["apiKey"]).get("/usage").json()
    assert own["total"]["outcomes"] == {"ok": 1, "permission_missing": 1}
    assert own["data"] == of_key
    summary = owner.get("/usage/summary", params={"step": "day"}).json()
    assert len(summary["data"]) == 30
    assert summary["total"]["calls"] == sum(step["calls"] for step in summary["data"]) >= 2
    assert owner.get(f"/apikey/{key['id']}/usage").json() == of_key, "asking is no use"


@pytest.mark.of_one_process("one process's way to the store is cut")
def test_a_flush_changes_no_answer(server: Running) -> None:
    """What waits, what is on its way and what is stored: each call is counted once, whenever it is asked."""
    owner = server.owner("usage and flushes")
    key, _ = use(server, owner, "flushed")
    calls = server.runtime.calls
    path = f"/apikey/{key['id']}/usage"
    before = owner.get(path).json()
    store = calls._store

    async def loses_its_answer(batch: object) -> None:
        await store(batch)  # type: ignore[arg-type]
        raise Unavailable

    calls._store = loses_its_answer
    try:
        server.do(calls.flush())
        assert owner.get(path).json() == before, "stored, and nobody knows it"
    finally:
        calls._store = store
    server.do(calls.flush())
    assert owner.get(path).json() == before
    assert owner.get("/usage/summary").json()["keys"] == [
        {"id": key["id"], "keyName": "flushed", "calls": 2, "ok": 1}
    ]


def test_workspaces_know_nothing_of_each_other(server: Running) -> None:
    """Neither by id nor in a sum."""
    here, there = server.owner("usage here"), server.owner("usage there")
    key, chatflow = use(server, here, "here")
    for path in (f"/apikey/{key['id']}/usage", f"/chatflows/{chatflow['id']}/usage"):
        assert there.get(path).status_code == 404
    summary = there.get("/usage/summary").json()
    assert (summary["total"]["calls"], summary["keys"], summary["chatflows"]) == (0, [], [])
    mine = here.get("/usage/summary").json()
    assert mine["total"]["calls"] == 2
    assert [each["id"] for each in mine["chatflows"]] == [chatflow["id"]]


def test_who_may_look(server: Running, owner: Api) -> None:
    """``apikeys:view``; and any key at its own. Revoked keys keep their history, and read nothing."""
    key, chatflow = use(server, owner, "looked at")
    lesser, viewer = make_key(owner), make_key(owner, permissions=["apikeys:view"])
    for path in (f"/apikey/{key['id']}/usage", f"/chatflows/{chatflow['id']}/usage", "/usage/summary"):
        assert server.api(lesser["apiKey"]).get(path).json()["code"] == "permission_missing"
        assert server.api(viewer["apiKey"]).get(path).status_code == 200
        assert server.api().get(path).status_code == 401
    assert server.api(lesser["apiKey"]).get("/usage").json()["total"]["calls"] == 0
    owner.delete(f"/apikey/{key['id']}")
    assert outcomes(owner.get(f"/apikey/{key['id']}/usage").json())["ok"] == 1
    assert server.api(key["apiKey"]).get("/usage").status_code == 401


def test_the_try_pane_verify_and_management_are_no_calls(server: Running, owner: Api) -> None:
    """CONTRACT: they count for nothing."""
    key = make_key(owner, permissions=["apikeys:view"])
    api = server.api(key["apiKey"])
    api.post("/apikey/verify", json={})
    api.get("/apikey")
    api.get("/usage")
    assert outcomes(owner.get(f"/apikey/{key['id']}/usage").json()) == {}


def test_csv_and_json_lines(server: Running, owner: Api) -> None:
    """A line for each step; CSV has a column for each outcome that occurs."""
    key, _ = use(server, owner, "written")
    path = f"/apikey/{key['id']}/usage"
    sheet = owner.get(path, params={"format": "csv"})
    assert sheet.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(sheet.text)))
    assert len(rows) == 24
    assert sum(int(row["permission_missing"]) for row in rows) == 1
    lines = owner.get(path, params={"format": "jsonl"})
    assert lines.headers["content-type"].startswith("application/jsonl")
    assert [json.loads(line) for line in lines.text.splitlines()] == owner.get(path).json()
    assert owner.get("/usage/summary", params={"format": "csv"}).text.startswith("time,calls,")


def test_what_cannot_be_asked_for_is_said(owner: Api) -> None:
    """422, naming the parameter and what to write."""
    for params, field, said in (
        ({"from": "yesterday"}, "from", "how long ago"),
        ({"to": "x"}, "to", "how long ago"),
        ({"step": "week"}, "step", "hour"),
        ({"format": "xml"}, "format", "json"),
        ({"from": "100d", "step": "hour"}, "from", "90 days"),
        ({"from": "2001-01-01"}, "from", "3 years"),
        ({"from": "1h", "to": "2h"}, "from", "ends before it begins"),
    ):
        answer = owner.get("/usage/summary", params=params)
        assert answer.status_code == 422, params
        assert answer.json()["errors"][0]["field"] == field
        assert said in answer.json()["errors"][0]["message"]


def test_the_sdk_reads_it(server: Running, owner: Api) -> None:
    """With Python's names, and times as times."""
    key, chatflow = use(server, owner, "by the sdk")
    with flowkeys.Client(server.url, owner.token) as client:
        hours = client.keys.usage(key["id"], start="3h")
        assert sum(hour.outcomes.get("ok", 0) for hour in hours) == 1
        assert hours[-1].time.tzinfo is not None
        assert sum(day.calls for day in client.chatflows.usage(chatflow["id"], start="7d", step="day")) == 1
        summary = client.usage.summary()
        assert summary.total.calls >= 2
        assert summary.start < summary.end
    with flowkeys.Client(server.url, key["apiKey"]) as client:
        assert client.usage.own().total.outcomes == {"ok": 1, "permission_missing": 1}


def test_usage_is_the_customers_that_the_key_had_at_that_time(server: Running) -> None:
    """A key that moves takes no history along, though both calls are of one hour; a foreign one is 404."""
    owner = server.owner("usage of customers")
    first, second = (owner.post("/customers", json={"name": name}).json() for name in ("First", "Second"))
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow, customerId=first["id"])
    api, path = server.api(key["apiKey"]), f"/auth/verify/chatflow/{chatflow['id']}"
    assert api.get(path).status_code == 200
    moved = owner.put(f"/apikey/{key['id']}", json={"customerId": second["id"]})
    assert moved.status_code == 200, moved.text
    for _ in range(2):
        assert api.get(path).status_code == 200
    server.agree()
    for _ in range(2):
        assert outcomes(owner.get(f"/customers/{first['id']}/usage").json()) == {"ok": 1}
        assert outcomes(owner.get(f"/customers/{second['id']}/usage").json()) == {"ok": 2}
        assert outcomes(owner.get(f"/apikey/{key['id']}/usage").json()) == {"ok": 3}
        server.store()
    assert server.owner("usage here").get(f"/customers/{first['id']}/usage").status_code == 404
