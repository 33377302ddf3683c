"""``allowedIps`` of a key: where its calls may come from."""

import json
from typing import Any

from flowkeys.domain.keys.networks import MAX_NETWORKS
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.server import Api, Running

HERE, ELSEWHERE = "127.0.0.0/8", "192.0.2.0/24"


def _audited(server: Running, key_id: str) -> list[tuple[Any, Any]]:
    """Return the networks before and after each update of a key, as the audit log has them."""
    with server.shell() as connection:
        rows = connection.execute(
            "SELECT before, after FROM audit WHERE subject_id = ? AND action = 'key.update' ORDER BY seq",
            (key_id,),
        ).fetchall()
    return [
        tuple(None if text is None else json.loads(text)["allowedIps"] for text in row)  # type: ignore[misc]
        for row in rows
    ]


def test_networks_are_stored_in_one_form_and_shown(server: Running, owner: Api) -> None:
    """Canonical, each once, in their order; the answer that makes the key, the key, and lists have them."""
    given = [" 203.0.113.7/32", "10.0.0.0/8", "::ffff:10.0.0.0/104", "2001:DB8:0::/32"]
    key = make_key(owner, allowedIps=given)
    shown = ["203.0.113.7", "10.0.0.0/8", "2001:db8::/32"]
    assert key["allowedIps"] == shown
    assert owner.get(f"/apikey/{key['id']}").json()["allowedIps"] == shown
    listed = {each["id"]: each for each in owner.get("/apikey").json()}
    assert listed[key["id"]]["allowedIps"] == shown
    assert make_key(owner)["allowedIps"] == make_key(owner, allowedIps=None)["allowedIps"] == []


def test_what_is_no_network_is_refused_and_nothing_is_changed(owner: Api) -> None:
    """422 naming the member, with what may be meant, when a key is made and when it is changed."""
    key = make_key(owner, allowedIps=[ELSEWHERE])
    wrong = {
        ("10.1.2.3/8",): "The network is 10.0.0.0/8",
        ("here",): "'here' is no address and no network",
        ("",): "no address and no network",
        ("fe80::1%eth0",): "has a zone",
        ("1.2.3.4", "1.2.3.4/33"): "'1.2.3.4/33' is no address",
        ("1.2.3.4:80",): "no address and no network",
        ("*",): "no address and no network",
        ("1.2.3.4",) * (MAX_NETWORKS + 1): f"at most {MAX_NETWORKS}",
    }
    for networks, said in wrong.items():
        body = {"keyName": "k", "allowedIps": list(networks)}
        for answer in (owner.post("/apikey", json=body), owner.put(f"/apikey/{key['id']}", json=body)):
            assert answer.status_code == 422, answer.text
            (error,) = answer.json()["errors"]
            assert error["field"] == "allowedIps"
            assert said in error["message"]
    for value in ("10.0.0.0/8", [1], {}, [None]):
        answer = owner.put(f"/apikey/{key['id']}", json={"allowedIps": value})
        assert answer.status_code == 422
        assert "allowedIps" in answer.json()["errors"][0]["field"]
    after = owner.get(f"/apikey/{key['id']}").json()
    assert (after["allowedIps"], after["updatedAt"]) == ([ELSEWHERE], key["updatedAt"])
    assert make_key(owner, allowedIps=[f"10.0.0.{n}" for n in range(MAX_NETWORKS)])["allowedIps"]


def test_a_whole_key_can_be_put_back(owner: Api) -> None:
    """With its networks as they are, nothing changes; another member alone leaves them."""
    key = owner.get(f"/apikey/{make_key(owner, allowedIps=[ELSEWHERE, '::1'])['id']}").json()
    path = f"/apikey/{key['id']}"
    assert owner.put(path, json=key).json() == key
    renamed = owner.put(path, json={"keyName": "another"}).json()
    assert renamed["allowedIps"] == [ELSEWHERE, "::1"]
    for nothing in (None, []):
        assert owner.put(path, json={"allowedIps": [ELSEWHERE]}).json()["allowedIps"] == [ELSEWHERE]
        assert owner.put(path, json={"allowedIps": nothing}).json()["allowedIps"] == []


def test_a_change_counts_from_the_next_call_on(server: Running, owner: Api) -> None:
    """By each way in, and back again; the audit log says what was before and after."""
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow, permissions=["chatflows:view"])
    api = server.api(key["apiKey"])

    def codes() -> list[Any]:
        answers = [
            api.get(f"/auth/verify/chatflow/{chatflow['id']}"),
            api.post("/apikey/verify", json={"chatflowId": chatflow["id"]}),
            api.post(f"/prediction/{chatflow['id']}", json={"question": "x"}),
            api.post(f"/prediction/{chatflow['id']}", json={"question": "x", "streaming": True}),
            api.get("/chatflows"),
        ]
        return [
            200 if each.status_code == 200 else (each.status_code, each.json()["code"]) for each in answers
        ]

    assert codes() == [200] * 5
    for networks, expected in (
        ([ELSEWHERE], (403, "ip_not_allowed")),
        ([ELSEWHERE, HERE], 200),
        (["::ffff:127.0.0.1"], 200),
        (["127.0.0.2", "::/0"], (403, "ip_not_allowed")),
        ([], 200),
    ):
        assert owner.put(f"/apikey/{key['id']}", json={"allowedIps": networks}).status_code == 200
        assert codes() == [expected] * 5, networks
    assert _audited(server, key["id"])[-2:] == [
        (["127.0.0.1"], ["127.0.0.2", "::/0"]),
        (["127.0.0.2", "::/0"], []),
    ]


def test_a_refused_call_is_no_use(server: Running, owner: Api) -> None:
    """It is refused before it is counted: the key reads as never used."""
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow, allowedIps=[ELSEWHERE])
    api = server.api(key["apiKey"])
    for _ in range(2):
        assert api.get("/auth/verify").status_code == 403
        assert api.post("/apikey/verify", json={}).status_code == 403
        assert api.post(f"/prediction/{chatflow['id']}", json={"question": "x"}).status_code == 403
        assert owner.post("/apikey/verify", json={"token": key["apiKey"]}).json()["valid"] is False
    server.store()
    assert owner.get(f"/apikey/{key['id']}").json()["lastUsedAt"] is None


def test_a_row_that_was_spoilt_by_hand_opens_nothing(server: Running, owner: Api) -> None:
    """What is no list of networks is an outage, never a key from anywhere."""
    key = make_key(owner, allowedIps=[HERE])
    api = server.api(key["apiKey"])
    for spoilt in ("[]", "{}", "[1]", '["here"]', "", "null"):
        server.by_hand("UPDATE api_key SET allowed_ips = ? WHERE id = ?", spoilt, key["id"])
        assert api.get("/auth/verify").status_code == 503, spoilt
    server.by_hand("UPDATE api_key SET allowed_ips = NULL WHERE id = ?", key["id"])
    assert api.get("/auth/verify").status_code == 200
