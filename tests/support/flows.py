"""Chatflows for tests."""

import json
import sqlite3
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data"
OTHERS = "1f6d0c1e-credential-of-another-server"
MODEL_NODES = ("llmAgentflow_0", "llmAgentflow_1")
"""The ids of the first nodes of `with_models`."""
FLOWISE = DATA / "flowise-3.1.4.sqlite"


@cache
def exported(name: str = "Echo (protected)") -> str:
    """Return the flowData that a real Flowise 3.1.4 stored for one of its chatflows."""
    connection = sqlite3.connect(f"{FLOWISE.as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        row = connection.execute("SELECT flowData FROM chat_flow WHERE name = ?", (name,)).fetchone()
    finally:
        connection.close()
    text: str = row[0]
    return text


def echo(message: str = "You said: {{ question }}") -> str:
    """Return the exported Start → Direct Reply with another message."""
    return with_reply(exported(), message)


def with_reply(flow_data: str, message: str) -> str:
    """Return a chatflow whose last node replies with another message."""
    flow = json.loads(flow_data)
    flow["nodes"][-1]["data"]["inputs"]["directReplyMessage"] = message
    return json.dumps(flow)


def coding(code: str) -> str:
    """Return flowData of a custom function that runs code, and nothing behind it."""
    nodes = [
        {"id": f"{kind}_0", "data": {"id": f"{kind}_0", "label": label, "name": kind, "inputs": inputs}}
        for kind, label, inputs in (
            ("startAgentflow", "Start", {"startInputType": "chatInput"}),
            ("customFunctionAgentflow", "Code", {"customFunctionJavascriptFunction": code}),
        )
    ]
    edge = {
        "source": nodes[0]["id"],
        "target": nodes[1]["id"],
        "sourceHandle": "startAgentflow_0-output-start",
    }
    return json.dumps({"nodes": nodes, "edges": [edge]})


def unknown(kind: str = "browserAgentflow") -> str:
    """Return a chatflow with a node kind that this server does not have."""
    flow = json.loads(exported())
    flow["nodes"][1]["data"]["name"] = kind
    return json.dumps(flow)


def with_models(*labels: str, foreign: str = "FLOWISE_CREDENTIAL_ID") -> str:
    """Return an export whose models name a credential of the server that it comes from."""
    graph = json.loads(exported())
    start = graph["nodes"][0]
    nodes = [start]
    for number, label in enumerate(labels):
        inputs = {"llmModel": "chatOpenAI", "llmModelConfig": {"modelName": "m", foreign: OTHERS}}
        data = {"id": f"llmAgentflow_{number}", "name": "llmAgentflow", "label": label, "inputs": inputs}
        nodes.append({"id": data["id"], "type": "agentFlow", "data": data})
    edges = [{"id": n["id"], "source": start["id"], "target": n["id"]} for n in nodes[1:]]
    return json.dumps({"nodes": nodes, "edges": edges}, indent=1)


def make_chatflow(api: Any, name: str = "Echo", flow_data: str | None = None, **members: Any) -> dict:
    """Store a chatflow over HTTP."""
    body = {"name": name, "flowData": flow_data or exported(), "type": "AGENTFLOW", **members}
    response = api.post("/chatflows", json=body)
    assert response.status_code == 201, response.text
    made: dict = response.json()
    return made


def make_key(api: Any, name: str = "caller", **members: Any) -> dict:
    """Make a key over HTTP."""
    response = api.post("/apikey", json={"keyName": name, **members})
    assert response.status_code == 201, response.text
    made: dict = response.json()
    return made


def make_customer(api: Any, name: str = "customer", **members: Any) -> dict:
    """Make a customer over HTTP."""
    response = api.post("/customers", json={"name": name, **members})
    assert response.status_code == 201, response.text
    made: dict = response.json()
    return made


def bound_key(api: Any, chatflow: dict, name: str = "caller", **members: Any) -> dict:
    """Make a key over HTTP that opens a chatflow."""
    return make_key(api, name, chatflowIds=[chatflow["id"]], **members)


def events(text: str) -> list[dict]:
    """Return the events of a stream's text, and check each record's form on the way."""
    found = []
    for record in text.split("\n\n"):
        if not record or record.startswith(":"):
            continue
        first, second = record.split("\n")
        assert first == "message:"
        assert second.startswith("data:")
        found.append(json.loads(second.removeprefix("data:")))
    return found


DONE = "done: {{ humanInputAgentflow_0 }} {{ $flow.state.k }}"


def approval(*, feedback: bool = True, proceed: str = DONE) -> str:
    """Return Start → Human Input → one reply to each answer."""
    start = json.loads(exported())["nodes"][0]
    start["data"]["inputs"]["startState"] = [{"key": "k", "value": "K"}]
    asked = {
        "humanInputDescriptionType": "fixed",
        "humanInputDescription": "Go on with {{ question }}?",
        "humanInputEnableFeedback": feedback,
    }
    human = node("humanInputAgentflow_0", "Approval", asked)
    replies = (proceed, "refused")
    said = [
        node(f"directReplyAgentflow_{number}", f"Reply {number}", {"directReplyMessage": text})
        for number, text in enumerate(replies)
    ]
    edges = [edge(start["id"], human["id"], "start")]
    edges += [edge(human["id"], reply["id"], str(number)) for number, reply in enumerate(said)]
    return json.dumps({"nodes": [start, human, *said], "edges": edges})


def node(node_id: str, label: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return a node."""
    data = {"id": node_id, "name": node_id.rpartition("_")[0], "label": label, "inputs": inputs}
    return {"id": node_id, "type": "agentFlow", "data": data}


def edge(source: str, target: str, output: str) -> dict[str, Any]:
    """Return a connection from an output of a node."""
    handle = f"{source}-output-{output}"
    return {"id": f"{source}-{target}", "source": source, "sourceHandle": handle, "target": target}


def make_waiting(owner: Any, flow: str | None = None, **members: Any) -> tuple[dict, str]:
    """Return a chatflow that waits for a person, and the token of a key that opens it."""
    chatflow = make_chatflow(owner, "Approvals", flow or approval(), executedData="full", **members)
    return chatflow, bound_key(owner, chatflow)["apiKey"]


PROCEED = {"type": "proceed", "startNodeId": "humanInputAgentflow_0"}
