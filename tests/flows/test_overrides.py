"""`overrideConfig` changes what the owner enabled, and never where keys go or what code runs."""

import msgspec
import pytest

from flowkeys.domain.chatflows.chatflow import ChatflowType
from flowkeys.domain.errors import InvalidInput
from flowkeys.flows.overrides import read_overrides
from flowkeys.flows.settings import FlowSettings, ModelCredential
from tests.flows.support import call, chain, chatflow, node, run

REPLY = node("directReplyAgentflow_0", {"directReplyMessage": "{{ $vars.tone }} {{ question }}"}, "Reply")
SETTINGS = FlowSettings(variables={"tone": "kind", "other": "other"})


def config(nodes=None, variables=(), *, status=True):
    """What an owner enables in `apiConfig`."""
    enabled = {
        label: [{"name": name, "enabled": True} for name in names] for label, names in (nodes or {}).items()
    }
    section = {
        "status": status,
        "nodes": enabled,
        "variables": [{"name": n, "enabled": True} for n in variables],
    }
    return msgspec.json.encode({"overrideConfig": section}).decode()


async def answer(sent, api_config, data=None, settings=SETTINGS, **members):
    """Ask "hi" with an `overrideConfig`."""
    flow = chatflow(data or chain(REPLY), api_config=api_config, **members)
    return (await run(flow, call("hi", overrides=sent), settings=settings)).result.text


@pytest.mark.parametrize(
    "api_config",
    [
        None, "", "{", "[]", '{"overrideConfig": true}', "[" * 100_000,
        config({"Reply": ["directReplyMessage"]}, ["tone"], status=False),
        config({"Other node": ["directReplyMessage"]}),
        config({"Reply": ["other"]}),
        config({"Reply": ["directReplyMessage"]}, ["tone"]).replace('"enabled":true', '"enabled":false'),
        '{"overrideConfig": {"status": true, "nodes": {"Reply": "directReplyMessage"}, "variables": "tone"}}',
    ],
)  # fmt: skip
async def test_nothing_changes_that_the_owner_did_not_enable(api_config):
    """Unknown, switched off, of another node, unreadable: the flow answers as it is."""
    sent = {"directReplyMessage": "changed", "vars": {"tone": "rude"}}
    assert await answer(sent, api_config) == "kind hi"


@pytest.mark.parametrize("value", ["changed", {"directReplyAgentflow_0": "changed"}])
async def test_an_enabled_input_is_changed_for_this_call_alone(value):
    """By its name, or by the id of the node; the next call has the owner's again."""
    enabled = config({"Reply": ["directReplyMessage"]})
    assert await answer({"directReplyMessage": value}, enabled) == "changed"
    assert await answer({}, enabled) == "kind hi"


async def test_a_value_for_another_node_changes_nothing_here():
    """With ids, only the nodes that are named change."""
    enabled = config({"Reply": ["directReplyMessage"]})
    assert await answer({"directReplyMessage": {"startAgentflow_0": "changed"}}, enabled) == "kind hi"


async def test_enabled_variables_are_changed_and_no_others():
    """`vars` sets what the owner enabled; in an agentflow nothing, as in Flowise."""
    data = chain(node("directReplyAgentflow_0", {"directReplyMessage": "{{ $vars.tone }} {{ $vars.other }}"}))
    sent = {"vars": {"tone": "rude", "other": "changed"}}
    enabled = config(variables=["tone"])
    assert await answer(sent, enabled, data, type=ChatflowType.CHATFLOW) == "rude other"
    assert await answer(sent, enabled, data) == "kind other"


@pytest.mark.parametrize("text", ["{{ $vars.other }}", "<p>{{ $vars.other }}</p>"])
async def test_what_a_caller_sets_is_no_template(text):
    """An enabled text cannot be used to read the operator's variables."""
    assert await answer({"directReplyMessage": text}, config({"Reply": ["directReplyMessage"]})) == text


async def test_the_state_can_be_set_by_a_caller():
    """An enabled state of Start is the caller's, in the entries too, and no template."""
    reply = node("directReplyAgentflow_0", {"directReplyMessage": "{{ $flow.state.a }}"})
    sent = {"startState": [{"key": "a", "value": "{{ question }}"}]}
    enabled = config({"startAgentflow_0": ["startState"]})
    assert await answer(sent, enabled, chain(reply)) == "{{ question }}"


async def test_a_value_that_makes_no_sense_is_the_callers_mistake():
    """It is refused with what is wrong, naming `overrideConfig`."""
    with pytest.raises(InvalidInput) as caught:
        await answer({"directReplyMessage": ["a"]}, config({"Reply": ["directReplyMessage"]}))
    assert [error.field for error in caught.value.errors] == ["overrideConfig"]
    assert "directReplyMessage is not a text" in str(caught.value)


async def test_settings_of_a_model_can_be_enabled(model):
    """A caller may choose the temperature when the owner says so."""
    flow = llm(model)
    settings = FlowSettings(allowed_endpoints=(model.url,))
    await answer({"temperature": 0.1, "topP": 0.5}, config({"LLM 0": ["temperature"]}), flow, settings)
    assert (model.received[0].body["temperature"], "top_p" in model.received[0].body) == (0.1, False)


FORBIDDEN = [
    "credential", "FLOWISE_CREDENTIAL_ID", "basepath", "basePath", "baseURL", "base_url", "baseOptions",
    "proxyUrl", "openAIApiKey", "llmModel", "llmModelConfig", "pythonTarget", "url", "executeFlowBaseURL",
    "executeFlowSelectedFlow", "toolAgentflowSelectedTool", "customFunctionJavascriptFunction",
]  # fmt: skip


@pytest.mark.parametrize("name", FORBIDDEN)
def test_credentials_addresses_and_code_can_never_be_enabled(name):
    """Whatever an owner, or an import, has enabled."""
    assert read_overrides(config({"LLM 0": [name, "temperature"]})).inputs == {"LLM 0": {"temperature"}}


async def test_a_key_stays_where_it_belongs_although_everything_is_enabled(model):
    """With all of it enabled and sent, the model is still asked at its own address with its own key."""
    own = ModelCredential("main", model.url, "sk-main")
    settings = FlowSettings(credentials=(own, ModelCredential("other", "https://other.example", "sk-other")))
    sent = dict.fromkeys(FORBIDDEN, "http://127.0.0.1:9/v1") | {"credential": "other"}
    sent["llmModelConfig"] = {"basepath": "http://127.0.0.1:9/v1", "credential": "other"}
    assert await answer(sent, config({"LLM 0": FORBIDDEN}), llm(model, "main"), settings) == "hi"
    assert model.received[0].headers["authorization"] == "Bearer sk-main"


def llm(model, credential=""):
    """A flow with a model at the server of the test."""
    chosen = {"modelName": "echo", "basepath": model.url, "credential": credential}
    inputs = {"llmModel": "chatOpenAI", "llmModelConfig": chosen, "llmEnableMemory": False}
    return chain(node("llmAgentflow_0", inputs, "LLM 0"))
