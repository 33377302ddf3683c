"""``/audit``: who did what, as the API tells it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from flowkeys import AsyncClient, Client
from tests.support.flows import make_chatflow, make_key
from tests.support.server import Api, Running


@pytest.fixture(scope="module")
def audited(server: Running) -> Iterator[Api]:
    """Somebody who may do everything, in a workspace where nobody else does anything."""
    with server.owner("audited") as api:
        yield api


def _entries(api: Api, **params: Any) -> list[dict[str, Any]]:
    answer = api.get("/audit", params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def test_a_change_is_told_whole(audited: Api) -> None:
    """Given a key that was renamed, its entry has who, what, when, from where, before and after."""
    key = make_key(audited, "before")
    audited.put(f"/apikey/{key['id']}", json={"keyName": "after"}, headers={"X-Request-Id": "told-whole"})
    entry, made = _entries(audited, subject=key["id"])
    assert made["action"] == "key.create"
    assert made["before"] is None
    assert entry["action"] == "key.update"
    assert entry["actor"]["type"] == "key"
    assert entry["actor"]["name"] == "owner"
    assert entry["subject"] == {"type": "key", "id": key["id"], "name": "after"}
    assert entry["address"] == "127.0.0.1"
    assert entry["requestId"]
    assert (entry["before"]["keyName"], entry["after"]["keyName"]) == ("before", "after")
    assert key["apiKey"] not in json.dumps([entry, made])


def test_each_filter_leaves_what_it_says(audited: Api) -> None:
    """Given entries of several kinds, each filter and all of them together leave what matches."""
    key, flow = make_key(audited, "filtered"), make_chatflow(audited)
    audited.post(f"/apikey/{key['id']}/disable")
    actor = _entries(audited, subject=key["id"])[0]["actor"]["id"]
    assert {e["subject"]["type"] for e in _entries(audited, subject="chatflow")} == {"chatflow"}
    assert [e["action"] for e in _entries(audited, subject=flow["id"])] == ["chatflow.create"]
    assert {e["actor"]["id"] for e in _entries(audited, actor=actor)} == {actor}
    assert {e["actor"]["type"] for e in _entries(audited, actor="operator")} == {"operator"}
    assert {e["actor"]["name"] for e in _entries(audited, actor="owner")} == {"owner"}
    both = _entries(audited, subject=key["id"], actor=actor, action="key.disable")
    assert [e["action"] for e in both] == ["key.disable"]
    at = both[0]["at"]
    assert both[0] in _entries(audited, **{"from": at, "to": at})
    assert both[0] in _entries(audited, **{"from": at[:10], "to": at[:10]})
    for asked in (
        *(
            {},
            {"actor": "operator"},
            {"actor": "key"},
            {"actor": "system"},
            {"subject": "key"},
            {"actor": actor},
        ),
        *({"action": "key.disable"}, {"actor": "key", "action": "key.disable", "subject": "key"}),
        *(
            {"actor": "operator", "subject": "chatflow"},
            {"actor": "key", "from": at[:10]},
            {"from": "9000-01-01"},
        ),
    ):
        page = audited.get("/audit", params={**asked, "page": 1, "limit": 1}).json()
        assert page["total"] == len(_entries(audited, **asked)), asked
    assert _entries(audited, to="2020-01-01") == []
    assert _entries(audited, **{"from": "9000-01-01"}) == []


def test_parts_pages_and_lines_are_the_same_list(audited: Api) -> None:
    """Given more entries than a part has, following the links, the pages and the lines all give each once."""
    for number in range(7):
        make_key(audited, f"one of {number}")
    whole = _entries(audited)
    assert whole == sorted(whole, key=lambda e: (e["at"], e["id"]), reverse=True)
    answer, followed = audited.get("/audit", params={"limit": 3}), []
    while True:
        followed += answer.json()
        if "next" not in answer.links:
            break
        answer = audited.get(answer.links["next"]["url"].removeprefix("/api/v1"))
    assert followed == whole
    pages = [
        audited.get("/audit", params={"page": page, "limit": 4}).json()
        for page in range(1, len(whole) // 4 + 2)
    ]
    assert {page["total"] for page in pages} == {len(whole)}
    assert [entry for page in pages for entry in page["data"]] == whole
    lines = audited.get("/audit", params={"format": "jsonl"})
    assert lines.headers["content-type"].startswith("application/jsonl")
    assert [json.loads(line) for line in lines.text.splitlines()] == whole


def test_what_is_gone_keeps_its_name(audited: Api) -> None:
    """Given a chatflow that was deleted, entries that never said its name still have it."""
    key, flow = make_key(audited), make_chatflow(audited)
    audited.put(f"/chatflows/{flow['id']}", json={"apikeyid": key["id"]})
    audited.delete(f"/chatflows/{flow['id']}")
    entries = _entries(audited, subject=flow["id"])
    assert {"chatflow.bind", "chatflow.unbind", "chatflow.delete"} <= {e["action"] for e in entries}
    assert {e["subject"]["name"] for e in entries} == {flow["name"]}


def test_another_workspace_s_log_is_not_told(server: Running, audited: Api, owner: Api) -> None:
    """Given an entry of one workspace, no call from another finds it."""
    key = make_key(audited, "behind the wall")
    entry = _entries(audited, subject=key["id"])[0]
    assert _entries(owner, subject=key["id"]) == []
    assert _entries(owner, actor=entry["actor"]["id"]) == []
    assert entry["id"] not in {e["id"] for e in _entries(owner, before=entry["id"] + 1)}
    assert _entries(owner, before=entry["id"]) == []
    del server


@pytest.mark.parametrize("path", ["/audit", "/audit/head"])
def test_it_needs_its_permission(server: Running, path: str) -> None:
    """Given a key that may see keys and no log, it is refused; with the permission it is not."""
    assert server.api(server.key("k", ("apikeys:view",))["apiKey"]).get(path).status_code == 403
    assert server.api(server.key("k", ("audit:view",))["apiKey"]).get(path).status_code == 200


@pytest.mark.parametrize("name", ["from", "to"])
def test_what_is_no_time_is_named(owner: Api, name: str) -> None:
    """Given a time without its zone, the answer names the filter and says how one is written."""
    answer = owner.get("/audit", params={name: "2027-01-31T09:00"})
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == [name]


def test_the_sdk_reads_it(server: Running, audited: Api) -> None:
    """Given the same log, both clients iterate over it, page it and have its head."""
    key = make_key(audited, "by the SDK")
    with Client(server.url, audited.token) as client:
        entry = next(iter(client.audit.list(subject=key["id"])))
        assert (entry.action, entry.subject.name, entry.before) == ("key.create", "by the SDK", None)
        assert client.audit.page(subject="key", since=entry.at, until=entry.at).total == 1
        head = client.audit.head()
    assert head.head.startswith(f"{head.row}:")

    async def work() -> int:
        async with AsyncClient(server.url, audited.token) as client:
            return len([entry async for entry in client.audit.list(subject=key["id"])])

    assert server.do(work()) == 1
