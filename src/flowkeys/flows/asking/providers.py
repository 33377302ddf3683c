"""Whose models nodes may name, by Flowise's names, and how each is asked over OpenAI's chat API.

All of them have an endpoint that speaks it, or can be reached over one. Where such an endpoint takes less
than the provider's own API, settings that have no place there are named as what keeps a flow from running:
none is lost without a word.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

_NUMBERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "temperature": "temperature",
        "topP": "top_p",
        "frequencyPenalty": "frequency_penalty",
        "presencePenalty": "presence_penalty",
    }
)


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider's models are asked."""

    base_url: str = ""
    """Its own; empty where there is none that everybody has."""
    numbers: Mapping[str, str] = _NUMBERS
    """Settings that are numbers, and what the request calls them."""
    tokens: str = "maxTokens"
    """The setting of how long an answer may be."""
    flags: Mapping[str, Mapping[str, Any]] = {}
    """Settings that are true or false, and what the request has where they are true."""
    effort: str = "reasoningEffort"
    """The setting of how much the model thinks."""
    fixed: re.Pattern[str] | None = None
    """The names of models that are asked without some of the settings, whatever the node says."""
    not_for_fixed: tuple[str, ...] = ()
    """What the request calls these settings."""
    only_fixed_think: bool = False
    """Whether other models are asked for no effort: Flowise's editor leaves it in the node of each."""
    completion_tokens: bool = False
    """Whether fixed models are told by another name how long an answer may be."""
    without: tuple[str, ...] = ()
    """Settings of Flowise's node that its endpoint has no place for."""
    below: str = ""
    """What follows a base URL that a flow gives, where Flowise writes that of the provider's own API."""
    needs_key: bool = True
    takes_names: bool = True
    """Whether messages may say by name whose they are."""
    tells_usage: bool = False
    """It says at the end of each stream what was used, and takes no request for it."""


_REASONING: Final = Provider(
    fixed=re.compile(r"^o[134]|^codex-mini$|gpt-5(?!.*-chat)"),
    not_for_fixed=("temperature", "stop"),
    only_fixed_think=True,
    completion_tokens=True,
)
_OPENAI: Final = msgspec.structs.replace(_REASONING, base_url="https://api.openai.com/v1")
_LOCAL: Final = Provider(needs_key=False)

PROVIDERS: Final[Mapping[str, Provider]] = {
    "chatOpenAI": _OPENAI,
    "chatOpenAICustom": Provider(base_url="https://api.openai.com/v1"),
    "azureChatOpenAI": _REASONING,
    "chatAnthropic": Provider(
        base_url="https://api.anthropic.com/v1",
        tokens="maxTokensToSample",
        fixed=re.compile(r"opus-4-[7-9](?:\b|-)|opus-(?:[5-9]|\d{2,})-"),
        not_for_fixed=("temperature", "top_p"),
        without=("topK", "extendedThinking", "adaptiveThinking"),
    ),
    "chatGoogleGenerativeAI": Provider(
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        tokens="maxOutputTokens",
        effort="thinkingLevel",
        without=("topK", "safetySettings", "contextCache", "thinkingBudget"),
    ),
    "chatOllama": Provider(
        base_url="",
        tokens="numPredict",
        flags={"jsonMode": {"response_format": {"type": "json_object"}}},
        without=(
            *("topK", "mirostat", "mirostatEta", "mirostatTau", "numCtx", "repeatLastN"),
            *("repeatPenalty", "tfsZ"),
        ),
        below="/v1",
        needs_key=False,
    ),
    "groqChat": Provider(base_url="https://api.groq.com/openai/v1"),
    "chatMistralAI": Provider(
        base_url="https://api.mistral.ai/v1",
        numbers={**_NUMBERS, "randomSeed": "random_seed"},
        tokens="maxOutputTokens",
        flags={"safeMode": {"safe_prompt": True}},
        takes_names=False,
        tells_usage=True,
    ),
    "chatOpenRouter": Provider(base_url="https://openrouter.ai/api/v1"),
    "chatDeepseek": Provider(
        base_url="https://api.deepseek.com", flags={"thinking": {"thinking": {"type": "enabled"}}}
    ),
    "chatCerebras": Provider(base_url="https://api.cerebras.ai/v1"),
    "chatXAI": Provider(base_url="https://api.x.ai/v1"),
    "chatFireworks": Provider(base_url="https://api.fireworks.ai/inference/v1"),
    "chatTogetherAI": Provider(base_url="https://api.together.xyz/v1"),
    "chatSambanova": Provider(base_url="https://api.sambanova.ai/v1"),
    "chatCometAPI": Provider(base_url="https://api.cometapi.com/v1"),
    "chatCohere": Provider(base_url="https://api.cohere.ai/compatibility/v1", takes_names=False),
    "chatPerplexity": Provider(base_url="https://api.perplexity.ai", without=("topK",), takes_names=False),
    "chatHuggingFace": Provider(base_url="https://router.huggingface.co/v1", without=("hfTopK",)),
    "chatAlibabaTongyi": Provider(),
    "awsChatBedrock": Provider(tokens="max_tokens_to_sample"),
    "chatGoogleVertexAI": Provider(
        tokens="maxOutputTokens", effort="thinkingLevel", without=("topK", "thinkingBudget")
    ),
    "chatIBMWatsonx": Provider(),
    "chatLitellm": _LOCAL,
    "chatLocalAI": _LOCAL,
    "chatNvidiaNIM": _LOCAL,
}
"""Those without a base URL of their own are asked where a credential is for: Azure's, or a gateway's."""
