"""Who gets in: nobody from one workspace to another, by id, by name or by counting."""

import uuid

import pytest

from tests.conformance.routes import ALL, CLOSED, Declared, request_for
from tests.conformance.tenants import Tenant, searching
from tests.support.flows import bound_key, make_chatflow, make_customer, make_key

REPORT = "{report}"
"""In a path: the name of a report, which is no workspace's own."""
WITH_ID = [route for route in CLOSED if "{" in route.path and REPORT not in route.path]
LISTS = ("/apikey", "/chatflows", "/customers", "/document-stores", "/webhooks")


def without_ids(problem: dict) -> dict:
    """Return a problem without what differs between any two calls."""
    return {name: value for name, value in problem.items() if name != "requestId"}


@pytest.mark.parametrize("route", WITH_ID, ids=str)
def test_another_workspaces_thing_is_not_found_by_its_id(
    route: Declared, here: Tenant, there: Tenant
) -> None:
    """Flowise CVE-2026-56268, Langflow CVE-2026-33053: look-ups and deletes by id without the owner.

    With a key that may do everything in its own workspace, another's ids are answered as ids of nothing
    are, word for word, and nothing there has changed.
    """
    before = there.snapshot()
    path, arguments = request_for(route, there.ids)
    found = here.owner.request(route.method, path, **arguments)
    assert (found.status_code, found.json()["code"]) == (404, "not_found")
    nothing = {name: str(uuid.uuid4()) for name in there.ids}
    path, arguments = request_for(route, nothing)
    assert without_ids(here.owner.request(route.method, path, **arguments).json()) == without_ids(
        found.json()
    )
    assert there.snapshot() == before
    assert there.ask() == 200


def test_a_document_is_not_reached_through_a_store_of_ones_own(here: Tenant, there: Tenant) -> None:
    """Each id of a path is looked up in the workspace, not the first alone."""
    path = f"/document-stores/{here.store['id']}/documents/{there.document['id']}"
    assert here.owner.delete(path).status_code == 404
    assert there.snapshot()[f"/document-stores/{there.store['id']}/documents"] == [there.document]


@pytest.mark.parametrize("path", LISTS)
def test_lists_hold_the_callers_workspace_alone(path: str, here: Tenant, there: Tenant) -> None:
    """CVE-2026-56268: no list, page, total, search or continuation holds or counts another's things."""
    foreign = {
        "/apikey": there.key,
        "/chatflows": there.chatflow,
        "/customers": there.customer,
        "/document-stores": there.store,
        "/webhooks": there.webhook,
    }[path]
    name = foreign.get("keyName") or foreign.get("name") or foreign["url"]
    for query in ({}, {"limit": 1000}, {"status": "all"}, {"search": name}, {"search": foreign["id"]}):
        response = here.owner.get(path, params=query)
        assert {item["workspaceId"] for item in response.json()} <= {here.workspace_id}
        assert foreign["id"] not in response.text
    if path in {"/document-stores", "/webhooks"}:
        return
    assert here.owner.get(path, params={"search": name}).json() == []
    before = here.owner.get(path, params={"page": 1}).json()["total"]
    make_key(there.owner, "one more")
    make_chatflow(there.owner, "one more")
    make_customer(there.owner, "one more")
    after = here.owner.get(path, params={"page": 1}).json()
    assert after["total"] == before


@pytest.mark.parametrize("path", ["/apikey", "/chatflows", "/customers"])
def test_a_foreign_id_tells_nothing_as_a_filter(path: str, here: Tenant, there: Tenant) -> None:
    """An id of another workspace in a query is answered as an id of nothing is: not even its age shows."""
    things = {"/apikey": there.key, "/chatflows": there.chatflow, "/customers": there.customer}
    foreign = things[path]["id"]
    make_key(here.owner, "newer than the others")
    make_chatflow(here.owner, "newer than the others")
    make_customer(here.owner, "newer than the others")
    make_key(there.owner, "of a customer there", customerId=there.customer["id"])
    filters = ("before", "chatflowId", "customerId") if path == "/apikey" else ("before",)
    for name in filters:
        values = (foreign, there.chatflow["id"], there.customer["id"], str(uuid.uuid4()))
        for value in values:
            found = here.owner.get(path, params={name: value})
            assert (found.json(), found.headers.get("link")) == ([], None)


def test_messages_of_another_workspace_are_not_read(here: Tenant, there: Tenant) -> None:
    """A conversation is found by workspace, chatflow, key and session together."""
    own = f"/chatflows/{here.chatflow['id']}/messages"
    for query in ({"sessionId": f"session of {there.workspace}"}, {"keyId": there.key["id"]}):
        assert here.owner.get(own, params=query).json() == {"total": 0, "data": []}
    assert here.owner.get(f"/chatflows/{there.chatflow['id']}/messages").status_code == 404
    assert there.owner.get(f"/chatflows/{there.chatflow['id']}/messages").json()["total"] >= 2


def test_a_session_id_of_another_key_is_another_session(here: Tenant) -> None:
    """CONTRACT section 5: two keys that send one session id share nothing; Flowise let any key read all."""
    second = bound_key(here.owner, here.chatflow, "second caller")
    session = str(uuid.uuid4())
    here.ask("mine", sessionId=session)
    path = f"/chatflows/{here.chatflow['id']}/messages"
    here.server.api(second["apiKey"]).post(
        f"/prediction/{here.chatflow['id']}", json={"question": "hers", "sessionId": session}
    )
    by_key = {
        key["id"]: here.owner.get(path, params={"sessionId": session, "keyId": key["id"]}).text
        for key in (here.key, second)
    }
    assert "mine" in by_key[here.key["id"]]
    assert "hers" not in by_key[here.key["id"]]
    assert "mine" not in by_key[second["id"]]


def test_verify_knows_no_key_of_another_workspace(here: Tenant, there: Tenant) -> None:
    """CONTRACT section 2: a key of another workspace reads `unknown_key`, as one that never was."""
    never = "fl-" + "0" * 26 + "000000"
    for token in (there.token, there.owner.token, never):
        answer = here.owner.post("/apikey/verify", json={"token": token}).json()
        assert (answer["valid"], answer["code"]) == (False, "unknown_key")
        assert set(answer) == {"valid", "code", "detail"}
    asked = {"tokens": [there.token, here.token], "chatflowId": there.chatflow["id"]}
    codes = [item["code"] for item in here.owner.post("/apikey/verify", json=asked).json()["results"]]
    assert codes == ["unknown_key", "chatflow_not_allowed"]


def test_an_external_id_is_unique_in_its_workspace_alone(here: Tenant, there: Tenant) -> None:
    """Else a refusal would tell whom another workspace has."""
    taken = there.customer["externalId"]
    assert here.owner.get("/customers", params={"externalId": taken}).json() == []
    assert make_customer(here.owner, "the same", externalId=taken)["externalId"] == taken


def test_nothing_is_bound_across_the_wall(here: Tenant, there: Tenant) -> None:
    """Neither a key to a chatflow of another workspace nor the other way round, on any route that binds."""
    before = (here.snapshot(), there.snapshot())
    own_flow, own_key = f"/chatflows/{here.chatflow['id']}", f"/apikey/{here.key['id']}"
    foreign_key, foreign_flow = there.key["id"], there.chatflow["id"]
    refused = [
        ("apikeyid", here.owner.put(own_flow, json={"apikeyid": foreign_key})),
        ("apiKeyIds", here.owner.put(own_flow, json={"apiKeyIds": [here.key["id"], foreign_key]})),
        ("keyId", here.owner.put(f"{own_flow}/keys/{foreign_key}")),
        ("apikeyid", here.owner.post("/chatflows", json={"name": "x", "apikeyid": foreign_key})),
        ("apiKeyIds", here.owner.post("/chatflows", json={"name": "x", "apiKeyIds": [foreign_key]})),
        ("chatflowIds", here.owner.put(own_key, json={"chatflowIds": [foreign_flow]})),
        ("chatflowIds", here.owner.put(f"{own_key}/chatflows", json={"chatflowIds": [foreign_flow]})),
        ("chatflowIds", here.owner.post("/apikey", json={"keyName": "x", "chatflowIds": [foreign_flow]})),
        ("customerId", here.owner.post("/apikey", json={"keyName": "x", "customerId": there.customer["id"]})),
        ("customerId", here.owner.put(own_key, json={"customerId": there.customer["id"]})),
    ]
    for field, answer in refused:
        assert answer.status_code == 422, answer.text
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (here.snapshot(), there.snapshot()) == before
    assert (here.ask(), there.ask()) == (200, 200)


def test_a_key_of_another_workspace_runs_no_chatflow_here(here: Tenant, there: Tenant) -> None:
    """Not a protected one, not a public one, and not with every permission there is."""
    public = make_chatflow(here.owner, "open to all", isPublic=True)
    for chatflow in (here.chatflow, public):
        for client in (there.caller, there.owner):
            answer = client.post(f"/prediction/{chatflow['id']}", json={"question": "Hello"})
            assert (answer.status_code, answer.json()["code"]) == (403, "chatflow_not_allowed")


@pytest.mark.parametrize("named_by", ["id", "name", "id:name"])
def test_a_chatflow_finds_no_documents_of_another_workspace(
    named_by: str, here: Tenant, there: Tenant
) -> None:
    """A flow names a document store by id or by name; in another workspace that names nothing."""
    named = {
        "id": there.store["id"],
        "name": there.store["name"],
        "id:name": f"{there.store['id']}:{there.store['name']}",
    }[named_by]
    for tenant, finds in ((there, True), (here, False)):
        flow = make_chatflow(tenant.owner, "searches", searching(named))
        token = bound_key(tenant.owner, flow)["apiKey"]
        asked = {"question": "When does the zebra house open?"}
        text = tenant.server.api(token).post(f"/prediction/{flow['id']}", json=asked).text
        assert ("nine in the morning" in text) is finds


def test_runs_are_listed_to_their_own_workspace_alone(here: Tenant, there: Tenant) -> None:
    """Whether they wait or have ended, also when another workspace's chatflow, session or run is named."""
    foreign = {run["id"] for run in there.owner.get("/executions").json()}
    assert there.execution in foreign
    for query in (
        {},
        {"agentflowId": there.chatflow["id"]},
        {"agentflowId": there.chatflow["id"], "sessionId": "session of other"},
        {"before": max(foreign)},
        {"state": "STOPPED"},
        {"page": 1, "limit": 1000},
    ):
        answer = here.owner.get("/executions", params=query)
        found = answer.json()
        runs = found["data"] if isinstance(found, dict) else found
        assert {run["workspaceId"] for run in runs} <= {here.workspace_id}
        assert not any(run in answer.text for run in foreign)


def test_the_wall_was_tested_on_every_route() -> None:
    """A new route with an id in its path is in the first test above; one without is a list or a creation."""
    without = {str(route) for route in ALL if route.is_closed and "{" not in route.path.replace(REPORT, "")}
    assert without == {
        "GET /apikey", "GET /chatflows", "GET /customers", "GET /document-stores",
        "GET /openapi.json", "HEAD /openapi.json",
        "POST /apikey", "POST /apikey/verify", "POST /chatflows", "POST /customers",
        "POST /document-stores",
        "GET /webhooks", "POST /webhooks", "GET /credentials", "POST /credentials",
        "GET /variables", "POST /variables",
        "GET /tools", "POST /tools", "POST /tools/import",
        # Their ids are in the body: tests/http/keys/test_bulk.py.
        "POST /apikey/bulk/disable", "POST /apikey/bulk/enable", "POST /apikey/bulk/revoke",
        # Whose changes, and whose token: tests/library/test_changes.py, tests/http/keys/test_explain.py.
        "GET /changes", "POST /apikey/explain",
        # The workspace's own: tests/http/audit.
        "GET /audit", "GET /audit/head",
        # The workspace's own: tests/http/keys/test_policy.py.
        "GET /policy", "PUT /policy", "GET /policy/check",
        # The caller's own: tests/http/usage/test_usage.py.
        "GET /usage", "GET /usage/summary",
        # Of one's own workspace: tests/http/keys/test_reports.py.
        "GET /reports", "GET /reports/{report}",
        # The workspace's own: the next test.
        "GET /executions",
    }  # fmt: skip
