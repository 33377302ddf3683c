"""Start → Direct Reply as a real Flowise 3.1.4 exported it runs unchanged and answers as there."""

import pytest

from flowkeys.domain.chatflows.chatflow import ChatflowType
from tests.flows.support import DATA, call, chatflow, engine, run

ECHO = (DATA / "echo.json").read_text()
START = {
    "nodeId": "startAgentflow_0",
    "nodeLabel": "Start",
    "data": {
        "id": "startAgentflow_0",
        "name": "startAgentflow",
        "input": {"question": "Hello"},
        "output": {"question": "Hello"},
        "state": {},
    },
    "previousNodeIds": [],
    "status": "FINISHED",
}
REPLY = {
    "nodeId": "directReplyAgentflow_0",
    "nodeLabel": "Direct Reply 0",
    "data": {
        "id": "directReplyAgentflow_0",
        "name": "directReplyAgentflow",
        "input": {},
        "output": {"content": "You said: Hello"},
        "state": {},
    },
    "previousNodeIds": ["startAgentflow_0"],
    "status": "FINISHED",
}


def progress(entry: dict, status: str) -> tuple[str, dict]:
    """Return the event that says how far a node is."""
    data = {"nodeId": entry["nodeId"], "nodeLabel": entry["nodeLabel"], "status": status}
    return ("nextAgentFlow", data)


@pytest.mark.parametrize("kind", [ChatflowType.AGENTFLOW, ChatflowType.MULTIAGENT])
async def test_an_agentflow_shows_its_nodes_as_flowise_does(kind):
    """The events of an agentflow come in Flowise's order with Flowise's members."""
    ran = await run(chatflow(ECHO, type=kind))
    assert [(event.name, event.data) for event in ran.events] == [
        ("agentFlowEvent", "INPROGRESS"),
        progress(START, "INPROGRESS"),
        progress(START, "FINISHED"),
        ("agentFlowExecutedData", [START]),
        progress(REPLY, "INPROGRESS"),
        ("token", "You said: Hello"),
        progress(REPLY, "FINISHED"),
        ("agentFlowExecutedData", [START, REPLY]),
        ("agentFlowEvent", "FINISHED"),
    ]
    assert ran.result.text == "You said: Hello"
    assert ran.result.executed == [START, REPLY]
    assert ran.result.source_documents == []
    assert ran.result.used_tools == []


@pytest.mark.parametrize("kind", [ChatflowType.CHATFLOW, ChatflowType.ASSISTANT])
async def test_a_chatflow_shows_only_its_answer(kind):
    """A stream of a chatflow has tokens, and no events of nodes."""
    ran = await run(chatflow(ECHO, type=kind))
    assert [(event.name, event.data) for event in ran.events] == [("token", "You said: Hello")]
    assert ran.result.executed == []


def test_an_export_can_run():
    """The check of an export finds nothing to say."""
    check = engine().check(chatflow(ECHO))
    assert (check.runnable, check.missing_kinds, check.problems) == (True, (), ())


async def test_two_runs_of_one_compiled_flow_share_nothing():
    """What one call asked is nowhere in the answer to another, although the flow is compiled once."""
    made = engine()
    seen = []

    async def emit(event):
        seen.append(event)

    flow = chatflow(ECHO)
    first = await made.compile(flow).run(call("one"), emit)
    second = await made.compile(flow).run(call("two"), emit)
    assert first.text == "You said: one"
    assert second.text == "You said: two"
    assert "one" not in str(second.executed)
