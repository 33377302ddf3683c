"""The mission's own example, in its order."""

import re

from tests.support.flows import make_chatflow
from tests.support.server import Api, Running


def test_a_key_opens_the_chatflow_it_is_bound_to_until_it_is_deleted(own: Running) -> None:
    """Create, see once, list masked, assign, predict, rename, delete: each as the contract says."""
    owner: Api = own.owner()
    seen: list[str] = []
    owner.event_hooks["response"].append(lambda r: seen.append(r.read().decode()))

    created = owner.post("/apikey", json={"keyName": "Production Backend Service"})
    assert created.status_code == 201
    key = created.json()
    assert created.headers["location"] == f"/api/v1/apikey/{key['id']}"
    assert key["keyName"] == "Production Backend Service"
    assert re.fullmatch(r"fl-[0-9A-Za-z]{32}", key["apiKey"])
    assert re.fullmatch(r"hmac-sha256\$[0-9a-f]{8}\$[0-9a-f]{64}", key["apiSecret"])
    seen.clear()

    listed = owner.get("/apikey").json()
    assert [item["apiKey"] for item in listed if item["id"] == key["id"]] == [
        "fl-" + "•" * 18 + key["apiKey"][-4:]
    ]
    assert all("apiSecret" not in item for item in listed)

    chatflow = make_chatflow(owner)
    assigned = owner.put(f"/chatflows/{chatflow['id']}", json={"apikeyid": key["id"]})
    assert assigned.status_code == 200
    assert assigned.json()["apikeyid"] == key["id"]

    caller = own.api(key["apiKey"])
    answer = caller.post(f"/prediction/{chatflow['id']}", json={"question": "Hello"})
    assert answer.status_code == 200
    assert answer.json()["text"] == "You said: Hello"

    renamed = owner.put(f"/apikey/{key['id']}", json={"keyName": "Production Backend"})
    assert renamed.status_code == 200
    assert renamed.json()["keyName"] == "Production Backend"

    deleted = owner.delete(f"/apikey/{key['id']}")
    assert (deleted.status_code, deleted.json()) == (200, {"raw": [], "affected": 1})
    refused = caller.post(f"/prediction/{chatflow['id']}", json={"question": "Hello"})
    assert refused.status_code == 401
    assert refused.json()["code"] == "revoked_key"
    assert owner.delete(f"/apikey/{key['id']}").json()["affected"] == 0

    assert not any(key["apiKey"] in text for text in seen)
