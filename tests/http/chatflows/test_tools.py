"""Custom tools: made over HTTP in Flowise's shape, approved as other code is."""

import json
import uuid
from collections.abc import Callable

import pytest

from tests.flows.support import chain, node
from tests.support.flows import make_chatflow, make_key
from tests.support.server import Api, Running

SCHEMA = json.dumps([{"property": "a", "description": "first", "type": "number", "required": True}])


@pytest.fixture(scope="module")
def running(serve: Callable[..., Running]) -> Running:
    """A server whose operator allows code."""
    return serve(code_nodes=True)


@pytest.fixture(scope="module")
def boss(running: Running) -> Api:
    """Its owner."""
    return running.owner()


def agent(tool: str) -> str:
    """FlowData of an agent that may call a custom tool."""
    config = {"agentModel": "chatOpenAI", "modelName": "m", "basepath": "https://models.example/v1"}
    row = {"agentSelectedTool": "customTool", "agentSelectedToolConfig": {"selectedTool": tool}}
    inputs = {"agentModel": "chatOpenAI", "agentModelConfig": config, "agentTools": [row]}
    return chain(node("agentAgentflow_0", inputs, "Agent"))


def test_a_tool_is_made_and_changed_in_flowises_shape(boss: Api) -> None:
    """All of it can be put back; what is wrong is named; a tool that is gone is not there."""
    body = {"name": "adder", "description": "adds", "color": "#123456", "iconSrc": None}
    body |= {"schema": SCHEMA, "func": "return $a"}
    made = boss.post("/tools", json=body)
    assert made.status_code == 201, made.text
    tool = made.json()
    assert {name: tool[name] for name in body} == body
    assert set(tool) - set(body) == {"id", "exportId", "createdDate", "updatedDate", "workspaceId"}
    at = f"/tools/{tool['id']}"
    assert boss.put(at, json=tool).json() == tool
    assert boss.put(at, json={"description": "adds two"}).json()["description"] == "adds two"
    assert tool["id"] in [each["id"] for each in boss.get("/tools").json()]
    for field, wrong in (("name", " "), ("schema", "{}"), ("func", "x" * 200_001)):
        refused = boss.put(at, json={field: wrong})
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert boss.delete(at).status_code == 200
    assert boss.get(at).status_code == 404


def test_a_chatflow_follows_its_tools(boss: Api) -> None:
    """Its tools' code is shown and approved with it, not by sending it; their changes are seen at once."""
    missing = make_chatflow(boss, flow_data=agent("00000000-0000-4000-8000-000000000000"))
    assert "there is no custom tool" in " ".join(missing["problems"])
    tool = boss.post("/tools?approve=false", json={"name": "adder", "func": "return 'tool 1'"}).json()
    flow = make_chatflow(boss, flow_data=agent(tool["id"]))
    at = f"/chatflows/{flow['id']}"
    assert "the code of the tool adder is not approved" in " ".join(flow["problems"])
    assert not boss.put(at, json={"flowData": flow["flowData"]}).json()["runnable"]
    (piece,) = boss.get(f"{at}/code").json()
    assert (piece["label"], piece["code"], piece["approved"]) == ("Agent: adder", "return 'tool 1'", False)
    assert boss.post(f"{at}/code/approve", json={}).json()[0]["approved"]
    assert boss.get(at).json()["runnable"]
    boss.put(f"/tools/{tool['id']}?approve=false", json={"func": "return 'tool 2'"})
    assert "the code of the tool adder is not approved" in " ".join(boss.get(at).json()["problems"])
    changed = boss.get(f"/tools/{tool['id']}").json()
    boss.put(f"/tools/{tool['id']}", json={**changed, "name": "put back unread"})
    assert not boss.get(at).json()["runnable"]
    boss.put(f"/tools/{tool['id']}", json={"func": "return 'tool 3'"})
    assert boss.get(at).json()["runnable"]
    boss.delete(f"/tools/{tool['id']}")
    assert "there is no custom tool" in " ".join(boss.get(at).json()["problems"])


def test_who_lacks_everything_approves_nothing(running: Running, boss: Api) -> None:
    """Given `tools:create` alone, a tool is made whose code nobody approved."""
    key = make_key(boss, "maker", permissions=["tools:view", "tools:create"])
    tool = running.api(key["apiKey"]).post("/tools", json={"name": "theirs", "func": "return 't'"}).json()
    flow = boss.post("/chatflows?approve=false", json={"name": "x", "flowData": agent(tool["id"])}).json()
    assert "not approved" in " ".join(flow["problems"])


def test_a_tool_goes_by_the_id_that_exports_name_it_by(running: Running, boss: Api) -> None:
    """Chatflows that lack it find it; no two tools of a workspace have the same, in others they may."""
    theirs = str(uuid.uuid4())
    flow = make_chatflow(boss, flow_data=agent(theirs))
    assert f"there is no custom tool {theirs!r}: import it" in " ".join(flow["problems"])
    tool = boss.post("/tools", json={"name": "sums", "func": "return 's'", "exportId": theirs}).json()
    assert boss.get(f"/chatflows/{flow['id']}").json()["runnable"]
    other = {"name": "other", "exportId": theirs}
    refused = boss.post("/tools", json=other)
    assert refused.json()["errors"] == [
        {"field": "exportId", "message": "The tool 'sums' goes by this id already."}
    ]
    assert boss.post("/tools", json={**other, "exportId": tool["id"]}).status_code == 422
    assert running.owner("elsewhere").post("/tools", json=other).status_code == 201
    changed = boss.put(f"/tools/{tool['id']}", json={"exportId": ""}).json()
    assert changed["exportId"] is None
    assert not boss.get(f"/chatflows/{flow['id']}").json()["runnable"]
    assert boss.put(f"/tools/{tool['id']}", json={"exportId": "a b"}).status_code == 422


def test_tools_of_an_export_are_imported_together_and_approved_by_nobody(boss: Api) -> None:
    """Those that are there stay; one that is another there refuses all of them."""
    one, two = (str(uuid.uuid4()) for _ in range(2))
    tools = [{"name": "one", "func": f"return '{one}'", "schema": SCHEMA, "exportId": one}]
    made = boss.post("/tools/import", json={"tools": tools}).json()
    flow = make_chatflow(boss, flow_data=agent(one))
    assert "the code of the tool one is not approved" in " ".join(flow["problems"])
    tools.append({"name": "two", "func": "", "exportId": two})
    again = boss.post("/tools/import", json={"tools": tools}).json()
    assert again[0] == made[0]
    assert [tool["exportId"] for tool in again] == [one, two]
    before = boss.get("/tools").json()
    tools[0] = {**tools[0], "func": "return 'other'"}
    new = {"name": "new", "exportId": str(uuid.uuid4())}
    for wrong, why in ((tools[0], "is another one here"), ({"name": " "}, "cannot be made: name: Give")):
        refused = boss.post("/tools/import", json={"tools": [new, wrong]})
        assert refused.status_code == 422
        assert why in refused.json()["errors"][0]["message"]
    assert boss.get("/tools").json() == before
