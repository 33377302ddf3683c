"""Whose models nodes may name, by Flowise's names, and how each is asked over OpenAI's chat API.

All of them have an endpoint that speaks it. Where such an endpoint takes less than the provider's own API,
settings that have no place there are named as what keeps a flow from running: none is lost without a word.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

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
    flags: Mapping[str, str] = {}
    """Settings that are true or false, and what the request calls them."""
    without: tuple[str, ...] = ()
    """Settings of Flowise's node that its endpoint has no place for."""
    below: str = ""
    """What follows a base URL that a flow gives, where Flowise writes that of the provider's own API."""
    needs_key: bool = True
    takes_names: bool = True
    """Whether messages may say by name whose they are."""
    tells_usage: bool = False
    """It says at the end of each stream what was used, and takes no request for it."""


_OPENAI: Final = Provider(base_url="https://api.openai.com/v1")
_LOCAL: Final = Provider(needs_key=False)

PROVIDERS: Final[Mapping[str, Provider]] = {
    "chatOpenAI": _OPENAI,
    "chatOpenAICustom": _OPENAI,
    "azureChatOpenAI": Provider(),
    "chatAnthropic": Provider(
        base_url="https://api.anthropic.com/v1",
        tokens="maxTokensToSample",
        without=("topK", "extendedThinking"),
    ),
    "chatGoogleGenerativeAI": Provider(
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        tokens="maxOutputTokens",
        without=("topK", "safetySettings", "contextCache"),
    ),
    "chatOllama": Provider(
        base_url="",
        tokens="numPredict",
        without=(
            *("topK", "mirostat", "mirostatEta", "mirostatTau", "numCtx", "numGpu", "numThread"),
            *("repeatLastN", "repeatPenalty", "tfsZ", "keepAlive", "jsonMode"),
        ),
        below="/v1",
        needs_key=False,
    ),
    "groqChat": Provider(base_url="https://api.groq.com/openai/v1"),
    "chatMistralAI": Provider(
        base_url="https://api.mistral.ai/v1",
        numbers={**_NUMBERS, "randomSeed": "random_seed"},
        tokens="maxOutputTokens",
        flags={"safeMode": "safe_prompt"},
        takes_names=False,
        tells_usage=True,
    ),
    "chatOpenRouter": Provider(base_url="https://openrouter.ai/api/v1"),
    "chatDeepseek": Provider(base_url="https://api.deepseek.com"),
    "chatCerebras": Provider(base_url="https://api.cerebras.ai/v1"),
    "chatXAI": Provider(base_url="https://api.x.ai/v1"),
    "chatLitellm": _LOCAL,
    "chatLocalAI": _LOCAL,
    "chatNvidiaNIM": _LOCAL,
}
