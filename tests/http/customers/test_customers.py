"""``/customers``: made, listed, changed, ended; and the keys that belong to them."""

import json
from typing import Any

import pytest

from flowkeys.domain.customers.customer import META_BYTES
from tests.support.databases import ON_POSTGRES, unreadable_keys
from tests.support.flows import bound_key, make_chatflow, make_customer, make_key
from tests.support.server import Api, Running
from tests.support.waiting import until


@pytest.fixture
def alone(server: Running, request: pytest.FixtureRequest) -> Api:
    """Return the owner of a workspace that no other test uses."""
    return server.owner(request.node.name[:90])


def refused_fields(answer: Any) -> list[str]:
    """Return the fields that a 422 names."""
    assert answer.status_code == 422, answer.text
    return [error["field"] for error in answer.json()["errors"]]


def code(owner: Api, key: dict) -> str:
    """Return what verification says of a key, without counting it."""
    said: str = owner.post("/apikey/verify", json={"token": key["apiKey"]}).json()["code"]
    return said


def audited(server: Running, subject_id: str) -> list[tuple[str, Any, Any]]:
    """Return the actions on something, with before and after, as the audit log has them."""
    with server.shell() as rows:
        found = rows.execute(
            "SELECT action, before, after FROM audit WHERE subject_id = ? ORDER BY seq", (subject_id,)
        ).fetchall()
    return [(action, *(text and json.loads(text) for text in both)) for action, *both in found]


def test_a_customer_is_made_shown_changed_and_put_back(owner: Api) -> None:
    """201 with Location; every member as it was sent; a whole customer may be put back."""
    body = {"name": "  Acme Ltd ", "externalId": " crm-1 ", "meta": {"plan": "gold", "seats": [1, None]}}
    answer = owner.post("/customers", json=body)
    made = answer.json()
    assert answer.headers["location"] == f"/api/v1/customers/{made['id']}"
    assert (made["name"], made["externalId"], made["meta"]) == ("Acme Ltd", "crm-1", body["meta"])
    assert (made["status"], made["keyCount"], made["revokedAt"]) == ("active", 0, None)
    path = f"/customers/{made['id']}"
    assert owner.get(path).json() == made
    changed = owner.put(path, json={**made, "name": "Acme"}).json()
    assert changed == {**made, "name": "Acme", "updatedAt": changed["updatedAt"]}
    none = owner.put(path, json={"externalId": None, "meta": None}).json()
    assert (none["externalId"], none["meta"], none["name"]) == (None, {}, "Acme")


def test_what_a_customer_cannot_be_is_refused_by_its_field(owner: Api) -> None:
    """422 for creating and changing alike, and nothing is stored."""
    token = make_key(owner)["apiKey"]
    made = make_customer(owner, "kept", externalId="taken")
    wrong: list[tuple[str, Any]] = [
        *(("name", name) for name in ("", "   ", "x" * 101, "a\nb", token, None, 1)),
        *(("externalId", text) for text in ("x" * 201, "a\nb", token, 1, {})),
        *(("meta", value) for value in ([], "x", 1, {"a": "x" * META_BYTES}, {"key": token})),
        ("rateLimits", [{"limit": 1, "windowSeconds": 1, "name": "-"}]),
        ("quotas", [{"calls": 1, "period": "week"}]),
    ]
    for field, value in wrong:
        other = make_customer(owner, "other")
        assert refused_fields(owner.post("/customers", json={"name": "x", field: value})) == [field]
        assert refused_fields(owner.put(f"/customers/{other['id']}", json={field: value})) == [field]
        assert owner.get(f"/customers/{other['id']}").json() == other
    full = {"a": "x" * (META_BYTES - len('{"a":""}'))}
    assert make_customer(owner, "full", meta=full)["meta"] == full
    again = owner.post("/customers", json={"name": "x", "externalId": "taken"})
    assert refused_fields(again) == ["externalId"]
    assert owner.put(f"/customers/{made['id']}", json={"externalId": "taken"}).json() == made


def test_customers_are_searched_sorted_and_paged(alone: Api) -> None:
    """By a part of the name or the external id; revoked ones only when they are asked for."""
    made = {}
    for name, external in (("Zebra", "A-1"), ("Ärzte", None), ("acme", "B-2"), ("Over", "C-3")):
        made[name] = make_customer(alone, name, externalId=external)
    make_key(alone, customerId=made["acme"]["id"])
    alone.post(f"/customers/{made['Over']['id']}/revoke")
    alone.post(f"/customers/{made['Zebra']['id']}/disable")

    def names(**query: Any) -> list[str]:
        return [item["name"] for item in alone.get("/customers", params=query).json()]

    assert names() == ["acme", "Ärzte", "Zebra"]
    assert names(sort="name") == ["acme", "Zebra", "Ärzte"]
    assert names(sort="-keys")[0] == "acme"
    assert names(sort="externalId") == ["Ärzte", "Zebra", "acme"]
    assert names(status="all", sort="createdAt") == ["Zebra", "Ärzte", "acme", "Over"]
    assert names(status="revoked") == ["Over"]
    assert names(status="disabled") == ["Zebra"]
    assert names(search="ÄRZ") == ["Ärzte"]
    assert names(search="b-2") == ["acme"]
    assert names(externalId="A-1") == ["Zebra"]
    assert names(search="nobody") == []
    page = alone.get("/customers", params={"page": 2, "limit": 2, "sort": "createdAt"}).json()
    assert (page["total"], [item["name"] for item in page["data"]]) == (3, ["acme"])
    first = alone.get("/customers", params={"limit": 2})
    assert [item["name"] for item in first.json()] == ["acme", "Ärzte"]
    rest = alone.get(first.headers["link"].partition(">")[0][1:].removeprefix("/api/v1"))
    assert [item["name"] for item in rest.json()] == ["Zebra"]
    assert refused_fields(alone.get("/customers", params={"sort": "meta"})) == ["sort"]


def test_a_key_is_given_to_a_customer_moved_and_taken_back(server: Running, alone: Api) -> None:
    """Shown with the key, filtered by, counted, and in the audit log."""
    first, second = make_customer(alone, "first", externalId="1"), make_customer(alone, "second")
    key = make_key(alone, customerId=first["id"])
    make_key(alone, "of nobody")
    shown = {"id": first["id"], "externalId": "1", "name": "first", "status": "active"}
    assert (key["customerId"], key["customer"]) == (first["id"], shown)
    path = f"/apikey/{key['id']}"

    def keys_of(customer: dict) -> list[str]:
        assert (
            alone.get("/apikey", params={"customerId": customer["id"], "page": 1}).json()["total"]
            == (alone.get(f"/customers/{customer['id']}").json()["keyCount"])
        )
        return [item["id"] for item in alone.get("/apikey", params={"customerId": customer["id"]}).json()]

    assert (keys_of(first), keys_of(second)) == ([key["id"]], [])
    whole = alone.get(path).json()
    assert alone.put(path, json=whole).json() == whole
    moved = alone.put(path, json={"customerId": second["id"]}).json()
    assert moved["customer"]["name"] == "second"
    assert (keys_of(first), keys_of(second)) == ([], [key["id"]])
    assert alone.put(path, json={"customerId": None}).json()["customer"] is None
    assert (keys_of(first), keys_of(second)) == ([], [])
    rows = audited(server, key["id"])[1:]
    told = [(before["customerId"], after["customerId"]) for _, before, after in rows]
    assert told == [(first["id"], second["id"]), (second["id"], None)]
    wrong = {"customerId": "nobody"}
    assert refused_fields(alone.put(path, json=wrong)) == ["customerId"]
    assert refused_fields(alone.post("/apikey", json={"keyName": "x", **wrong})) == ["customerId"]


def test_disabling_a_customer_refuses_its_keys_and_enabling_none_that_was_disabled_itself(alone: Api) -> None:
    """And a key that leaves is as good as it is itself."""
    customer = make_customer(alone)
    keys = [make_key(alone, str(number), customerId=customer["id"]) for number in range(3)]
    path = f"/customers/{customer['id']}"
    alone.post(f"/apikey/{keys[0]['id']}/disable")
    assert alone.post(f"{path}/disable").json()["status"] == "disabled"
    assert [code(alone, key) for key in keys] == ["disabled_key"] * 3
    assert alone.get(f"/apikey/{keys[1]['id']}").json()["customer"]["status"] == "disabled"
    alone.put(f"/apikey/{keys[1]['id']}", json={"customerId": None})
    assert [code(alone, key) for key in keys] == ["disabled_key", "valid", "disabled_key"]
    late = make_key(alone, "late", customerId=customer["id"])
    assert code(alone, late) == "disabled_key"
    assert alone.post(f"{path}/disable").json()["status"] == "disabled"
    assert alone.post(f"{path}/enable").json()["status"] == "active"
    assert [code(alone, key) for key in (*keys, late)] == ["disabled_key", "valid", "valid", "valid"]


def test_revoking_a_customer_revokes_its_keys_for_good(server: Running, alone: Api) -> None:
    """LiteLLM#34217: each key is marked, none comes back by any way, and none is added."""
    customer, other = make_customer(alone), make_customer(alone)
    keys = [make_key(alone, str(number), customerId=customer["id"]) for number in range(3)]
    own = make_key(alone, "own", customerId=other["id"])
    path = f"/customers/{customer['id']}"
    answer = alone.post(f"{path}/revoke").json()
    assert (answer["status"], answer["keyCount"]) == ("revoked", 0)
    assert answer["revokedAt"] is not None
    assert alone.post(f"{path}/revoke").json() == answer
    assert [code(alone, key) for key in (*keys, own)] == ["revoked_key"] * 3 + ["valid"]
    for key in keys:
        shown = alone.get(f"/apikey/{key['id']}").json()
        assert (shown["status"], shown["customerId"]) == ("revoked", customer["id"])
        assert refused_fields(alone.post(f"/apikey/{key['id']}/enable")) == ["status"]
        assert refused_fields(alone.put(f"/apikey/{key['id']}", json={"customerId": None})) == ["status"]
        assert [action for action, *_ in audited(server, key["id"])] == ["key.create", "key.revoke"]
    assert refused_fields(alone.post(f"{path}/enable")) == ["status"]
    assert refused_fields(alone.post(f"{path}/disable")) == ["status"]
    assert refused_fields(alone.put(path, json={"name": "alive"})) == ["status"]
    wanted = {"customerId": customer["id"]}
    assert refused_fields(alone.post("/apikey", json={"keyName": "x", **wanted})) == ["customerId"]
    assert refused_fields(alone.put(f"/apikey/{own['id']}", json=wanted)) == ["customerId"]


def test_keys_of_a_customer_whose_revoking_was_interrupted_stay_refused_and_are_finished_with(
    server: Running, alone: Api
) -> None:
    """From the first commit on: what is left is done by the next call, and nothing frees a key meanwhile."""
    customer = make_customer(alone)
    key = make_key(alone, customerId=customer["id"])
    alone.post(f"/apikey/{key['id']}/disable")
    with server.shell() as rows:
        rows.execute("UPDATE customer SET status = 'revoked' WHERE id = ?", (customer["id"],))
    path = f"/apikey/{key['id']}"
    assert refused_fields(alone.post(f"{path}/enable")) == ["status"]
    assert refused_fields(alone.put(path, json={"customerId": None})) == ["status"]
    many = alone.post("/apikey/bulk/enable", json={"ids": [key["id"]]}).json()
    assert (many["affected"], many["skipped"]) == (0, [key["id"]])
    alone.post(f"/customers/{customer['id']}/revoke")
    assert alone.get(path).json()["status"] == "revoked"


def test_a_customer_is_deleted_without_live_keys_alone(alone: Api) -> None:
    """409 with a way on; revoked keys stay, with nobody's name on them."""
    customer = make_customer(alone, externalId="again")
    key = make_key(alone, customerId=customer["id"])
    path = f"/customers/{customer['id']}"
    alone.post(f"/apikey/{key['id']}/disable")
    refused = alone.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "customer_has_keys")
    assert "has a key that is not revoked" in refused.json()["detail"]
    assert alone.get(path).status_code == 200
    alone.delete(f"/apikey/{key['id']}")
    assert alone.delete(path).json() == {"affected": 1}
    assert alone.get(path).status_code == alone.delete(path).status_code == 404
    shown = alone.get(f"/apikey/{key['id']}").json()
    assert (shown["status"], shown["customer"]) == ("revoked", None)
    assert code(alone, key) == "revoked_key"
    assert make_customer(alone, externalId="again")["id"] != customer["id"]


def test_nobody_changes_keys_through_a_customer_that_they_could_not_change(server: Running) -> None:
    """The ceiling: with every permission on customers, a lesser key ends or enables no greater one."""
    workspace = "ceiling of customers"
    owner = server.owner(workspace)
    customer = make_customer(owner)
    of_customers = tuple(f"customers:{verb}" for verb in ("view", "create", "update", "delete"))
    of_keys = tuple(f"apikeys:{verb}" for verb in ("view", "create", "update", "delete"))
    without_keys = server.api(server.key("c", of_customers, workspace)["apiKey"])
    lesser = server.api(server.key("l", of_customers + of_keys, workspace)["apiKey"])
    path = f"/customers/{customer['id']}"
    for action in ("disable", "enable"):
        assert without_keys.post(f"{path}/{action}").status_code == 200, "it has no keys"
    plain = make_key(owner, customerId=customer["id"])
    for action, lacking in (("disable", "update"), ("enable", "update"), ("revoke", "delete")):
        refused = without_keys.post(f"{path}/{action}")
        assert refused.status_code == 403
        assert f"apikeys:{lacking}" in refused.json()["detail"]
    for action in ("disable", "enable"):
        assert lesser.post(f"{path}/{action}").status_code == 200
    greater = make_key(owner, permissions=["chatflows:view"], customerId=customer["id"])
    for action in ("disable", "enable", "revoke"):
        refused = lesser.post(f"{path}/{action}")
        assert refused.status_code == 403
        assert "chatflows:view" in refused.json()["detail"]
    assert [code(owner, key) for key in (plain, greater)] == ["valid", "valid"]
    assert owner.get(path).json()["status"] == "active"
    limits = {"rateLimits": [{"limit": 1, "windowSeconds": 86_400}]}
    assert "apikeys:update" in without_keys.put(path, json=limits).json()["detail"]
    assert lesser.put(path, json=limits).status_code == 403
    assert lesser.put(path, json={"name": "renamed", "rateLimits": []}).json()["name"] == "renamed"
    owner.delete(f"/apikey/{greater['id']}")
    assert lesser.put(path, json=limits).status_code == 200
    assert lesser.post(f"{path}/revoke").status_code == 200


def test_giving_a_key_to_a_customer_needs_customers_update(server: Running) -> None:
    """As binding needs ``chatflows:update``: who uses up a customer's limits may change customers."""
    workspace = "giving keys"
    owner = server.owner(workspace)
    customer = make_customer(owner)
    of_keys = tuple(f"apikeys:{verb}" for verb in ("view", "create", "update"))
    lesser = server.api(server.key("l", of_keys, workspace)["apiKey"])
    key = make_key(owner, customerId=customer["id"])
    own = make_key(lesser, "own")
    for answer in (
        lesser.post("/apikey", json={"keyName": "x", "customerId": customer["id"]}),
        lesser.put(f"/apikey/{own['id']}", json={"customerId": customer["id"]}),
        lesser.put(f"/apikey/{key['id']}", json={"customerId": None}),
    ):
        assert answer.status_code == 403
        assert "customers:update" in answer.json()["detail"]
    assert lesser.put(f"/apikey/{key['id']}", json={"customerId": customer["id"]}).status_code == 200


def test_a_row_that_was_spoilt_by_hand_is_an_outage_and_lets_nobody_in(server: Running, alone: Api) -> None:
    """503 for its keys and for itself, until the row is as it should be; others' keys are good."""
    customer = make_customer(alone, externalId="spoilt")
    key, other = make_key(alone, customerId=customer["id"]), make_key(alone)

    def answer_to(key: dict) -> int:
        return server.api(key["apiKey"]).post("/apikey/verify", json={}).status_code

    spoilt = {
        "status": "'paused'",
        "rate_limits": "'[]'",
        "id": "'another'",
        "workspace_id": "(SELECT id FROM workspace WHERE id <> customer.workspace_id LIMIT 1)",
    }
    if not ON_POSTGRES:  # whose texts are texts
        spoilt |= {"name": "x'00ff'", "external_id": "x'00'"}
    with server.shell() as rows, rows.without_foreign_keys():
        (seq,) = rows.execute("SELECT seq FROM customer WHERE id = ?", (customer["id"],)).fetchone()
        where = f"seq = {seq}"
        for column, value in spoilt.items():
            (good,) = rows.execute(f"SELECT {column} FROM customer WHERE {where}").fetchone()
            rows.execute(f"UPDATE customer SET {column} = {value} WHERE {where}")
            until(lambda: answer_to(key) == 503, lambda: f"503 for a spoilt {column}")  # noqa: B023
            assert code(alone, other) == "valid"
            assert alone.get(f"/customers/{customer['id']}").status_code in {404, 503}
            shown = 200 if column == "rate_limits" else 503  # which a key does not show
            assert alone.get(f"/apikey/{key['id']}").status_code == shown
            assert key["id"] in unreadable_keys(server.data_dir)
            rows.execute(f"UPDATE customer SET {column} = ? WHERE {where}", (good,))
            until(lambda: answer_to(key) == 200, lambda: f"a good {column} again")  # noqa: B023


def test_forward_auth_and_verify_name_the_customer(server: Running, alone: Api) -> None:
    """And neither does for a key of nobody."""
    chatflow = make_chatflow(alone)
    customer = make_customer(alone, "Acme", externalId="crm-1")
    of_customer = bound_key(alone, chatflow, customerId=customer["id"])
    of_nobody = bound_key(alone, chatflow)
    for key, customer_id, said in (
        (of_customer, customer["id"], {"id": customer["id"], "externalId": "crm-1", "name": "Acme"}),
        (of_nobody, "", None),
    ):
        caller = server.api(key["apiKey"])
        assert caller.get("/auth/verify").headers["x-auth-customer-id"] == customer_id
        assert caller.post("/apikey/verify", json={}).json()["customer"] == said
    alone.put(f"/customers/{customer['id']}", json={"name": "Acme Ltd"})
    said = server.api(of_customer["apiKey"]).post("/apikey/verify", json={}).json()["customer"]
    assert said["name"] == "Acme Ltd"


def test_explain_says_what_the_customer_is(alone: Api) -> None:
    """A step of its own, behind the key's own status."""
    customer = make_customer(alone, "Acme")
    key = make_key(alone, customerId=customer["id"])
    nobodys = make_key(alone)

    def step(made: dict) -> tuple[bool | None, str]:
        steps = alone.post("/apikey/explain", json={"token": made["apiKey"]}).json()["steps"]
        return next((each["ok"], each["detail"]) for each in steps if each["step"] == "customer")

    assert step(nobodys) == (True, "The key belongs to no customer.")
    assert step(key) == (True, "Its customer Acme is active.")
    alone.post(f"/customers/{customer['id']}/disable")
    assert step(key) == (False, "Its customer Acme is disabled.")
