"""Code of chatflows runs when the operator allows it and somebody who may do everything approved it."""

import json
from collections.abc import Callable
from hashlib import sha256

import pytest

from tests.support.flows import bound_key, coding, events, exported, make_chatflow, make_key, unknown
from tests.support.server import Api, Running


@pytest.fixture(scope="module")
def running(serve: Callable[..., Running]) -> Running:
    """A server whose operator allows code."""
    return serve(code_nodes=True, code_seconds=1.0)


@pytest.fixture(scope="module")
def boss(running: Running) -> Api:
    """Its owner."""
    return running.owner()


def answered(running: Running, flow: dict, token: str, **body: object) -> object:
    """Return what a chatflow answers, or the code of its refusal."""
    caller = running.api(token)
    response = caller.post(f"/prediction/{flow['id']}", json={"question": "Q", **body})
    read = response.json()
    return read["text"] if response.status_code == 200 else read["code"]


def test_who_holds_everything_approves_what_they_send_and_a_change_asks_anew(
    running: Running, boss: Api
) -> None:
    """Given code that was sent by others, it runs once it is approved, at the next call; then no longer."""
    lesser = running.api(
        make_key(boss, "lesser", permissions=["chatflows:view", "chatflows:create"])["apiKey"]
    )
    flow = make_chatflow(lesser, flow_data=coding("return 'one'"))
    token = bound_key(boss, flow)["apiKey"]
    assert not flow["runnable"]
    digest = sha256(b"return 'one'").hexdigest()
    assert digest[:12] in " ".join(flow["problems"])
    assert answered(running, flow, token) == "flow_not_runnable"
    at = f"/chatflows/{flow['id']}/code"
    (piece,) = boss.get(at).json()
    assert (piece["digest"], piece["approved"], piece["code"]) == (digest, False, "return 'one'")
    assert lesser.post(f"{at}/approve", json={}).status_code == 403
    assert boss.post(f"{at}/approve", json={"digests": ["0" * 64]}).status_code == 422
    assert answered(running, flow, token) == "flow_not_runnable"
    assert boss.post(f"{at}/approve", json={"digests": [digest]}).json()[0]["approved"]
    assert answered(running, flow, token) == "one"
    assert boss.get(f"/chatflows/{flow['id']}").json()["runnable"]

    changed = boss.put(f"/chatflows/{flow['id']}?approve=false", json={"flowData": coding("return 'two'")})
    assert not changed.json()["runnable"]
    assert answered(running, flow, token) == "flow_not_runnable"
    assert boss.put(f"/chatflows/{flow['id']}", json={"name": "other"}).json()["runnable"] is False
    whole = boss.get(f"/chatflows/{flow['id']}").json()
    assert not boss.put(f"/chatflows/{flow['id']}", json=whole).json()["runnable"]  # put back unread
    assert boss.post(f"{at}/approve", json={}).json()[0]["approved"]
    assert answered(running, flow, token) == "two"
    three = boss.put(f"/chatflows/{flow['id']}", json={"flowData": coding("return 'three'")})
    assert three.json()["runnable"]
    assert answered(running, flow, token) == "three"
    assert boss.post(f"{at}/withdraw", json={}).json()[0]["approved"] is False
    assert answered(running, flow, token) == "flow_not_runnable"
    assert [item["runnable"] for item in boss.get("/chatflows").json() if item["id"] == flow["id"]] == [False]


def test_all_reasons_are_said_at_once(owner: Api, boss: Api) -> None:
    """Not allowed, not approved, a kind that is not there; approved code is refused where none is allowed."""
    graph = json.loads(coding("return 'reasons'"))
    graph["nodes"].append(json.loads(unknown("nosuchAgentflow"))["nodes"][-1])
    made = boss.post("/chatflows?approve=false", json={"name": "r", "flowData": json.dumps(graph)}).json()
    assert made["missingNodeKinds"] == ["nosuchAgentflow"]
    assert "not approved" in " ".join(made["problems"])
    refused = make_chatflow(owner, flow_data=coding("return 'reasons'"))
    assert not refused["runnable"]
    assert "FLOWKEYS_CODE_NODES=true" in " ".join(refused["problems"])
    assert "not approved" not in " ".join(refused["problems"])
    assert make_chatflow(owner, flow_data=exported())["runnable"]


def test_code_that_a_caller_sends_is_not_approved(running: Running, boss: Api) -> None:
    """An override may name the code of a node; it changes nothing, though the owner allowed the override."""
    config = {"overrideConfig": {"status": True, "nodes": {"Code": [_CODE_INPUT]}}}
    flow = make_chatflow(boss, flow_data=coding("return 'mine'"), apiConfig=json.dumps(config))
    token = bound_key(boss, flow)["apiKey"]
    override = {"customFunctionJavascriptFunction": "return 'theirs'"}
    assert answered(running, flow, token, overrideConfig=override) == "mine"
    assert answered(running, flow, token) == "mine"


_CODE_INPUT = {"label": "Code", "name": "customFunctionJavascriptFunction", "type": "code", "enabled": True}


def test_code_sees_its_run_and_nobody_elses(running: Running, boss: Api) -> None:
    """Variables of its call alone; a number is a number, in the stream too; a failure says its words."""
    flow = make_chatflow(
        boss, flow_data=coding("return [$input, $flow.sessionId, Object.keys($flow).join()]")
    )
    token = bound_key(boss, flow)["apiKey"]
    keys = "input,state,chatflowId,sessionId,chatId,rawOutput,chatHistory"
    for question in ("one", "two"):
        said = answered(running, flow, token, question=question, chatId=f"c-{question}")
        assert json.loads(str(said)) == [question, f"c-{question}", keys]
    number = make_chatflow(boss, flow_data=coding("return 7"))
    token = bound_key(boss, number)["apiKey"]
    assert answered(running, number, token) == 7
    streamed = running.api(token).post(
        f"/prediction/{number['id']}", json={"question": "Q", "streaming": True}
    )
    assert [event["data"] for event in events(streamed.text) if event["event"] == "token"] == [7]
    failing = make_chatflow(boss, flow_data=coding("throw new Error('boom')"))
    response = running.api(bound_key(boss, failing)["apiKey"]).post(
        f"/prediction/{failing['id']}", json={"question": "Q"}
    )
    assert "its code failed: Error: boom" in response.json()["detail"]
