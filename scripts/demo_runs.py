"""Runs for the screenshots: some that wait for a person, one that was answered, one that failed."""

import json
from typing import Any

from flowkeys import bootstrap
from flowkeys.domain.chatflows.chatflow import ChatflowType
from flowkeys.domain.errors import UpstreamFailed
from flowkeys.domain.predictions.execution import ExecutionQuery
from flowkeys.domain.principal import Caller
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.ports.flows import HumanAnswer
from flowkeys.service.predictions.executions import Answered
from flowkeys.service.predictions.grants import Grant
from flowkeys.service.predictions.input import read_prediction
from scripts.demo_shown import Shown

ASKED = (
    "Refund order 4711: the customer says that the lamp arrived broken",
    "Send the newsletter of December to 12,400 people",
    "Close the account of a customer who asked for it twice",
)
RUNS = (
    Shown("runs", "/executions", "executions/list.html"),
    Shown("runs-waiting", "/executions?state=STOPPED", "executions/list.html"),
    Shown("runs-of-chatflow", "/executions?chatflow={chatflow_approval}", "executions/list.html"),
    Shown("runs-empty", "/executions", "executions/list.html", role="newcomer"),
    Shown("run-waiting", "/executions/{run_waiting}", "executions/view.html"),
    Shown("run-viewer", "/executions/{run_waiting}", "executions/view.html", role="viewer"),
    Shown("run-done", "/executions/{run_done}", "executions/view.html"),
    Shown("run-failed", "/executions/{run_failed}", "executions/view.html"),
)


async def fill_runs(runtime: bootstrap.Runtime, owner: Caller) -> dict[str, str]:
    """Make an agentflow that asks a person, and runs of it; return their ids."""
    flow = await _make(runtime, owner, "Approve requests", _approval())
    runs = [await _ask(runtime, flow, question) for question in ASKED]
    answer = HumanAnswer({"type": "proceed", "feedback": "Fine, but tell the warehouse."})
    answered = await runtime.executions.resume(owner, runs[0], answer)
    assert isinstance(answered, Answered)
    await answered.run.execute()
    failing = await _make(runtime, owner, "Ask a model that is away", _failing())
    failed = await _ask(runtime, failing, "Is anybody there?")
    ids = {"run_done": runs[0], "run_waiting": runs[1], "run_failed": failed}
    return {**ids, "chatflow_approval": flow}


async def _make(runtime: bootstrap.Runtime, owner: Caller, name: str, flow: str) -> str:
    patch = ChatflowPatch(name=name, flow_data=flow, type=ChatflowType.AGENTFLOW)
    return (await runtime.chatflows.create(owner, patch)).chatflow.id


async def _ask(runtime: bootstrap.Runtime, chatflow_id: str, question: str) -> str:
    access = await runtime.directory.access(chatflow_id)
    assert access is not None
    run = await runtime.predictor.open(Grant(access, None), read_prediction({"question": question}))
    try:
        return str((await run.execute()).execution_id)
    except UpstreamFailed:
        query = ExecutionQuery(
            workspace_id=access.workspace_id, chatflow_id=chatflow_id, now=bootstrap.clock(), limit=1
        )
        return (await runtime.store.read(lambda tx: tx.executions.page(query))).items[0].id


def _node(node_id: str, label: str, x: int, **inputs: Any) -> dict[str, Any]:
    data = {"id": node_id, "name": node_id.rpartition("_")[0], "label": label, "inputs": inputs}
    return {"id": node_id, "type": "agentFlow", "position": {"x": x, "y": 0}, "data": data}


def _edge(source: str, target: str, output: str) -> dict[str, str]:
    handle = f"{source}-output-{output}"
    return {"id": f"{source}-{target}", "source": source, "sourceHandle": handle, "target": target}


def _approval() -> str:
    start = _node("startAgentflow_0", "Start", 0, startInputType="chatInput")
    asks = {"humanInputDescriptionType": "fixed", "humanInputEnableFeedback": True}
    words = "Somebody asks: {{ question }}. Shall it be done?"
    human = _node("humanInputAgentflow_0", "Ask the team lead", 300, humanInputDescription=words, **asks)
    done = _node(
        "directReplyAgentflow_0", "Done", 600, directReplyMessage="Done. {{ humanInputAgentflow_0 }}"
    )
    refused = _node("directReplyAgentflow_1", "Refused", 600, directReplyMessage="It was refused.")
    refused["position"]["y"] = 150
    edges = [
        _edge(start["id"], human["id"], "start"),
        _edge(human["id"], done["id"], "0"),
        _edge(human["id"], refused["id"], "1"),
    ]
    return json.dumps({"nodes": [start, human, done, refused], "edges": edges})


def _failing() -> str:
    start = _node("startAgentflow_0", "Start", 0, startInputType="chatInput")
    config = {"modelName": "small", "basepath": "http://127.0.0.1:9/v1", "llmModel": "chatOpenAI"}
    model = _node("llmAgentflow_0", "Model", 300, llmModel="chatOpenAI", llmModelConfig=config)
    edges = [_edge(start["id"], model["id"], "start")]
    return json.dumps({"nodes": [start, model], "edges": edges})
