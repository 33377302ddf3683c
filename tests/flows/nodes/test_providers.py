"""Models of other vendors inside nodes, each asked as its OpenAI-compatible endpoint takes it."""

import pytest

from flowkeys.flows.settings import FlowSettings, ModelCredential
from tests.flows.support import call, chain, node, problems, run

SETTINGS = {
    "chatAnthropic": ({"maxTokensToSample": "7", "topP": 0.5}, {"max_tokens": 7, "top_p": 0.5}),
    "chatGoogleGenerativeAI": ({"maxOutputTokens": 8}, {"max_tokens": 8}),
    "chatOllama": ({"numPredict": 9, "temperature": "0.2"}, {"max_tokens": 9, "temperature": 0.2}),
    "groqChat": ({"maxTokens": 10}, {"max_tokens": 10}),
    "chatMistralAI": (
        {"maxOutputTokens": 11, "randomSeed": 3, "safeMode": True},
        {"max_tokens": 11, "random_seed": 3, "safe_prompt": True},
    ),
    "azureChatOpenAI": ({"maxTokens": 12}, {"max_tokens": 12}),
    "chatOpenAI": ({"frequencyPenalty": 1}, {"frequency_penalty": 1}),
    "chatDeepseek": ({"thinking": True}, {"thinking": {"type": "enabled"}}),
    "chatFireworks": ({"temperature": 1}, {"temperature": 1}),
    "awsChatBedrock": ({"max_tokens_to_sample": "13"}, {"max_tokens": 13}),
}
"""What a node of each says, and what its model is asked."""


def _llm(provider, number=0, **config):
    inputs = {"llmModel": provider, "llmModelConfig": {"modelName": "echo", "credential": "own", **config}}
    return node(f"llmAgentflow_{number}", {**inputs, "llmEnableMemory": True}, f"LLM {number}")


def _settings(model):
    return FlowSettings(credentials=(ModelCredential("own", model.url, "sk-own"),))


@pytest.mark.parametrize("provider", SETTINGS)
async def test_a_model_is_asked_as_its_provider_takes_it(provider, model):
    """Settings by the names that its endpoint has for them, with the key of the credential."""
    said, asked = SETTINGS[provider]
    flow = chain(_llm(provider, **said), _llm(provider, 1, **said))
    ran = await run(flow, call("one two", history=()), settings=_settings(model))
    assert ran.result.text.startswith("one two")
    first, second = (received.body for received in model.received)
    fixed = {"model", "messages", "stream", "stream_options"}
    assert {name: value for name, value in first.items() if name not in fixed} == asked
    named = [message.get("name") for message in second["messages"]]
    takes = provider != "chatMistralAI"
    assert ("llm_0" in named) == takes
    assert ("stream_options" in second) == takes
    assert second["stream"] is True
    assert dict(model.received[0].headers)["authorization"] == "Bearer sk-own"


async def test_ollamas_own_address_gets_the_path_of_its_other_api(model):
    """Flowise writes where Ollama is; what speaks OpenAI's API is below."""
    bare = model.url.removesuffix("/v1")
    flow = chain(
        node(
            "llmAgentflow_0",
            {"llmModel": "chatOllama", "llmModelConfig": {"modelName": "echo", "baseUrl": bare}},
        )
    )
    ran = await run(flow, call("one", history=()), settings=FlowSettings(allowed_endpoints=(model.url,)))
    assert ran.result.text == "one"
    assert model.received[0].path == "/v1/chat/completions"


@pytest.mark.parametrize(
    ("provider", "member"),
    [
        ("chatAnthropic", "topK"),
        ("chatAnthropic", "extendedThinking"),
        ("chatGoogleGenerativeAI", "topK"),
        ("chatGoogleGenerativeAI", "safetySettings"),
        ("chatAnthropic", "adaptiveThinking"),
        ("chatGoogleGenerativeAI", "thinkingBudget"),
        ("chatOllama", "numCtx"),
    ],
)
def test_a_setting_that_has_no_place_is_named(provider, member):
    """Nobody's setting is lost without a word; an empty one is none."""
    settings = FlowSettings(credentials=(ModelCredential("own", "https://models.example/v1", "sk-own"),))
    said = problems(chain(_llm(provider, **{member: 5})), settings)
    assert f"{member} of {provider} has no place" in said
    assert problems(chain(_llm(provider, **{member: ""})), settings) == ""


LEFT = {"temperature": 0.9, "stopSequence": "END", "maxTokens": "5", "reasoningEffort": "medium", "topP": 1}
"""What Flowise's editor leaves in the settings of each of OpenAI's models."""
PLAIN = {"temperature": 0.9, "stop": ["END"], "max_tokens": 5, "top_p": 1}
THINKING = {"max_completion_tokens": 5, "reasoning_effort": "medium", "top_p": 1}
CLAUDE = {"temperature": 0.9, "topP": 1, "maxTokensToSample": 5}


@pytest.mark.parametrize(
    ("provider", "name", "config", "asked"),
    [
        ("chatOpenAI", "gpt-4o-mini", LEFT, PLAIN),
        ("chatOpenAI", "gpt-5-chat-latest", LEFT, PLAIN),
        ("chatOpenAI", "gpt-5-mini", LEFT, THINKING),
        ("chatOpenAI", "o3-mini", LEFT, THINKING),
        ("azureChatOpenAI", "gpt-5.1", LEFT, THINKING),
        ("chatAnthropic", "claude-sonnet-4-5", CLAUDE, {"temperature": 0.9, "top_p": 1, "max_tokens": 5}),
        ("chatAnthropic", "claude-opus-4-8", CLAUDE, {"max_tokens": 5}),
        ("chatGoogleGenerativeAI", "gemini-3", {"thinkingLevel": "HIGH"}, {"reasoning_effort": "high"}),
        ("chatOllama", "llama-3", {"keepAlive": "5m", "numGpu": 1}, {}),
        ("chatOllama", "llama-3", {"jsonMode": True}, {"response_format": {"type": "json_object"}}),
    ],
)
async def test_a_model_is_asked_for_what_it_can_do(provider, name, config, asked, model):
    """Models that reason refuse a temperature, and others an effort, both of which exports have for all."""
    flow = chain(_llm(provider, modelName=name, **config))
    await run(flow, call("one", history=()), settings=_settings(model))
    sent = model.received[0].body
    fixed = {"model", "messages", "stream", "stream_options"}
    assert {member: value for member, value in sent.items() if member not in fixed} == asked


def test_a_provider_needs_a_key():
    """Without a credential and a base URL there is nobody to ask; a local model needs its address alone."""
    said = problems(chain(_llm("chatAnthropic", credential="")))
    assert "chatAnthropic needs a credential of this server" in said
