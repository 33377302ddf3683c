"""Who gets in: nobody by writing a member that is not theirs to write, or by leaving a secret empty."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.tenants import Tenant
from tests.support.databases import Shell
from tests.support.flows import exported, make_chatflow, make_customer, make_key
from tests.support.server import Api

LATER = "2999-01-01T00:00:00.000Z"
KEY_COLUMNS: dict[str, Any] = {
    "id": "11111111-1111-4111-8111-111111111111",
    "apiKey": "fl-00000000000000000000000000000000",
    "apiSecret": "hmac-sha256$00000000$" + "0" * 64,
    "status": "revoked",
    "chatFlows": [{"id": "x"}],
    "createdAt": LATER,
    "createdDate": LATER,
    "updatedAt": LATER,
    "updatedDate": LATER,
    "createdBy": {"type": "operator", "id": None, "name": "command line"},
    "workspaceId": "22222222-2222-4222-8222-222222222222",
}
"""Members of a key's answer that nobody writes, each with another value than it has."""
LAST_USE = {"lastUsedAt": LATER}
NEVER: dict[str, Any] = {
    "digest": "hmac-sha256$00000000$" + "0" * 64,
    "hint": "0000",
    "token": "x",
    "seq": 1,
    "version": 99,
    "revokedAt": None,
    "revoked_at": None,
    "nameFolded": "x",
    "name_folded": "x",
    "key_name": "x",
    "workspace_id": "x",
    "workspace": "x",
    "organizationId": "x",
    "userId": "x",
    "isAdmin": True,
    "role": "owner",
    "rateLimit": 10,
    "quota": 10,
    "allowed_ips": ["127.0.0.1"],
    "": "x",
    "KeyName": "x",
    "__proto__": {"permissions": ["*"]},
    "constructor": {},
    "$set": {"permissions": ["*"]},
    "permissions.0": "*",
    "permissions[]": "*",
}
"""Members that no object of this API has: columns under other names, other products' members, and tricks."""
CHATFLOW_COLUMNS: dict[str, Any] = {
    "id": "11111111-1111-4111-8111-111111111111",
    "createdDate": LATER,
    "updatedDate": LATER,
    "workspaceId": "22222222-2222-4222-8222-222222222222",
    "runnable": False,
    "missingNodeKinds": ["x"],
    "problems": ["x"],
    "warnings": ["x"],
}
STORE_COLUMNS: dict[str, Any] = {
    "id": "11111111-1111-4111-8111-111111111111",
    "createdDate": LATER,
    "updatedDate": LATER,
    "workspaceId": "22222222-2222-4222-8222-222222222222",
    "documents": 5,
    "passages": 5,
    "status": "SYNC",
    "whereUsed": [],
    "loaders": [],
}
CUSTOMER_COLUMNS: dict[str, Any] = {
    "id": "11111111-1111-4111-8111-111111111111",
    "createdAt": LATER,
    "updatedAt": LATER,
    "revokedAt": LATER,
    "workspaceId": "22222222-2222-4222-8222-222222222222",
    "status": "revoked",
}
OF_CUSTOMERS = NEVER | {"key_count": 5, "quotaUses": [], "tokensReserved": 0}
del OF_CUSTOMERS["revokedAt"]
CREATE = [("/apikey", {"keyName": "x"}, KEY_COLUMNS | LAST_USE | NEVER)]
CREATE += [("/chatflows", {"name": "x"}, CHATFLOW_COLUMNS | NEVER)]
CREATE += [("/customers", {"name": "x"}, CUSTOMER_COLUMNS | OF_CUSTOMERS | {"keyCount": 5})]
CREATE += [("/document-stores", {"name": "x"}, STORE_COLUMNS | NEVER)]


def refused(answer: Any, field: str) -> None:
    """Assert that an answer names the member as one that is not taken."""
    assert answer.status_code == 422, (field, answer.text)
    assert [error["field"] or "body" for error in answer.json()["errors"]] == [field or "body"], answer.text


@pytest.fixture
def rows(here: Tenant) -> Iterator[Shell]:
    """Return the database, to see what no answer shows."""
    with here.server.shell() as connection:
        yield connection


@pytest.mark.parametrize(("path", "body", "members"), CREATE, ids=[row[0] for row in CREATE])
def test_nothing_is_mass_assigned_on_create(
    path: str, body: dict[str, Any], members: dict[str, Any], here: Tenant
) -> None:
    """Flowise CVE-2026-42863 and seven more: every column is sent, one at a time; each is 422 by its name."""
    before = {item["id"] for item in here.owner.get(path).json()}
    for name, value in members.items():
        refused(here.owner.post(path, json={**body, name: value}), name)
    assert {item["id"] for item in here.owner.get(path).json()} == before


def test_nothing_is_mass_assigned_on_update_of_a_key(here: Tenant, rows: Shell) -> None:
    """CVE-2026-42863: ids, workspace, hashes, times, creator and status never change by being sent."""
    key = make_key(here.owner, "kept", note="kept")
    path = f"/apikey/{key['id']}"
    select = "SELECT * FROM api_key JOIN token ON token.key_id = api_key.id WHERE api_key.id = ?"
    before = rows.execute(select, (key["id"],)).fetchall()
    for name, value in (KEY_COLUMNS | LAST_USE | NEVER).items():
        refused(here.owner.put(path, json={name: value}), name)
        refused(here.owner.put(path, json={"note": "changed", name: value}), name)
    assert rows.execute(select, (key["id"],)).fetchall() == before


def test_nothing_is_mass_assigned_on_update_of_a_chatflow(here: Tenant, rows: Shell) -> None:
    """CVE-2026-42863 on chatflows, whose extra columns are Flowise's: only those six are kept."""
    chatflow = make_chatflow(here.owner, "kept")
    path = f"/chatflows/{chatflow['id']}"
    select = "SELECT * FROM chatflow WHERE id = ?"
    before = rows.execute(select, (chatflow["id"],)).fetchall()
    for name, value in (CHATFLOW_COLUMNS | NEVER).items():
        refused(here.owner.put(path, json={name: value}), name)
        refused(here.owner.put(path, json={"category": "changed", name: value}), name)
    assert rows.execute(select, (chatflow["id"],)).fetchall() == before


def test_nothing_is_mass_assigned_on_update_of_a_customer(here: Tenant, rows: Shell) -> None:
    """CVE-2026-42863 on customers; the count of keys, which moves by itself, may be put back as it was."""
    customer = make_customer(here.owner, "kept", externalId="kept", meta={"kept": True})
    path = f"/customers/{customer['id']}"
    select = "SELECT * FROM customer WHERE id = ?"
    before = rows.execute(select, (customer["id"],)).fetchall()
    for name, value in (CUSTOMER_COLUMNS | OF_CUSTOMERS).items():
        refused(here.owner.put(path, json={name: value}), name)
        refused(here.owner.put(path, json={"name": "changed", name: value}), name)
    assert rows.execute(select, (customer["id"],)).fetchall() == before
    assert here.owner.put(path, json={**customer, "keyCount": 7}).json() == customer
    assert rows.execute(select, (customer["id"],)).fetchall() == before


def test_binding_takes_chatflow_ids_alone(here: Tenant) -> None:
    """`PUT /apikey/{id}/chatflows` writes the set of chatflows and nothing beside it."""
    path = f"/apikey/{make_key(here.owner, 'kept')['id']}"
    for name, value in (KEY_COLUMNS | NEVER | {"keyName": "x", "permissions": ["*"]}).items():
        refused(here.owner.put(f"{path}/chatflows", json={"chatflowIds": [], name: value}), name)
    assert here.owner.get(path).json()["permissions"] == []


@pytest.mark.parametrize("member", ["token", "chatflowId", "permission", "workspaceId"])
def test_a_prediction_takes_nothing_of_the_callers_identity_from_its_body(
    member: str, here: Tenant, there: Tenant
) -> None:
    """Bodies of predictions may carry anything: none of it decides who calls, or what."""
    values = {
        "token": here.token,
        "chatflowId": here.chatflow["id"],
        "permission": "*",
        "workspaceId": here.workspace_id,
    }
    body = {"question": "Hello", member: values[member], "overrideConfig": {member: values[member]}}
    answer = there.caller.post(f"/prediction/{here.chatflow['id']}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "chatflow_not_allowed")
    there.ask("Hello", **{member: values[member]})
    shown = here.owner.get(f"/chatflows/{here.chatflow['id']}/messages", params={"keyId": there.key["id"]})
    assert shown.json()["total"] == 0


def put_back(api: Api, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Get an object, put all of it back, and return it as it was and as it is."""
    before = api.get(path)
    answer = api.put(path, content=before.content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    return before.json(), answer.json()


def test_a_whole_key_can_be_put_back(here: Tenant) -> None:
    """CONTRACT section 2: what GET gives, PUT takes; unchanged, it changes nothing at all."""
    chatflow = make_chatflow(here.owner, "bound")
    key = make_key(
        here.owner,
        "whole",
        permissions=["apikeys:view"],
        chatflowIds=[chatflow["id"]],
        expiresIn="90d",
        note="a note",
    )
    path = f"/apikey/{key['id']}"
    before, after = put_back(here.owner, path)
    assert after == before
    here.server.api(key["apiKey"]).get("/apikey")  # a use moves lastUsedAt by itself
    here.server.store()
    assert here.owner.put(path, json={**before, "keyName": "renamed"}).json()["keyName"] == "renamed"


def test_a_whole_chatflow_can_be_put_back(here: Tenant) -> None:
    """CONTRACT section 6, with every column that Flowise has."""
    extras = {
        "deployed": True,
        "analytic": '{"a": 1}',
        "speechToText": {"x": [1, 2.5, None]},
        "textToSpeech": "x",
        "followUpPrompts": [],
        "mcpServerConfig": None,
    }
    config = {"chatbotConfig": json.dumps({"title": "Shop"}), "apiConfig": json.dumps({"a": 1})}
    first = make_chatflow(here.owner, "whole", exported(), category="a;b", **config, **extras)
    key, other = make_key(here.owner, "first"), make_key(here.owner, "second")
    path = f"/chatflows/{first['id']}"
    for change in ({}, {"isPublic": True}, {"apikeyid": key["id"]}, {"apiKeyIds": [key["id"], other["id"]]}):
        assert here.owner.put(path, json=change).status_code == 200
        before, after = put_back(here.owner, path)
        assert after == before
        assert {name: after[name] for name in extras} == extras


NOTHING: dict[str, Any] = {
    "an empty string": "",
    "a space": " ",
    "white space": " \t\r\n ",
    "NUL": "\x00",
    "the word null": "null",
    "the word undefined": "undefined",
    "the word None": "None",
    "zero": "0",
    "the prefix": "fl-",
}
NOT_STRINGS: tuple[Any, ...] = (None, False, 0, [], {}, [None], {"$ne": None}, {"$gt": ""})


@pytest.mark.parametrize("token", NOTHING.values(), ids=NOTHING)
def test_no_token_is_a_token_when_it_is_empty(token: str, here: Tenant) -> None:
    """Flowise CVE-2026-41276: a null token equalled a never-set one. Each is an unknown key."""
    for body in ({"token": token}, {"tokens": [token]}):
        answer = here.owner.post("/apikey/verify", json=body)
        assert answer.status_code == 200
        for decided in answer.json().get("results", [answer.json()]):
            assert (decided["valid"], decided["code"]) == (False, "unknown_key")
            assert "id" not in decided


@pytest.mark.parametrize("value", NOT_STRINGS, ids=repr)
def test_null_is_never_taken_for_not_asked(value: Any, here: Tenant) -> None:
    """CVE-2026-41276: `{"token": null}` asks about a token that is not there, never about the caller.

    The same holds for the chatflow and the permission: null is not "any".
    """
    for name in ("token", "chatflowId", "permission"):
        refused(here.owner.post("/apikey/verify", json={name: value}), name)
    for value_in_list in (value, [here.token, value]):
        if value_in_list == []:
            continue
        answer = here.owner.post("/apikey/verify", json={"tokens": value_in_list})
        assert answer.status_code == 422, answer.text
    assert here.owner.post("/apikey/verify", json={"tokens": []}).json() == {"results": []}


@pytest.mark.parametrize("asked", [{"chatflowId": ""}, {"chatflowId": " "}, {"permission": ""}])
def test_an_empty_question_is_not_answered_yes(asked: dict[str, str], here: Tenant) -> None:
    """An empty chatflow id or permission names nothing, so that nothing is allowed by it."""
    own = here.owner.post("/apikey/verify", json=asked)
    assert own.status_code in {403, 422}
    other = here.owner.post("/apikey/verify", json={**asked, "token": here.token})
    assert other.status_code == 422 or other.json()["valid"] is False


def test_asking_about_others_needs_a_permission(here: Tenant) -> None:
    """CONTRACT section 2: anyone may ask about itself; about another token only who may see keys."""
    lesser = here.lesser()
    assert lesser.post("/apikey/verify", json={}).json()["valid"] is True
    for body in ({"token": here.token}, {"tokens": [here.token]}, {"token": ""}, {"tokens": []}):
        answer = lesser.post("/apikey/verify", json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_missing")
