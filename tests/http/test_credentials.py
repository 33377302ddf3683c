"""Credentials over HTTP: what they hold goes in, is sent to one base URL, and never comes out."""

import json
from typing import Any

from tests.flows.support import chain, node
from tests.support.flows import bound_key
from tests.support.server import Api, Running
from tests.support.waiting import until

SECRET = "sk-kept-for-nobody-to-see"


def _made(owner: Api, name: str, **members: Any) -> Any:
    body = {"credentialName": "openAIApi", "plainDataObj": {"openAIApiKey": SECRET}, **members}
    return owner.post("/credentials", json={"name": name, **body})


def test_a_credential_is_written_and_never_read(server: Running, owner: Api) -> None:
    """Made, listed, changed, put back whole and deleted; what it holds is in no answer and no row."""
    made = _made(owner, "never read")
    assert made.status_code == 201
    one = made.json()
    assert made.headers["Location"].endswith(one["id"])
    assert one["baseUrl"] == "https://api.openai.com/v1"
    path = f"/credentials/{one['id']}"
    whole = owner.get(path).json()
    assert whole == {**one, "usedBy": []}
    assert owner.put(path, json={**whole, "name": "renamed"}).json()["name"] == "renamed"
    again = _made(owner, "renamed")
    assert again.status_code == 422
    assert again.json()["errors"][0]["field"] == "name"
    assert "renamed" in [each["name"] for each in owner.get("/credentials").json()]
    rows = server.shell()
    held = rows.execute("SELECT sealed FROM credential WHERE id = ?", (one["id"],)).fetchone()
    assert SECRET not in held[0]
    rows.close()
    for answer in (owner.get(path), owner.get("/credentials"), owner.get(f"/audit?subject={one['id']}")):
        assert SECRET not in answer.text
    assert owner.delete(path).json() == {"raw": [], "affected": 1}
    assert owner.get(path).status_code == 404


def test_another_base_url_takes_what_it_holds(owner: Api) -> None:
    """Who may change a credential and does not know it cannot have it sent elsewhere."""
    one = _made(owner, "moved").json()
    path = f"/credentials/{one['id']}"
    moved = owner.put(path, json={"baseUrl": "https://models.example.com/v1"}).json()
    assert moved["problem"] == "what it holds has to be given anew"
    given = owner.put(path, json={"plainDataObj": {"openAIApiKey": SECRET}}).json()
    assert given["problem"] is None
    owner.delete(path)


def test_what_is_wrong_is_named(owner: Api) -> None:
    """Each field, and nothing of what was to be secret."""
    for members, field in (
        ({"baseUrl": "http://10.0.0.1/v1"}, "baseUrl"),
        ({"baseUrl": "ftp://example.com"}, "baseUrl"),
        ({"credentialName": "nosuchApi"}, "credentialName"),
        ({"plainDataObj": {}}, "plainDataObj.openAIApiKey"),
        ({"plainDataObj": {"openAIApiKey": SECRET, "other": SECRET}}, "plainDataObj.other"),
        ({"plainDataObj": {"openAIApiKey": [SECRET]}}, "plainDataObj.openAIApiKey"),
        ({"name": "a\nb"}, "name"),
    ):
        refused = _made(owner, **{"name": "wrong", **members})
        assert refused.status_code == 422, members
        assert [error["field"] for error in refused.json()["errors"]] == [field], members
        assert SECRET not in refused.text


def test_a_flow_names_a_credential_of_its_workspace(owner: Api, server: Running) -> None:
    """By name or by id; it can run from when the credential is there until it goes."""
    config = {"modelName": "m", "FLOWISE_CREDENTIAL_ID": "kept here"}
    llm = node("llmAgentflow_0", {"llmModel": "chatOpenAI", "llmModelConfig": config})
    body = {"name": "names one", "type": "AGENTFLOW", "flowData": chain(llm)}
    flow = owner.post("/chatflows", json=body).json()
    path = f"/chatflows/{flow['id']}"
    assert not flow["runnable"]
    one = _made(owner, "kept here").json()
    until(lambda: owner.get(path).json()["runnable"], "every process to have the credential")
    assert owner.get(f"/credentials/{one['id']}").json()["usedBy"] == [
        {"id": flow["id"], "name": "names one"}
    ]
    config["FLOWISE_CREDENTIAL_ID"] = one["id"]
    llm["data"]["inputs"]["llmModelConfig"] = config
    assert owner.put(path, json={"flowData": chain(llm)}).json()["runnable"]
    shadow = {"credentialName": "chatflowApi", "plainDataObj": {"chatflowApiKey": "k"}}
    _made(owner, f"id:{one['id']}", **shadow).raise_for_status()  # no name stands for another's id
    assert owner.get(path).json()["runnable"]
    other = server.owner("credentials elsewhere")
    copied = other.post("/chatflows", json={**body, "flowData": chain(llm)}).json()
    assert not copied["runnable"]
    assert other.get(f"/credentials/{one['id']}").status_code == 404
    owner.delete(f"/credentials/{one['id']}")
    refused = bound_key(owner, flow, "caller of a flow without its credential")
    answer = server.api(refused["apiKey"]).post(f"/prediction/{flow['id']}", json={"question": "Hi"})
    assert answer.status_code == 422
    assert answer.json()["code"] == "flow_not_runnable"
    assert json.dumps(one["id"]).strip('"') in answer.json()["detail"]


def test_an_azure_credential_knows_where_its_instance_is(owner: Api) -> None:
    """Flowise keeps the instance's name; the address follows from it, and what is no name makes none."""
    held = {"azureOpenAIApiKey": SECRET, "azureOpenAIApiInstanceName": "my-instance"}
    made = _made(owner, "azure", credentialName="azureOpenAIApi", plainDataObj=held).json()
    assert made["baseUrl"] == "https://my-instance.openai.azure.com/openai/v1"
    owner.delete(f"/credentials/{made['id']}")
    held["azureOpenAIApiInstanceName"] = "evil.example/x"
    refused = _made(owner, "azure", credentialName="azureOpenAIApi", plainDataObj=held)
    assert [error["field"] for error in refused.json()["errors"]] == ["baseUrl"]
