"""`agentAgentflow`: rounds with tools, knowledge, and what the model is told when a tool fails."""

import pytest

from flowkeys.domain.errors import RunLimitExceeded
from flowkeys.flows.settings import FlowSettings
from flowkeys.service.ports.flows import HumanAnswer, Resumed
from tests.flows.support import Memory, call, chain, hit, node, problems, run

STORE = "6b9f1c1e-0000-4000-8000-000000000001"
CALCULATOR = {"agentSelectedTool": "calculator", "agentSelectedToolConfig": {}}


def agent(model, **inputs):
    """An agent with the model of the test."""
    config = {"modelName": "tooled", "basepath": model.url, "streaming": False}
    members = {"agentModel": "chatOpenAI", "agentModelConfig": config, "agentEnableMemory": False, **inputs}
    return node("agentAgentflow_0", members, "My agent")


def listed(model, **more):
    """Settings that allow the server of the test."""
    return FlowSettings(allowed_endpoints=(model.url,), **more)


async def asked(model, question, data, **more):
    """Run it; return the run and the entry of the agent."""
    ran = await run(data, call(question), settings=listed(model), **more)
    return ran, next(e["data"] for e in ran.result.executed if e["data"]["name"] == "agentAgentflow")


async def test_several_rounds_and_several_tools_at_once(model):
    """Each answer of a tool goes back in its order, named; what was used is added up as Flowise does."""
    data = chain(agent(model, agentTools=[CALCULATOR]))
    question = (
        'CALL calculator {"input":"1+1"} CALL calculator {"input":"2*3"} THEN CALL calculator {"input":"9"}'
    )
    ran, entry = await asked(model, question, data)
    assert ran.result.text == "tools: 2 | 6 | 9"
    first, second, third = (received.body["messages"] for received in model.received)
    assert [m["role"] for m in third] == ["user", "assistant", "tool", "tool", "assistant", "tool"]
    assert second[2] == {"role": "tool", "content": "2", "name": "calculator", "tool_call_id": "c0"}
    assert second[1]["tool_calls"][1]["function"] == {"name": "calculator", "arguments": '{"input":"2*3"}'}
    assert len(first) == 1
    output = entry["output"]
    assert [used["toolOutput"] for used in output["usedTools"]] == ["2", "6", "9"]
    assert output["usageMetadata"]["tool_call_tokens"] == 5 + 5 + 5 + 5
    assert output["usageMetadata"]["total_tokens"] == 25
    assert output["availableTools"][0]["toolNode"] == {"label": "Calculator", "name": "calculator"}
    assert entry["chatHistory"][-1]["name"] == "my_agent"
    called = [event.data for event in ran.events if event.name == "calledTools"]
    assert [len(calls) for calls in called] == [2, 1]
    assert [event.name for event in ran.events].count("usedTools") == 1


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ('CALL calculator {"input":5}', "did not match expected schema"),
        ("CALL calculator {broken", "did not match expected schema"),
        ('CALL hammer {"a":1}', "There is no tool 'hammer'."),
    ],
)
async def test_a_tool_that_fails_tells_the_model(model, question, told):
    """The model may do better, or say so: the run goes on."""
    ran, entry = await asked(model, question, chain(agent(model, agentTools=[CALCULATOR])))
    assert told in ran.result.text
    assert told in entry["output"]["usedTools"][0]["error"]
    assert model.received[1].body["messages"][-1]["content"] == entry["output"]["usedTools"][0]["error"]


async def test_rounds_without_end_are_ended(model):
    """A model that calls for ever is stopped by the limit on steps."""
    question = " THEN ".join(['CALL calculator {"input":"1"}'] * 30)
    data = chain(agent(model, agentTools=[CALCULATOR]))
    with pytest.raises(RunLimitExceeded):
        await run(data, call(question), settings=listed(model, run_steps=9))
    assert len(model.received) == 8


async def test_an_agent_searches_collections(model):
    """Each is a tool by its name; what was found is shown where the node says so."""
    store = {
        "documentStore": f"{STORE}:My Docs!",
        "docStoreDescription": "facts",
        "returnSourceDocuments": True,
    }
    memory = Memory({("ws", STORE): [hit("a.md", "Keys are hashed."), hit("b.md", "Keys rotate.")]})
    data = chain(agent(model, agentKnowledgeDocumentStores=[store]))
    ran, entry = await asked(model, 'CALL my_docs {"input":"keys"}', data, retriever=memory)
    assert ran.result.text == "tools: Keys are hashed.\n\nKeys rotate."
    tool = model.received[0].body["tools"][0]["function"]
    assert (tool["name"], tool["description"]) == ("my_docs", "facts")
    assert [d["pageContent"] for d in entry["output"]["sourceDocuments"]] == [
        "Keys are hashed.",
        "Keys rotate.",
    ]
    assert "sourceDocuments" in ran.names


async def test_structured_output_is_a_second_call_and_fenced(model):
    """The answer is converted; the text is fenced, the members are bare."""
    data = chain(
        agent(
            model,
            agentModelConfig={"modelName": "echoed", "basepath": model.url},
            agentStructuredOutput=[{"key": "a", "type": "number"}],
            agentUpdateState=[{"key": "k", "value": "{{ output.a }}"}],
        )
    )
    ran, entry = await asked(model, 'JSON {"a":7}', data)
    assert ran.result.text == '```json\n{\n  "a": 7\n}\n```'
    assert entry["output"]["a"] == 7
    assert entry["state"] == {"k": 7}
    first, second = (received.body for received in model.received)
    assert "tools" not in first
    wanted = 'Convert the following response to the structured output format: JSON {"a":7}'
    assert second["messages"] == [{"role": "user", "content": wanted}]


def test_what_an_agent_cannot_do_here_is_said():
    """A tool that nobody has, and knowledge that is not of this server."""
    url = "http://127.0.0.1:1/v1"
    members = {
        "agentModel": "chatOpenAI",
        "agentModelConfig": {"modelName": "m", "basepath": url},
        "agentTools": [{"agentSelectedTool": "hammer"}],
        "agentKnowledgeVSEmbeddings": [{"vectorStore": "pinecone"}],
    }
    said = problems(chain(node("agentAgentflow_0", members)), FlowSettings(allowed_endpoints=(url,)))
    assert "has no tool 'hammer'" in said
    assert "a vector store that the flow names cannot be used here" in said


async def test_a_tool_that_a_person_has_to_allow_waits_and_goes_on(model):
    """Approved: the tool is called, and no other. Rejected: the model is asked without tools."""
    careful = {**CALCULATOR, "agentSelectedToolRequiresHumanInput": True}
    data = chain(agent(model, agentTools=[careful]))
    question = 'CALL calculator {"input":"1+1"} CALL calculator {"input":"2+2"}'
    ran, entry = await asked(model, question, data)
    stopped = ran.result.stopped
    assert stopped is not None
    assert ran.result.text.startswith("\nAttempting to use tool:\n```json\n{")
    assert ran.result.executed[-1]["status"] == "STOPPED"
    assert entry["output"]["isWaitingForHumanInput"] is True
    assert "usedTools" not in entry["output"]
    assert entry["output"]["usageMetadata"] == {
        "input_tokens": 3, "output_tokens": 2, "total_tokens": 10, "tool_call_tokens": 5,
        "input_token_details": {}, "output_token_details": {},
    }  # fmt: skip

    def on(kind, saved):
        answer = HumanAnswer({"type": kind, "startNodeId": "agentAgentflow_0"})
        return call("", history=[], resumed=Resumed(saved, answer))

    again = await run(data, on("proceed", stopped.saved), settings=listed(model))
    assert again.result.stopped is not None, "each call is allowed by itself"
    assert "2+2" in again.result.text
    ended = await run(data, on("proceed", again.result.stopped.saved), settings=listed(model))
    assert ended.result.text == "tools: 2 | 4"
    assert len(model.received) == 2
    assert ended.result.executed[-1]["data"]["input"]["humanInput"]["type"] == "proceed"

    refused = await run(data, on("reject", stopped.saved), settings=listed(model))
    assert refused.result.text == "tools: "
    assert "tools" not in model.received[-1].body
    assert [m["role"] for m in model.received[-1].body["messages"]] == ["user"]
