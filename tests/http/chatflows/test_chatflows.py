"""``/chatflows``: what each call takes, gives and refuses, and who may call a chatflow."""

import json
import uuid

import pytest

from tests.support.flows import bound_key, echo, edge, exported, make_chatflow, make_key, node, unknown
from tests.support.server import Api, Running


def _ask(api: Api, chatflow: dict) -> int:
    return api.post(f"/prediction/{chatflow['id']}", json={"question": "x"}).status_code


def test_an_export_comes_back_byte_for_byte(owner: Api) -> None:
    """FlowData is kept as given, spaces and all."""
    text = exported() + "  \n"
    made = make_chatflow(owner, flow_data=text, category="a;b", deployed=True, analytic='{"x": 1}')
    assert made["flowData"] == text
    shown = owner.get(f"/chatflows/{made['id']}").json()
    assert shown == made
    assert (shown["deployed"], shown["analytic"], shown["category"]) == (True, '{"x": 1}', "a;b")
    assert (shown["isPublic"], shown["apikeyid"], shown["apiKeyIds"]) == (False, None, [])
    assert shown["runnable"] is True


def test_lists_are_arrays_pages_or_parts(own: Running) -> None:
    """An array for Flowise's clients; total and data with page; Link to the rest."""
    owner = own.owner()
    for n in range(3):
        make_chatflow(owner, f"Flow {n}")
    make_chatflow(owner, "Other", type="CHATFLOW")
    assert [c["name"] for c in owner.get("/chatflows").json()] == ["Other", "Flow 2", "Flow 1", "Flow 0"]
    page = owner.get("/chatflows", params={"page": 2, "limit": 3}).json()
    assert (page["total"], [c["name"] for c in page["data"]]) == (4, ["Flow 0"])
    agentflows = owner.get("/chatflows", params={"type": "AGENTFLOW", "search": "flow 1"}).json()
    assert [c["name"] for c in agentflows] == ["Flow 1"]
    first = owner.get("/chatflows?limit=3")
    rest = owner.get(first.links["next"]["url"].removeprefix("/api/v1"))
    assert [c["name"] for c in rest.json()] == ["Flow 0"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x", "flowData": "{"}, "flowData"),
        ({"name": "x", "flowData": "[]"}, "flowData"),
        ({"name": "x", "flowData": '{"nodes": {}}'}, "flowData"),
        ({"name": "x", "flowData": {}}, "flowData"),
        ({"name": "x", "type": "FLOW"}, "type"),
        ({"name": "x", "isPublic": "yes"}, "isPublic"),
        ({"name": "x", "chatbotConfig": "nope"}, "chatbotConfig"),
        ({"name": "x", "apiConfig": "[]"}, "apiConfig"),
        ({"name": "x", "apikeyid": str(uuid.uuid4())}, "apikeyid"),
        ({"name": "x", "apiKeyIds": ["x"]}, "apiKeyIds"),
        ({"name": "x", "id": str(uuid.uuid4())}, "id"),
        ({"name": "x", "unheardOf": 1}, "unheardOf"),
    ],
)
def test_a_wrong_field_is_named(owner: Api, body: dict, field: str) -> None:
    """422, and nothing is stored."""
    response = owner.post("/chatflows", json=body)
    assert response.status_code == 422, response.text
    assert field in {error["field"] for error in response.json()["errors"]}


def test_a_graph_and_its_configuration_may_be_objects(owner: Api) -> None:
    """As scripts send them; they are stored and returned as the texts that Flowise's clients read."""
    graph = json.loads(echo())
    body = {
        "name": "x",
        "type": "AGENTFLOW",
        "flowData": graph,
        "chatbotConfig": {"a": 1},
        "apiConfig": {"b": 2},
    }
    response = owner.post("/chatflows", json=body)
    assert response.status_code == 201, response.text
    made = response.json()
    assert json.loads(made["flowData"]) == graph
    assert (made["chatbotConfig"], made["apiConfig"], made["runnable"]) == ('{"a":1}', '{"b":2}', True)
    changed = owner.put(f"/chatflows/{made['id']}", json={"flowData": {**graph, "viewport": {}}})
    assert json.loads(changed.json()["flowData"])["viewport"] == {}
    for wrong in ({}, {"nodes": []}, 5, [], None, "{"):
        refused = owner.put(f"/chatflows/{made['id']}", json={"flowData": wrong})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "flowData")


def test_a_chatflow_of_unknown_kinds_is_kept_and_answers_422(server: Running, owner: Api) -> None:
    """Shown as not runnable with the kinds that are missing."""
    chatflow = make_chatflow(owner, flow_data=unknown("browserAgentflow"))
    assert (chatflow["runnable"], chatflow["missingNodeKinds"]) == (False, ["browserAgentflow"])
    caller = server.api(bound_key(owner, chatflow)["apiKey"])
    for streaming in (False, True):
        body = {"question": "x", "streaming": streaming}
        response = caller.post(f"/prediction/{chatflow['id']}", json=body)
        assert (response.status_code, response.json()["code"]) == (422, "flow_not_runnable")
        assert response.json()["missingNodeKinds"] == ["browserAgentflow"]


def test_a_whole_chatflow_can_be_put_back(owner: Api) -> None:
    """With its graph changed; a member that may not be written has to stand as it is."""
    made = make_chatflow(owner)
    key = bound_key(owner, made)
    whole = owner.get(f"/chatflows/{made['id']}").json()
    assert whole["apikeyid"] == key["id"]
    put = owner.put(f"/chatflows/{made['id']}", json={**whole, "flowData": echo("Now: {{ question }}")})
    assert put.status_code == 200, put.text
    assert put.json()["apiKeyIds"] == [key["id"]]
    for member in ("id", "workspaceId", "createdDate", "runnable", "missingNodeKinds"):
        response = owner.put(f"/chatflows/{made['id']}", json={member: "changed"})
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == member


def test_a_change_of_the_graph_answers_at_once(server: Running, owner: Api) -> None:
    """The next prediction runs the new one."""
    chatflow = make_chatflow(owner)
    caller = server.api(bound_key(owner, chatflow)["apiKey"])
    url = f"/prediction/{chatflow['id']}"
    assert caller.post(url, json={"question": "a"}).json()["text"] == "You said: a"
    owner.put(f"/chatflows/{chatflow['id']}", json={"flowData": echo("Now: {{ question }}")})
    assert caller.post(url, json={"question": "a"}).json()["text"] == "Now: a"


class TestBinding:
    """apikeyid, apiKeyIds and being public."""

    def test_writing_apikeyid_makes_it_the_only_one(self, server: Running, owner: Api) -> None:
        """And null or an empty string unbinds all, which closes."""
        chatflow = make_chatflow(owner)
        one, two = bound_key(owner, chatflow, "one"), bound_key(owner, chatflow, "two")
        url = f"/chatflows/{chatflow['id']}"
        assert owner.get(url).json()["apiKeyIds"] == [one["id"], two["id"]]
        assert owner.put(url, json={"apikeyid": one["id"]}).json()["apiKeyIds"] == [one["id"], two["id"]]
        assert owner.put(url, json={"apikeyid": two["id"]}).json()["apiKeyIds"] == [two["id"]]
        assert _ask(server.api(one["apiKey"]), chatflow) == 403
        assert _ask(server.api(two["apiKey"]), chatflow) == 200
        for nothing in (None, ""):
            owner.put(url, json={"apikeyid": two["id"]})
            assert owner.put(url, json={"apikeyid": nothing}).json()["apiKeyIds"] == []
            assert _ask(server.api(two["apiKey"]), chatflow) == 403
        assert _ask(server.api(), chatflow) == 401

    def test_several_keys_and_several_chatflows(self, server: Running, owner: Api) -> None:
        """Bindings are many to many."""
        first, second = make_chatflow(owner, "first"), make_chatflow(owner, "second")
        keys = [make_key(owner, name) for name in ("a", "b")]
        for chatflow in (first, second):
            put = owner.put(f"/chatflows/{chatflow['id']}", json={"apiKeyIds": [k["id"] for k in keys]})
            assert put.json()["apikeyid"] == keys[0]["id"]
        assert [_ask(server.api(k["apiKey"]), c) for k in keys for c in (first, second)] == [200] * 4
        clash = owner.put(
            f"/chatflows/{first['id']}", json={"apikeyid": keys[1]["id"], "apiKeyIds": [keys[0]["id"], "x"]}
        )
        assert clash.status_code == 422

    def test_binding_ends_being_public(self, server: Running, owner: Api) -> None:
        """In the same transaction, whichever way it is bound."""
        ways = (
            lambda c, k: owner.put(f"/chatflows/{c['id']}", json={"apikeyid": k["id"]}),
            lambda c, k: owner.put(f"/chatflows/{c['id']}", json={"apiKeyIds": [k["id"]], "isPublic": True}),
            lambda c, k: owner.put(f"/apikey/{k['id']}/chatflows", json={"chatflowIds": [c["id"]]}),
            lambda c, k: owner.put(f"/apikey/{k['id']}", json={"chatflowIds": [c["id"]]}),
        )
        for way in ways:
            chatflow, key = make_chatflow(owner, isPublic=True), make_key(owner)
            assert _ask(server.api(), chatflow) == 200
            assert way(chatflow, key).status_code == 200
            assert owner.get(f"/chatflows/{chatflow['id']}").json()["isPublic"] is False
            assert _ask(server.api(), chatflow) == 401
            assert _ask(server.api(key["apiKey"]), chatflow) == 200

    def test_a_revoked_or_foreign_key_cannot_be_bound(self, server: Running, owner: Api) -> None:
        """422 naming the field."""
        chatflow, gone = make_chatflow(owner), make_key(owner)
        owner.delete(f"/apikey/{gone['id']}")
        foreign = server.key("foreign", workspace="binding-elsewhere")
        for key_id in (gone["id"], foreign["id"], "nonsense"):
            put = owner.put(f"/chatflows/{chatflow['id']}", json={"apikeyid": key_id})
            assert put.status_code == 422
            assert put.json()["errors"][0]["field"] == "apikeyid"

    def test_what_cannot_be_enforced_keeps_a_chatflow_from_being_public(self, owner: Api) -> None:
        """It would be more open than its owner believes; the warning says so."""
        limits = json.dumps({"rateLimit": {"status": True, "limitMax": "many", "limitDuration": 60}})
        origins = json.dumps({"allowedOrigins": ["shop.example"]})
        for members in ({"apiConfig": limits}, {"chatbotConfig": origins}):
            chatflow = make_chatflow(owner, **members)
            assert next(iter(members)) in chatflow["warnings"][0]
            put = owner.put(f"/chatflows/{chatflow['id']}", json={"isPublic": True})
            assert put.status_code == 422
            assert put.json()["errors"][0]["field"] == next(iter(members))
            assert (
                owner.post("/chatflows", json={"name": "x", "isPublic": True, **members}).status_code == 422
            )
        public = make_chatflow(owner, isPublic=True)
        assert owner.put(f"/chatflows/{public['id']}", json={"apiConfig": limits}).status_code == 422


def test_deleting_a_chatflow_unbinds_it(server: Running, owner: Api) -> None:
    """Its keys stay and open it no more; its conversations go with it."""
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow)
    caller = server.api(key["apiKey"])
    assert _ask(caller, chatflow) == 200
    assert owner.delete(f"/chatflows/{chatflow['id']}").json() == {"raw": [], "affected": 1}
    assert owner.get(f"/apikey/{key['id']}").json()["chatFlows"] == []
    assert _ask(caller, chatflow) == 403
    for response in (
        owner.get(f"/chatflows/{chatflow['id']}"),
        owner.delete(f"/chatflows/{chatflow['id']}"),
        owner.put(f"/chatflows/{chatflow['id']}", json={"name": "x"}),
        owner.get(f"/chatflows/{chatflow['id']}/messages"),
    ):
        assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.of_one_process("the start of the other one is in the log, too")
def test_every_change_is_in_the_feed_and_in_the_audit_log(own: Running) -> None:
    """Both rows, in the change's own transaction, with who did it, from where and by which request."""
    owner = own.owner()
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow)
    owner.put(f"/apikey/{key['id']}", json={"keyName": "renamed"}, headers={"x-request-id": "request-12345"})
    owner.post(f"/apikey/{key['id']}/disable")
    owner.delete(f"/apikey/{key['id']}")
    owner.put(f"/chatflows/{chatflow['id']}", json={"isPublic": True})
    owner.delete(f"/chatflows/{chatflow['id']}")

    def rows(sql: str) -> list[tuple]:
        return own.do(own.runtime.store.read(lambda tx: tx._connection.raw.execute(sql).fetchall()))

    actions = [a for (a,) in rows("SELECT action FROM audit WHERE action NOT LIKE 'audit.%' ORDER BY seq")]
    assert actions == [
        "workspace.create", "key.create", "chatflow.create", "chatflow.bind", "key.bind", "key.create",
        "key.update", "key.disable", "key.revoke", "chatflow.update", "chatflow.unbind", "key.unbind",
        "chatflow.delete",
    ]  # fmt: skip
    changes = rows("SELECT subject, subject_id, version FROM change ORDER BY seq")
    own_words = [(subject, id_) for subject, id_, version in changes if version]
    assert len(own_words) == len(actions)
    assert {(s, i) for s, i, version in changes if not version} <= set(own_words), "triggers say no more"
    versions = [v for subject, id_, v in changes if id_ == key["id"] and v]
    assert versions == sorted(versions)
    renamed = rows(
        "SELECT actor_type, actor_name, address, request_id, before, after FROM audit"
        " WHERE action = 'key.update'"
    )[0]
    assert renamed[:4] == ("key", "owner", "127.0.0.1", "request-12345")
    assert json.loads(renamed[4])["keyName"] == "caller"
    assert json.loads(renamed[5])["keyName"] == "renamed"
    assert key["apiKey"] not in str(rows("SELECT * FROM audit"))


def test_what_a_chatflow_names_and_the_workspace_does_not_have_is_told(owner: Api) -> None:
    """Documents and other chatflows that an export names are of the server that it comes from."""
    start = json.loads(exported())["nodes"][0]
    name, other = f"Products {uuid.uuid4()}", str(uuid.uuid4())
    stores = {"retrieverKnowledgeDocumentStores": [{"documentStore": f"{uuid.uuid4()}:{name}"}]}
    nodes = [
        start,
        node("retrieverAgentflow_0", "Search", stores),
        node("executeFlowAgentflow_0", "Call", {"executeFlowSelectedFlow": other}),
    ]
    edges = [edge(nodes[0]["id"], nodes[1]["id"], "0"), edge(nodes[1]["id"], nodes[2]["id"], "0")]
    made = make_chatflow(owner, flow_data=json.dumps({"nodes": nodes, "edges": edges}))
    assert made["runnable"]
    documents, chatflow = made["warnings"]
    assert f"{name}, which is not here" in documents
    assert f"{other}, which is not here" in chatflow
    path = f"/chatflows/{made['id']}"
    whole = owner.get(path).json()
    assert whole["warnings"] == made["warnings"]
    assert owner.put(path, json={**whole, "name": "Other"}).status_code == 200
    owner.post("/document-stores", json={"name": name}).raise_for_status()
    assert owner.get(path).json()["warnings"] == [chatflow]
