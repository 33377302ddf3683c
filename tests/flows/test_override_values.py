"""Whatever value a caller sends for an enabled input: it is taken as a stored one would be, or refused."""

from collections import Counter
from itertools import pairwise

import msgspec
import pytest

from flowkeys.domain.chatflows.chatflow import ChatflowType
from flowkeys.domain.chatflows.code import Brought, digest_of
from flowkeys.domain.errors import InvalidInput
from flowkeys.flows.settings import FlowSettings
from tests.flows.support import Memory, call, chain, chatflow, edge, engine, flow_data, hit, node, run
from tests.flows.test_overrides import config
from tests.support.sweeps import share

STATE = chain(node("directReplyAgentflow_0", {"directReplyMessage": "{{ $flow.state.a }}"}))
START = config({"startAgentflow_0": ["startState", "startEphemeralMemory", "formInputTypes"]})
ROWS = [{"key": "a", "value": "{{ question }}"}]


async def state(value):
    """Run with an overridden state, and return what the state came to."""
    flow = chatflow(STATE, api_config=START)
    return (await run(flow, call("hi", overrides={"startState": value}))).result.text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (ROWS, "{{ question }}"),
        (msgspec.json.encode(ROWS).decode(), "{{ question }}"),
        ({"startAgentflow_0": ROWS}, "{{ question }}"),
        ({"startAgentflow_0": msgspec.json.encode(ROWS).decode()}, "{{ question }}"),
        ([{"key": "a", "value": {"b": "{{ question }}"}}], '{"b":"{{ question }}"}'),
        ('[{"key": "a", "value": 5}]', "5"),
        ("[]", "{{ $flow.state.a }}"),
        ([], "{{ $flow.state.a }}"),
        ("", "{{ $flow.state.a }}"),
        (None, "{{ $flow.state.a }}"),
    ],
)
async def test_a_list_is_taken_as_it_would_be_stored(value, text):
    """As a list or as a text of one, and nothing in it is a template."""
    assert await state(value) == text


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("text", "startState is not a list"),
        ('"text"', "startState is not a list of objects"),
        ("[1]", "startState is not a list of objects"),
        ("[", "startState is not a list"),
        ("5", "startState is not a list of objects"),
        (5, "startState is not a list of objects"),
        (False, "startState is not a list of objects"),
        ({}, "startState is not a list of objects"),
        ({"key": "a"}, "startState is not a list of objects"),
        (["a"], "startState is not a list of objects"),
        ([{}], "entry 1 of startState has no key."),
        ([*ROWS, {"value": "b"}], "entry 2 of startState has no key."),
    ],
)
async def test_what_is_no_list_is_the_callers_mistake(value, problem):
    """It is refused with what is wrong with it."""
    with pytest.raises(InvalidInput) as caught:
        await state(value)
    assert [error.field for error in caught.value.errors] == ["overrideConfig"]
    assert problem in str(caught.value)


CODE = "return $a"


@pytest.mark.parametrize(
    ("kind", "stored", "sent", "said"),
    [
        (
            "toolAgentflow_0",
            {"toolAgentflowSelectedTool": "calculator"},
            {"toolInputArgs": [{"inputArgName": "input", "inputArgValue": "1 + 1"}]},
            "2",
        ),
        (
            "customFunctionAgentflow_0",
            {"customFunctionJavascriptFunction": CODE},
            {"customFunctionInputVariables": [{"variableName": "a", "variableValue": "{{ question }}"}]},
            "{{ question }}",
        ),
        ("iterationAgentflow_0", {}, {"iterationInput": ["{{ question }}"]}, " "),
        ("loopAgentflow_0", {}, {"loopBackToNode": "nosuch"}, "Loop back to undefined (nosuch)"),
    ],
)
async def test_what_a_caller_sent_is_shown_as_it_was_sent(kind, stored, sent, said):
    """Among what the node was given."""
    ((name, value),) = sent.items()
    brought = Brought(frozenset({digest_of(CODE)}))
    flow = chatflow(chain(node(kind, stored)), api_config=config({kind: [name]}), brought=brought)
    ran = await run(flow, call("hi", overrides=sent), settings=FlowSettings(code_nodes=True))
    assert ran.result.text == said
    shown = msgspec.json.decode(msgspec.json.encode(ran.result.executed))[1]["data"]["input"]
    assert shown[{"loopBackToNode": "nodeID"}.get(name, name.replace("customFunctionI", "i"))] == value


SYSTEM = {"role": "system", "content": "be {{ question }}"}


async def asked(model, sent, names=("llmMessages", "llmEnableMemory", "stopSequence"), **inputs):
    """Run a flow with a model, and return the messages that it was sent."""
    chosen = {"modelName": "echo", "basepath": model.url}
    inputs = {"llmModel": "chatOpenAI", "llmModelConfig": chosen, **inputs}
    flow = chatflow(chain(node("llmAgentflow_0", inputs, "LLM 0")), api_config=config({"LLM 0": list(names)}))
    settings = FlowSettings(allowed_endpoints=(model.url,))
    await run(flow, call("hi", overrides=sent, history=()), settings=settings)
    return [(one["role"], one["content"]) for one in model.received[-1].body["messages"]]


@pytest.mark.parametrize("stored", [{}, {"llmMessages": [{"role": "system", "content": "own"}]}])
@pytest.mark.parametrize("value", [[SYSTEM], msgspec.json.encode([SYSTEM]).decode()])
async def test_messages_are_taken_as_they_would_be_stored(model, value, stored):
    """Of a node that has none of its own too; nothing in them is a template."""
    assert await asked(model, {"llmMessages": value}, **stored) == [
        ("system", "be {{ question }}"),
        ("user", "hi"),
    ]


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        ({"llmMessages": "be kind"}, "llmMessages is not a list."),
        ({"llmMessages": [{"content": "be kind"}]}, "entry 1 of llmMessages has no role."),
        ({"llmMessages": [{"role": "system"}]}, "entry 1 of llmMessages has no content."),
        ({"llmMessages": [SYSTEM, {"text": "x"}]}, "entry 2 of llmMessages has no role and no content."),
        ({"llmMessages": '[{"role": "", "content": "x"}]'}, "entry 1 of llmMessages has no role."),
        ({"llmMessages": [{"role": "king", "content": "x"}]}, "a message has the role 'king'"),
        ({"llmMessages": [{"role": "system", "content": ["x"]}]}, "or is not a text."),
        ({"llmEnableMemory": "perhaps"}, "llmEnableMemory has to be true or false."),
        ({"llmEnableMemory": 2}, "llmEnableMemory has to be true or false."),
        ({"stopSequence": ["a"]}, "stopSequence has to be a text, a number, true or false."),
    ],
)
async def test_messages_that_would_be_lost_are_the_callers_mistake(model, sent, problem):
    """A caller's system message is never left out without a word, and no model is asked."""
    with pytest.raises(InvalidInput) as caught:
        await asked(model, sent)
    assert problem in str(caught.value)
    assert model.received == []


async def test_rows_that_an_editor_left_behind_are_nothing(model):
    """As Flowise has it: in what is stored, an entry without a role or a text is no message."""
    rows = [{"role": "", "content": ""}, {"role": "system", "content": ""}, SYSTEM]
    assert await asked(model, {}, llmMessages=rows) == [("system", "be hi"), ("user", "hi")]


async def test_variables_of_other_kinds_are_their_json():
    """No value is written as Python writes it, and null is as good as not sent."""
    data = chain(
        node("directReplyAgentflow_0", {"directReplyMessage": "{{ $vars.a }} {{ $vars.b }} {{ $vars.c }}"})
    )
    enabled = config(variables=["a", "b", "c"])
    flow = chatflow(data, api_config=enabled, type=ChatflowType.CHATFLOW)  # agentflows take none
    sent = {"vars": {"a": {"x": [True, None]}, "b": None, "c": "text"}}
    settings = FlowSettings(variables={"b": "own"})
    assert (
        await run(flow, call(overrides=sent), settings=settings)
    ).result.text == '{"x":[true,null]} own text'


VALUES = [
    "text", "[]", "{}", "[1]", '[{"role": "user", "content": "x", "key": "k", "value": {"v": "x"}}]', 5,
    -1.5, True, [], {}, [1], ["a"], [{}], [None], {"a": {"b": "c"}},
    [{"role": "user", "content": "x", "key": "k", "value": {"v": "x"}, "name": "n", "type": "string"}],
    [{"type": "string", "operation": "equal", "value1": "a", "value2": "a"}],
    [{"type": "number", "operation": "regex", "value1": ["a"], "value2": {"b": "c"}}],
    [{"name": "n", "label": ["x"], "type": "options", "addOptions": [{"option": "a"}]}],
]  # fmt: skip
NAMES = {
    "startAgentflow_0": ["startInputType", "startState", "startEphemeralMemory", "startPersistState",
                         "formTitle", "formInputTypes"],
    "retrieverAgentflow_0": ["retrieverQuery", "outputFormat", "topK", "retrieverUpdateState"],
    "conditionAgentflow_0": ["conditions"],
    "llmAgentflow_0": ["llmMessages", "llmEnableMemory", "llmMemoryType", "llmMemoryWindowSize",
                       "llmUserMessage", "llmReturnResponseAs", "llmUpdateState", "llmStructuredOutput",
                       "llmTools", "temperature", "maxTokens", "stopSequence",
                       "reasoningEffort", "streaming"],
    "directReplyAgentflow_0": ["directReplyMessage", "directReplyArtifacts"],
}  # fmt: skip


async def test_no_value_is_an_internal_error(model):
    """Each input of each kind, with values of each type: an answer, or a refusal that names the field."""
    rule = [{"type": "string", "operation": "equal", "value1": "a", "value2": "a"}]
    inputs = {"llmModel": "chatOpenAI", "llmModelConfig": {"modelName": "echo", "basepath": model.url}}
    nodes = [
        node("startAgentflow_0", {"startInputType": "chatInput", "startState": ROWS}),
        node("retrieverAgentflow_0", {"retrieverKnowledgeDocumentStores": [{"documentStore": "docs"}]}),
        node("conditionAgentflow_0", {"conditions": rule}),
        node("llmAgentflow_0", inputs),
        node("directReplyAgentflow_0", {"directReplyMessage": "{{ llmAgentflow_0 }}"}),
    ]
    edges = [edge(a["id"], b["id"], 0 if "condition" in a["id"] else None) for a, b in pairwise(nodes)]
    made = engine(
        FlowSettings(allowed_endpoints=(model.url,)), Memory({("ws", "docs"): [hit("a.md", "hi there")]})
    )
    flow = made.compile(chatflow(flow_data(nodes, edges), api_config=config(NAMES)))

    async def emit(event):
        msgspec.json.encode(event)

    outcomes = Counter()
    every = [name for names in NAMES.values() for name in names]
    for name, value in ((name, value) for turn, name in enumerate(every) for value in share(VALUES, turn)):
        given = call("hi", form={"n": "a"}, overrides={name: value}, history=())
        try:
            ran = await flow.run(given, emit)
        except InvalidInput as refused:
            fields = {error.field.partition(".")[0] for error in refused.errors}
            outcomes.update(fields)
        else:
            outcomes["answered"] += len(ran.executed) > 1
    await made.aclose()
    assert set(outcomes) == {"answered", "overrideConfig"}
