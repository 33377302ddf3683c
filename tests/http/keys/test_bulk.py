"""``/apikey/bulk/…``: many keys at once, all of them or none."""

import uuid

import pytest

from flowkeys.service.keys.bulk import MAX_KEYS
from tests.conformance.tenants import Tenant
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.server import Api, Running

ACTIONS = {"disable": "disabled", "enable": "active", "revoke": "revoked"}


def _statuses(owner: Api, ids: list[str]) -> list[str]:
    return [owner.get(f"/apikey/{key_id}").json()["status"] for key_id in ids]


def _made(owner: Api, count: int = 3) -> list[str]:
    return [make_key(owner, f"one of {count}")["id"] for _ in range(count)]


@pytest.mark.parametrize("action", ACTIONS)
def test_all_of_the_keys_are_changed(owner: Api, action: str) -> None:
    """The answer tells those that were changed from those that were so already; naming twice is once."""
    ids = _made(owner)
    owner.post(f"/apikey/{ids[0]}/disable")
    if action == "enable":
        owner.post(f"/apikey/{ids[1]}/disable")
    answer = owner.post(f"/apikey/bulk/{action}", json={"ids": [*ids, ids[0]]})
    assert answer.status_code == 200, answer.text
    affected = {"disable": 2, "enable": 2, "revoke": 3}[action]
    assert answer.json() == {"affected": affected, "unchanged": 3 - affected, "skipped": []}
    assert _statuses(owner, ids) == [ACTIONS[action]] * 3
    again = owner.post(f"/apikey/bulk/{action}", json={"ids": ids}).json()
    assert again == {"affected": 0, "unchanged": 3, "skipped": []}


def test_keys_that_were_revoked_in_bulk_open_nothing_from_the_next_call_on(
    server: Running, owner: Api
) -> None:
    """Each is refused as a key is that was revoked alone, and what they opened stays closed."""
    chatflow = make_chatflow(owner)
    keys = [bound_key(owner, chatflow, f"k{n}") for n in range(3)]
    owner.post("/apikey/bulk/revoke", json={"ids": [key["id"] for key in keys]})
    for key in keys:
        answer = server.api(key["apiKey"]).post(f"/prediction/{chatflow['id']}", json={"question": "x"})
        assert (answer.status_code, answer.json()["code"]) == (401, "revoked_key")
    assert owner.get(f"/chatflows/{chatflow['id']}").json()["isPublic"] is False


@pytest.mark.parametrize("action", ["disable", "enable"])
def test_a_revoked_key_is_left_out_and_named(owner: Api, action: str) -> None:
    """It stays revoked, whatever is asked; the others are changed."""
    ids = _made(owner)
    owner.delete(f"/apikey/{ids[1]}")
    if action == "enable":
        owner.post("/apikey/bulk/disable", json={"ids": [ids[0], ids[2]]})
    answer = owner.post(f"/apikey/bulk/{action}", json={"ids": ids}).json()
    assert answer == {"affected": 2, "unchanged": 0, "skipped": [ids[1]]}
    assert _statuses(owner, ids) == [ACTIONS[action], "revoked", ACTIONS[action]]


@pytest.mark.parametrize("action", ACTIONS)
def test_one_unknown_key_and_none_is_changed(owner: Api, action: str) -> None:
    """The refusal names the field and the key that is not there."""
    ids = _made(owner)
    owner.post(f"/apikey/{ids[2]}/disable")
    unknown = str(uuid.uuid4())
    answer = owner.post(f"/apikey/bulk/{action}", json={"ids": [*ids, unknown]})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    (error,) = answer.json()["errors"]
    assert error["field"] == "ids"
    assert unknown in error["message"]
    assert _statuses(owner, ids) == ["active", "active", "disabled"]


@pytest.mark.parametrize("action", ACTIONS)
def test_one_greater_key_and_none_is_changed(server: Running, owner: Api, action: str) -> None:
    """The ceiling holds for each: the refusal says how many are above it and names them."""
    ids = _made(owner)
    owner.post(f"/apikey/{ids[2]}/disable")
    greater = make_key(owner, "the greater one", permissions=["documentStores:view"])
    lesser = server.api(server.key("lesser", ["apikeys:update", "apikeys:delete"])["apiKey"])
    answer = lesser.post(f"/apikey/bulk/{action}", json={"ids": [*ids, greater["id"]]})
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_missing")
    assert "1 key holds" in answer.json()["detail"]
    assert "the greater one" in answer.json()["detail"]
    assert _statuses(owner, [*ids, greater["id"]]) == ["active", "active", "disabled", "active"]


@pytest.mark.parametrize("action", ACTIONS)
def test_another_workspaces_key_is_answered_as_none_is(server: Running, owner: Api, action: str) -> None:
    """An id in a body is looked up in the caller's workspace alone, and nothing there has changed."""
    there = Tenant(server, "bulk of another workspace")
    before = there.snapshot()
    foreign, nothing = (
        owner.post(f"/apikey/bulk/{action}", json={"ids": [key_id]}).json()["detail"].replace(key_id, "…")
        for key_id in (there.key["id"], str(uuid.uuid4()))
    )
    assert foreign == nothing
    assert there.snapshot() == before


@pytest.mark.parametrize("ids", [[], [str(n) for n in range(MAX_KEYS + 1)]], ids=["none", "too many"])
def test_one_to_a_thousand_keys_may_be_named(owner: Api, ids: list[str]) -> None:
    """None is a mistake of the caller's, and more than a thousand would keep other writers waiting."""
    answer = owner.post("/apikey/bulk/disable", json={"ids": ids})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["ids"]


def test_each_key_has_its_rows_in_the_journal(own: Running) -> None:
    """Who did what to which key is told of each, as if it had been the only one."""
    owner = own.owner()
    ids = _made(owner)
    owner.post("/apikey/bulk/revoke", json={"ids": ids})
    with own.shell() as raw:
        audit = raw.execute("SELECT subject_id FROM audit WHERE action = 'key.revoke'").fetchall()
        change = raw.execute("SELECT subject_id FROM change WHERE version = 2").fetchall()
    assert sorted(audit) == sorted(change) == sorted((key_id,) for key_id in ids)


def test_a_thousand_keys_are_revoked_at_once(own: Running) -> None:
    """As many as one call may name, in one transaction."""
    owner = own.owner()
    ids = [own.key(f"k{n}", workspace="default")["id"] for n in range(MAX_KEYS)]
    answer = owner.post("/apikey/bulk/revoke", json={"ids": ids})
    assert answer.json() == {"affected": MAX_KEYS, "unchanged": 0, "skipped": []}
