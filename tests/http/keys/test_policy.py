"""``/policy``: what a workspace asks of all its keys."""

import json
from itertools import count
from typing import Any

import pytest

from flowkeys.verify import Verifier
from tests.library.conftest import eventually
from tests.pages.forms import browse
from tests.support.databases import ON_POSTGRES
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.people import person
from tests.support.server import Api, Running

NOTHING = {
    "maxLifetimeDays": None,
    "expiryRequired": False,
    "rotateAfterDays": None,
    "maxKeysPerPerson": None,
    "allowedIps": [],
    "updatedAt": None,
}
ELSEWHERE = "192.0.2.0/24"
_numbers = count(1)


@pytest.fixture
def name() -> str:
    """A workspace of the test's own: policies bind all of one."""
    return f"policy-{next(_numbers)}"


@pytest.fixture
def owner(server: Running, name: str) -> Api:
    """Who may do everything in it."""
    return server.owner(name)


def put(owner: Api, **changes: Any) -> dict[str, Any]:
    """Change the policy."""
    answer = owner.put("/policy", json=changes)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def violated(answer: Any) -> list[str]:
    """Return the policies that a refusal names."""
    assert answer.status_code == 422, answer.text
    body = answer.json()
    assert body["code"] == "policy_violated"
    assert body["errors"]
    assert all(policy in body["detail"] for policy in body["policies"])
    named: list[str] = body["policies"]
    return named


def test_a_policy_asks_for_nothing_until_somebody_says_so(owner: Api) -> None:
    """What is sent is changed and the rest stays, the whole can be put back, and null takes a part away."""
    assert owner.get("/policy").json() == NOTHING
    made = put(owner, maxLifetimeDays=90, allowedIps=["127.0.0.1/32", "::1"])
    assert made == NOTHING | {
        "maxLifetimeDays": 90, "allowedIps": ["127.0.0.1", "::1"], "updatedAt": made["updatedAt"]
    }  # fmt: skip
    assert owner.get("/policy").json() == put(owner, **made) == made
    changed = put(owner, expiryRequired=True, maxLifetimeDays=None)
    assert (changed["maxLifetimeDays"], changed["expiryRequired"]) == (None, True)
    assert changed["allowedIps"] == ["127.0.0.1", "::1"]
    stale = owner.put("/policy", json=made)
    assert [error["field"] for error in stale.json()["errors"]] == ["updatedAt"]
    assert put(owner, allowedIps=None)["allowedIps"] == []


def test_what_is_no_policy_is_refused(owner: Api) -> None:
    """422 naming the member, and nothing is changed."""
    wrong: list[tuple[str, Any]] = [
        ("maxLifetimeDays", 0),
        ("maxLifetimeDays", -1),
        ("maxLifetimeDays", 36_501),
        ("maxLifetimeDays", 1.5),
        ("maxLifetimeDays", "90"),
        ("rotateAfterDays", 0),
        ("maxKeysPerPerson", 0),
        ("expiryRequired", None),
        ("expiryRequired", 1),
        ("allowedIps", ["10.1.2.3/8"]),
        ("allowedIps", ["here"]),
        ("allowedIps", "10.0.0.0/8"),
        ("maxLifetime", 90),
        ("workspaceId", "x"),
        ("version", 7),
    ]
    for field, value in wrong:
        answer = owner.put("/policy", json={"rotateAfterDays": 5, field: value})
        assert answer.status_code == 422, (field, value)
        assert field in answer.json()["errors"][0]["field"]
    assert owner.get("/policy").json() == NOTHING


def test_who_may_see_and_change_it(server: Running, name: str) -> None:
    """``policy:view`` and ``policy:update``; a check shows keys, and needs ``apikeys:view`` too."""
    viewer, updater, both, nobody = (
        server.api(server.key("k", permissions, name)["apiKey"])
        for permissions in (("policy:view",), ("policy:update",), ("policy:view", "apikeys:view"), ())
    )
    asked = [
        [
            each.get("/policy").status_code,
            each.put("/policy", json={}).status_code,
            each.get("/policy/check").status_code,
        ]
        for each in (viewer, updater, both, nobody)
    ]
    assert asked == [[200, 403, 403], [403, 200, 403], [200, 403, 200], [403, 403, 403]]


def test_it_is_the_workspace_s_own(server: Running, owner: Api) -> None:
    """Another workspace knows nothing of it, and its keys do what they did."""
    other = server.owner("policy-other")
    put(owner, expiryRequired=True, allowedIps=["127.0.0.0/8"], maxLifetimeDays=1)
    assert other.get("/policy").json() == NOTHING
    assert make_key(other)["expiresAt"] is None
    assert other.get("/policy/check").json() == {"total": 0, "data": [], "people": []}


def test_the_end_of_a_key_is_refused_where_it_is_written(owner: Api) -> None:
    """When a key is made, when its end changes, and when it is enabled; nothing else of it is in the way."""
    old = make_key(owner)
    disabled = make_key(owner)
    owner.post(f"/apikey/{disabled['id']}/disable")
    put(owner, expiryRequired=True, maxLifetimeDays=30)
    create = {"keyName": "k"}
    assert violated(owner.post("/apikey", json=create)) == ["expiryRequired"]
    assert violated(owner.post("/apikey", json={**create, "expiresIn": "31d"})) == ["maxLifetimeDays"]
    key = make_key(owner, expiresIn="30d")
    path = f"/apikey/{key['id']}"
    assert violated(owner.put(path, json={"expiresAt": None})) == ["expiryRequired"]
    assert violated(owner.put(path, json={"expiresIn": "31d"})) == ["maxLifetimeDays"]
    assert owner.put(path, json={"expiresIn": "29d"}).status_code == 200
    assert owner.put(f"/apikey/{old['id']}", json={"keyName": "renamed"}).json()["keyName"] == "renamed"
    assert owner.put(f"/apikey/{old['id']}", json={"expiresIn": "10d"}).status_code == 200
    assert violated(owner.post(f"/apikey/{disabled['id']}/enable")) == ["expiryRequired"]
    bulk = owner.post("/apikey/bulk/enable", json={"ids": [key["id"], disabled["id"]]})
    assert violated(bulk) == ["expiryRequired"]
    assert bulk.json()["errors"][0]["field"] == "ids"
    assert owner.get(f"/apikey/{disabled['id']}").json()["status"] == "disabled"
    assert owner.post(f"/apikey/{old['id']}/disable").status_code == 200
    assert owner.delete(f"/apikey/{disabled['id']}").json()["affected"] == 1


def test_a_key_s_life_does_not_grow_by_being_written_again(server: Running, owner: Api, name: str) -> None:
    """It is measured from when its newest token was made, not from when its end was last moved."""
    key = make_key(owner)
    _age(server, key["id"], days=20)
    put(owner, maxLifetimeDays=30)
    path = f"/apikey/{key['id']}"
    assert violated(owner.put(path, json={"expiresIn": "11d"})) == ["maxLifetimeDays"]
    assert owner.put(path, json={"expiresIn": "9d"}).status_code == 200


def test_networks_of_a_key_lie_in_the_policy_s(owner: Api) -> None:
    """Refused when they are written, naming what lies outside; a key without any has the policy's."""
    put(owner, allowedIps=["127.0.0.0/8", "10.0.0.0/8"])
    assert violated(owner.post("/apikey", json={"keyName": "k", "allowedIps": [ELSEWHERE]})) == ["allowedIps"]
    key = make_key(owner, allowedIps=["10.1.0.0/16"])
    wider = owner.put(f"/apikey/{key['id']}", json={"allowedIps": ["10.0.0.0/7"]})
    assert violated(wider) == ["allowedIps"]
    assert wider.json()["errors"][0]["field"] == "allowedIps"
    assert make_key(owner)["allowedIps"] == []


def test_a_person_has_so_many_keys(server: Running, owner: Api, name: str) -> None:
    """Those count that can be used, and those that a person's keys made; other people have their own."""
    put(owner, maxKeysPerPerson=2)
    ada, bob = (browse(server, person(server, "owner", name=who, workspace=name)) for who in ("Ada", "Bob"))

    def make(api: Api, **members: Any) -> Any:
        return api.post(
            "/api/v1/apikey" if api in (ada, bob) else "/apikey", json={"keyName": "k", **members}
        )

    first = make(ada, permissions=["apikeys:create"]).json()
    through = server.api(first["apiKey"])
    second = make(through)
    assert second.status_code == 201
    assert violated(make(ada)) == violated(make(through)) == ["maxKeysPerPerson"]
    assert make(bob).status_code == 201
    assert make(owner).status_code == 201
    _expire(server, second.json()["id"])
    third = make(ada)
    assert third.status_code == 201
    assert violated(make(ada)) == ["maxKeysPerPerson"]
    owner.post(f"/apikey/{third.json()['id']}/disable")
    assert violated(make(ada)) == ["maxKeysPerPerson"]
    owner.delete(f"/apikey/{third.json()['id']}")
    assert make(ada).status_code == 201
    put(owner, maxKeysPerPerson=1)
    (found,) = owner.get("/policy/check").json()["people"]
    assert (found["name"], found["keys"]) == ("Ada", 2)


def test_keys_that_break_a_new_policy_are_named_with_what_to_do(server: Running, owner: Api) -> None:
    """They go on working; keys that are revoked or whose time is over break nothing."""
    endless = make_key(owner, "endless")
    long = make_key(owner, "long", expiresIn="60d")
    wide = make_key(owner, "wide", expiresIn="20d", allowedIps=[ELSEWHERE, "10.1.2.3"])
    aged = make_key(owner, "aged", expiresIn="5d")
    good = make_key(owner, "good", expiresIn="20d", allowedIps=["10.9.0.0/16"])
    revoked, expired = make_key(owner, "revoked"), make_key(owner, "expired")
    owner.delete(f"/apikey/{revoked['id']}")
    _expire(server, expired["id"])
    _age(server, aged["id"], days=20)
    owner.post(f"/apikey/{wide['id']}/disable")
    assert owner.get("/policy/check").json()["total"] == 0
    put(
        owner,
        expiryRequired=True,
        maxLifetimeDays=30,
        rotateAfterDays=15,
        allowedIps=["10.0.0.0/8", "127.0.0.1"],
    )
    found = owner.get("/policy/check").json()
    named = {
        each["key"]["keyName"]: [(breach["policy"], breach["action"]) for breach in each["breaches"]]
        for each in found["data"]
    }
    assert found["total"] == len(found["data"])
    assert named.pop("owner") == [("expiryRequired", "update")]
    assert named == {
        "endless": [("expiryRequired", "update")],
        "long": [("maxLifetimeDays", "update")],
        "wide": [("allowedIps", "update")],
        "aged": [("rotateAfterDays", "rotate")],
    }
    assert "apiKey" in found["data"][0]["key"]
    assert endless["apiKey"] not in json.dumps(found)
    assert good["id"] not in [each["key"]["id"] for each in found["data"]]
    for key in (endless, long, aged):
        assert server.api(key["apiKey"]).get("/auth/verify").status_code == 200


def test_networks_bind_every_call_of_the_workspace_at_once(server: Running, owner: Api, name: str) -> None:
    """With the key's own, which may be narrower; on every way in, in the library, and back again."""
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow, permissions=["chatflows:view"])
    narrow = bound_key(owner, chatflow, allowedIps=["127.0.0.2"])
    api, other = server.api(key["apiKey"]), server.api(narrow["apiKey"])
    stranger = server.api(server.key("k", (), "default")["apiKey"])
    ada = browse(server, person(server, "owner", workspace=name))
    remote_key = make_key(owner, permissions=["apikeys:view"], allowedIps=[])

    def statuses(api: Api) -> list[int]:
        return [
            api.get(f"/auth/verify/chatflow/{chatflow['id']}").status_code,
            api.post("/apikey/verify", json={"chatflowId": chatflow["id"]}).status_code,
            api.post(f"/prediction/{chatflow['id']}", json={"question": "x"}).status_code,
            api.post(f"/prediction/{chatflow['id']}", json={"question": "x", "streaming": True}).status_code,
        ]

    def asked(address: str | None) -> tuple[str, str]:
        found = [each.verify(token=key["apiKey"], address=address) for each in (local, remote)]
        return tuple("valid" if each.allowed else each.code for each in found)  # type: ignore[return-value]

    def over_http() -> Verifier:
        return Verifier.remote(server.url, remote_key["apiKey"])

    with (
        over_http() if ON_POSTGRES else Verifier.local(server.data_dir) as local,  # which reads the file
        over_http() as remote,
    ):
        assert (statuses(api), api.get("/chatflows").status_code) == ([200] * 4, 200)
        assert statuses(other) == [403] * 4
        assert asked(None) == ("valid", "valid")
        put(owner, allowedIps=["127.0.0.1", "192.0.2.0/24"])
        assert (statuses(api), statuses(other)) == ([200] * 4, [403] * 4)
        said = owner.post("/apikey/verify", json={"token": key["apiKey"], "address": "192.0.2.1"}).json()
        assert (said["valid"], said["allowedIps"]) == (True, [])
        assert said["policyAllowedIps"] == ["127.0.0.1", "192.0.2.0/24"]
        eventually(lambda: asked("192.0.2.7"), ("valid", "valid"))
        eventually(lambda: asked("10.0.0.7"), ("ip_not_allowed",) * 2)
        eventually(lambda: asked(None), ("ip_not_allowed",) * 2)
        assert ada.put("/api/v1/policy", json={"allowedIps": [ELSEWHERE]}).status_code == 200
        assert (statuses(api), api.get("/chatflows").status_code) == ([403] * 4, 403)
        assert owner.get("/policy").json()["code"] == "ip_not_allowed", "the owner's key is one of them"
        assert stranger.get("/auth/verify").status_code == 200, "of another workspace"
        explained = ada.post("/api/v1/apikey/explain", json={"token": key["apiKey"], "address": "127.0.0.1"})
        (step,) = [each for each in explained.json()["steps"] if each["step"] == "network"]
        assert (step["ok"], "workspace" in step["detail"]) == (False, True)
        assert ada.put("/api/v1/policy", json={"allowedIps": []}).status_code == 200
        assert (statuses(api), statuses(other)) == ([200] * 4, [403] * 4)
        eventually(lambda: asked(None), ("valid", "valid"))


def test_what_is_changed_by_hand_counts_and_what_is_spoilt_opens_nothing(
    server: Running, owner: Api, name: str
) -> None:
    """SQL reaches the feed; a row that cannot be read is an outage of its workspace's keys, never open."""
    api = server.api(make_key(owner)["apiKey"])
    workspace = server.workspace(name)
    put(owner, rotateAfterDays=5)
    assert api.get("/auth/verify").status_code == 200
    for networks, status in (
        (f'["{ELSEWHERE}"]', 403),
        ('["127.0.0.0/8"]', 200),
        ("[]", 503),
        ('["here"]', 503),
        ("{}", 503),
        (None, 200),
    ):
        server.by_hand("UPDATE policy SET allowed_ips = ? WHERE workspace_id = ?", networks, workspace)
        assert api.get("/auth/verify").status_code == status, networks
    server.by_hand("UPDATE policy SET allowed_ips = ?  WHERE workspace_id = ?", f'["{ELSEWHERE}"]', workspace)
    assert api.get("/auth/verify").status_code == 403
    server.by_hand("DELETE FROM policy WHERE workspace_id = ?", workspace)
    assert api.get("/auth/verify").status_code == 200


def test_a_change_is_in_the_audit_log(server: Running, owner: Api, name: str) -> None:
    """With what was before and after; nothing is written when nothing is different."""
    put(owner, maxKeysPerPerson=9)
    put(owner, maxKeysPerPerson=9)
    put(owner, allowedIps=["127.0.0.0/8"])
    with server.shell() as connection:
        rows = connection.execute(
            "SELECT action, before, after FROM audit WHERE subject = 'policy' AND subject_id = ?",
            (server.workspace(name),),
        ).fetchall()
    plain = {name: value for name, value in NOTHING.items() if name != "updatedAt"}
    first, second = (
        plain | {"maxKeysPerPerson": 9},
        plain | {"maxKeysPerPerson": 9, "allowedIps": ["127.0.0.0/8"]},
    )
    assert [(action, json.loads(before), json.loads(after)) for action, before, after in rows] == [
        ("policy.update", plain, first),
        ("policy.update", first, second),
    ]


def _expire(server: Running, key_id: str) -> None:
    server.by_hand("UPDATE api_key SET expires_at = 1 WHERE id = ?", key_id)


def _age(server: Running, key_id: str, days: int) -> None:
    """Let a key have been made so many days ago."""
    moved = days * 86_400_000_000
    server.by_hand("UPDATE api_key SET created_at = created_at - ? WHERE id = ?", moved, key_id)
    server.by_hand("UPDATE token SET created_at = created_at - ? WHERE key_id = ?", moved, key_id)
