"""Rotation: the old token goes away when it is time, on every way in, and nothing of the key goes with it."""

import pytest

from flowkeys.domain.times import from_iso
from tests.conformance import ways
from tests.conformance.tenants import Tenant
from tests.support.flows import bound_key, make_chatflow, make_key

EVERY_WAY = {
    **ways.PREDICTIONS,
    "verify": ways.verify,
    "management": ways.management,
    "forward-auth": ways.forward_auth,
}


def _key(here: Tenant) -> tuple[dict, dict]:
    """Return a key that every way lets in, and its chatflow."""
    chatflow = make_chatflow(here.owner, "rotated")
    key = bound_key(here.owner, chatflow, permissions=["apikeys:view"])
    return key, chatflow


def _rotate(here: Tenant, key: dict, grace: int) -> dict:
    answer = here.owner.post(f"/apikey/{key['id']}/rotate", json={"graceSeconds": grace})
    assert answer.status_code == 201, answer.text
    made: dict = answer.json()
    return made


def _said(here: Tenant, chatflow: dict, token: str) -> set[str]:
    headers = ways.bearer(token)
    answers = {way: ask(here.server, chatflow["id"], headers) for way, ask in EVERY_WAY.items()}
    return {answer.code or str(answer.status) for answer in answers.values()}


@pytest.mark.parametrize("end", ["at once", "early"])
def test_every_way_refuses_an_ended_token(end: str, here: Tenant) -> None:
    """Both work while the grace lasts; from the next call on behind its end only the new one does."""
    key, chatflow = _key(here)
    assert _said(here, chatflow, key["apiKey"]) == {"200"}
    made = _rotate(here, key, 0 if end == "at once" else 3600)
    if end == "early":
        assert _said(here, chatflow, key["apiKey"]) == {"200"}
        assert _said(here, chatflow, made["apiKey"]) == {"200"}
        ended = here.owner.put(f"/apikey/{key['id']}/rotation", json={"graceSeconds": 0})
        assert ended.json()["rotation"] is None
    assert _said(here, chatflow, key["apiKey"]) == {"expired_key"}
    assert _said(here, chatflow, made["apiKey"]) == {"200"}
    with here.server.api(key["apiKey"]) as api:
        detail = api.get("/auth/verify").json()["detail"]
    since = (made["rotation"] or {}).get("startedAt") or made["updatedAt"]
    assert f"replaced by a new one at {since}" in detail


def test_old_and_new_token_are_one_key(here: Tenant) -> None:
    """LiteLLM#31079: a rotation reset the budget. Here all hangs on the key, and so on both tokens alike.

    What one of them is given or loses, the other is and does: bindings, permissions, networks, expiry, name.
    """
    key, chatflow = _key(here)
    made = _rotate(here, key, 3600)
    assert made["id"] == key["id"]
    other = make_chatflow(here.owner, "another")
    for change, code in (
        ({"keyName": "renamed"}, "200"),
        ({"allowedIps": ["192.0.2.0/24"]}, "ip_not_allowed"),
        ({"allowedIps": []}, "200"),
        ({"chatflowIds": [other["id"]], "permissions": []}, None),
    ):
        assert here.owner.put(f"/apikey/{key['id']}", json=change).status_code == 200
        said = [_said(here, chatflow, token) for token in (key["apiKey"], made["apiKey"])]
        assert said[0] == said[1]
        assert code is None or said[0] == {code}
    asked = [
        here.owner.post("/apikey/verify", json={"token": token}).json()
        for token in (key["apiKey"], made["apiKey"])
    ]
    of_the_token = {"tokenValidUntil", "tokenReplacedAt", "position"}
    shared = [{name: value for name, value in each.items() if name not in of_the_token} for each in asked]
    assert shared[0] == shared[1]
    assert shared[0]["chatflowIds"] == [other["id"]]
    assert asked[1]["tokenReplacedAt"] is asked[1]["tokenValidUntil"] is None


@pytest.mark.parametrize(("how", "code"), [("disable", "disabled_key"), ("revoke", "revoked_key")])
def test_what_ends_a_key_ends_both_tokens(how: str, code: str, here: Tenant) -> None:
    """At once, and whichever of them comes."""
    key, chatflow = _key(here)
    made = _rotate(here, key, 3600)
    if how == "disable":
        here.owner.post(f"/apikey/{key['id']}/disable")
    else:
        assert here.owner.delete(f"/apikey/{key['id']}").json()["affected"] == 1
    assert _said(here, chatflow, key["apiKey"]) == {code}
    assert _said(here, chatflow, made["apiKey"]) == {code}


def test_a_rotation_reaches_whoever_lists_and_searches(here: Tenant) -> None:
    """The key is found by the end of either token; the new one's is shown; the whole may be put back."""
    key, _ = _key(here)
    made = _rotate(here, key, 3600)
    for token in (key["apiKey"], made["apiKey"]):
        found = here.owner.get("/apikey", params={"search": token[-4:]}).json()
        assert [item["apiKey"][-4:] for item in found if item["id"] == key["id"]] == [made["apiKey"][-4:]]
    whole = here.owner.get(f"/apikey/{key['id']}").json()
    assert (from_iso(whole["rotation"]["endsAt"]) or 0) > (from_iso(whole["rotation"]["startedAt"]) or 0)
    with here.server.api(key["apiKey"]) as api:  # uses move on by themselves
        assert api.get("/auth/verify").status_code == 200
    assert here.owner.put(f"/apikey/{key['id']}", json={**whole, "note": "n"}).status_code == 200
    forged = {**whole["rotation"], "endsAt": "2999-01-01T00:00:00.000Z"}
    refused = here.owner.put(f"/apikey/{key['id']}", json={"rotation": forged})
    assert [error["field"] for error in refused.json()["errors"]] == ["rotation"]


def test_what_cannot_be_rotated_says_why(here: Tenant) -> None:
    """Each with its code: under way, none, revoked, out of bounds, no number, an unknown member."""
    key = make_key(here.owner, "refused")
    path = f"/apikey/{key['id']}"
    assert here.owner.put(f"{path}/rotation", json={"graceSeconds": 0}).json()["code"] == "no_rotation"
    for body, field in (
        ({"graceSeconds": -1}, "graceSeconds"),
        ({"graceSeconds": 7_776_001}, "graceSeconds"),
        ({"graceSeconds": "60"}, "graceSeconds"),
        ({"graceSeconds": True}, "graceSeconds"),
        ({"graceSeconds": None}, "graceSeconds"),
        ({"graceSeconds": 60, "finishWhenUnusedSeconds": 61}, "finishWhenUnusedSeconds"),
        ({"graceSeconds": 60, "finishWhenUnusedSeconds": 0}, "finishWhenUnusedSeconds"),
        ({"grace": 60}, "grace"),
    ):
        refused = here.owner.post(f"{path}/rotate", json=body)
        assert refused.status_code == 422, body
        assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert here.owner.post(f"{path}/rotate", json={"graceSeconds": 60}).status_code == 201
    again = here.owner.post(f"{path}/rotate", json={"graceSeconds": 0})
    assert (again.status_code, again.json()["code"]) == (409, "rotation_under_way")
    assert f"PUT /api/v1{path}/rotation" in again.json()["detail"]
    here.owner.delete(path)
    for method, end in (("POST", "rotate"), ("PUT", "rotation")):
        refused = here.owner.request(method, f"{path}/{end}", json={"graceSeconds": 0})
        assert [error["field"] for error in refused.json()["errors"]] == ["status"]
