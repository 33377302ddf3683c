"""Structured output: what the model is asked for, and what of its answer is taken."""

import json

import pytest

from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows.settings import FlowSettings
from tests.flows.support import call, chain, node, run

FORM = [
    {"key": "name", "type": "string", "description": "a name"},
    {"key": "tags", "type": "stringArray", "description": ""},
    {"key": "size", "type": "number"},
    {"key": "kind", "type": "enum", "enumValues": "a, b"},
    {"key": "rows", "type": "jsonArray", "jsonSchema": '{"v": {"type": "string", "optional": true}, "n": 1}'},
]
GOOD = {"rows": [{"n": 2, "more": 1}], "name": "Zoë", "tags": ["x"], "size": 3.0, "kind": "b", "more": 1}


def asking(model, **inputs):
    """An LLM node that wants a form, and a reply that reads it."""
    config = {"modelName": "tooled", "basepath": model.url}
    asked = {"llmModel": "chatOpenAI", "llmModelConfig": config, "llmEnableMemory": False, **inputs}
    reply = {"directReplyMessage": "{{ llmAgentflow_0.output.rows.0.n }} {{ $flow.state.who }}"}
    return chain(
        node("llmAgentflow_0", {"llmStructuredOutput": FORM, **asked}, "LLM 0"),
        node("directReplyAgentflow_0", reply),
    )


def listed(model):
    """Settings that allow the server of the test."""
    return FlowSettings(allowed_endpoints=(model.url,))


async def test_the_model_has_to_call_a_function_and_its_members_are_the_output(model):
    """Members are in the form's order, those that it does not have are left out, and nodes can read them."""
    kept = {"who": "{{ output.name }}", "rows": "{{output.rows}}", "none": "{{ output.none }}"}
    updates = [{"key": key, "value": value} for key, value in kept.items()]
    data = asking(model, llmUpdateState=updates)
    ran = await run(data, call(f"JSON {json.dumps(GOOD).replace(' ', '')}"), settings=listed(model))
    output = ran.result.executed[1]["data"]["output"]
    del output["timeMetadata"]
    content = output.pop("content")
    assert output == {
        "name": "Zoë", "tags": ["x"], "size": 3, "kind": "b", "rows": [{"n": 2}],
    }  # fmt: skip
    assert content == json.dumps(output, indent=2, ensure_ascii=False)
    assert ran.result.text == "2 Zoë"
    state = {"who": "Zoë", "rows": [{"n": 2}], "none": "{{ output.none }}"}
    assert ran.result.executed[1]["data"]["state"] == state, "members stay what they are"
    sent = model.received[0].body
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "extract"}}
    assert sent["stream"] is False
    parameters = sent["tools"][0]["function"]["parameters"]
    assert parameters["required"] == ["name", "tags", "size", "kind", "rows"]
    assert parameters["properties"]["rows"]["items"] == {
        "type": "object",
        "properties": {"v": {"type": "string"}, "n": {"type": "number"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    assert parameters["properties"]["kind"] == {"type": "string", "enum": ["a", "b"]}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": 5}, "name has to be a text, and is a number"),
        ({"size": "3"}, "size has to be a number, and is a text"),
        ({"size": True}, "size has to be a number, and is true or false"),
        ({"tags": ["x", 1]}, r"tags\[1\] has to be a text"),
        ({"kind": "z"}, "kind has to be one of a, b"),
        ({"rows": [{}]}, r"rows\[0\].n is missing"),
    ],
)
async def test_what_does_not_fit_is_a_failure_that_says_where(model, change, fault):
    """No text is taken for a number, and nothing is left out."""
    given = json.dumps({**GOOD, **change}).replace(" ", "")
    with pytest.raises(UpstreamFailed, match=fault):
        await run(asking(model), call(f"JSON {given}"), settings=listed(model))


async def test_what_is_no_json_is_a_failure(model):
    """The arguments broke off, say."""
    with pytest.raises(UpstreamFailed, match="not in the form that was asked for: it is not JSON"):
        await run(asking(model), call('JSON {"name":'), settings=listed(model))
