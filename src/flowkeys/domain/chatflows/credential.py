"""A credential that was imported or made here: a secret with the one base URL that it may be sent to."""

from collections.abc import Mapping
from typing import Final

import msgspec

from flowkeys.domain.keys.api_key import Creator

NAME_LENGTH: Final = 255
MOST_CREDENTIALS: Final = 1000
"""In one workspace: every process has all of them at hand."""
VALUE_LENGTH: Final = 10_000


DEPLOYMENT: Final = "azureOpenAIApiDeploymentName"
"""What the model is called at Azure's endpoint, whatever a node calls it."""
INSTANCE: Final = "azureOpenAIApiInstanceName"


class CredentialKind(msgspec.Struct, frozen=True):
    """What a kind of credential consists of, by Flowise's names."""

    label: str
    secrets: tuple[str, ...]
    """The members that have to be given and are never shown."""
    key: str = ""
    """The member that is sent as a bearer key; empty: the kind's own node knows how it is sent."""
    base_url: str = ""
    """Where it is sent to, if the credential names no other; empty: it has to."""
    optional: tuple[str, ...] = ()
    """Further members that may be given."""
    anywhere: bool = False
    """It is sent nowhere, so that it has no base URL."""


KINDS: Final[Mapping[str, CredentialKind]] = {
    "openAIApi": CredentialKind("OpenAI", ("openAIApiKey",), "openAIApiKey", "https://api.openai.com/v1"),
    "azureOpenAIApi": CredentialKind(
        "Azure OpenAI",
        ("azureOpenAIApiKey",),
        "azureOpenAIApiKey",
        optional=(
            INSTANCE,
            DEPLOYMENT,
            "azureOpenAIApiVersion",
        ),
    ),
    "anthropicApi": CredentialKind(
        "Anthropic", ("anthropicApiKey",), "anthropicApiKey", "https://api.anthropic.com/v1"
    ),
    "googleGenerativeAI": CredentialKind(
        "Google Gemini",
        ("googleGenerativeAPIKey",),
        "googleGenerativeAPIKey",
        "https://generativelanguage.googleapis.com/v1beta/openai",
    ),
    "groqApi": CredentialKind("Groq", ("groqApiKey",), "groqApiKey", "https://api.groq.com/openai/v1"),
    "mistralAIApi": CredentialKind(
        "Mistral AI", ("mistralAIAPIKey",), "mistralAIAPIKey", "https://api.mistral.ai/v1"
    ),
    "deepseekApi": CredentialKind(
        "DeepSeek", ("deepseekApiKey",), "deepseekApiKey", "https://api.deepseek.com"
    ),
    "fireworksApi": CredentialKind(
        "Fireworks AI", ("fireworksApiKey",), "fireworksApiKey", "https://api.fireworks.ai/inference/v1"
    ),
    "togetherAIApi": CredentialKind(
        "Together AI", ("togetherAIApiKey",), "togetherAIApiKey", "https://api.together.xyz/v1"
    ),
    "sambanovaApi": CredentialKind(
        "SambaNova", ("sambanovaApiKey",), "sambanovaApiKey", "https://api.sambanova.ai/v1"
    ),
    "cometApi": CredentialKind("CometAPI", ("cometApiKey",), "cometApiKey", "https://api.cometapi.com/v1"),
    "cohereApi": CredentialKind(
        "Cohere", ("cohereApiKey",), "cohereApiKey", "https://api.cohere.ai/compatibility/v1"
    ),
    "perplexityApi": CredentialKind(
        "Perplexity", ("perplexityApiKey",), "perplexityApiKey", "https://api.perplexity.ai"
    ),
    "huggingFaceApi": CredentialKind(
        "Hugging Face", ("huggingFaceApiKey",), "huggingFaceApiKey", "https://router.huggingface.co/v1"
    ),
    "AlibabaApi": CredentialKind("Alibaba", ("alibabaApiKey",), "alibabaApiKey"),
    "cerebrasAIApi": CredentialKind(
        "Cerebras", ("cerebrasApiKey",), "cerebrasApiKey", "https://api.cerebras.ai/v1"
    ),
    "xaiApi": CredentialKind("xAI", ("xaiApiKey",), "xaiApiKey", "https://api.x.ai/v1"),
    "openRouterApi": CredentialKind(
        "OpenRouter", ("openRouterApiKey",), "openRouterApiKey", "https://openrouter.ai/api/v1"
    ),
    "ollamaApi": CredentialKind("Ollama", ("ollamaApiKey",), "ollamaApiKey"),
    "litellmApi": CredentialKind("LiteLLM", ("litellmApiKey",), "litellmApiKey"),
    "localAIApi": CredentialKind("LocalAI", ("localAIApiKey",), "localAIApiKey"),
    "nvidiaNIMApi": CredentialKind("NVIDIA NIM", ("nvidiaNIMApiKey",), "nvidiaNIMApiKey"),
    "httpBasicAuth": CredentialKind("HTTP basic", ("basicAuthUsername", "basicAuthPassword")),
    "httpBearerToken": CredentialKind("HTTP bearer", ("token",), "token"),
    "httpApiKey": CredentialKind("HTTP API key", ("key", "value")),
    "chatflowApi": CredentialKind("Chatflow key", ("chatflowApiKey",), anywhere=True),
}
"""Kinds that nodes of this server can use. Others are kept, and wait for a node that can."""


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """A credential as people manage it; what it holds is not here. Times: microseconds, UTC."""

    id: str
    workspace_id: str
    name: str
    """No two of a workspace have the same."""
    kind: str
    """Flowise's ``credentialName``."""
    base_url: str
    """The only one that it is sent to; empty for kinds that are sent nowhere."""
    problem: str | None
    """Why it cannot be used, in words; None: it can."""
    created_by: Creator
    created_at: int
    updated_at: int
    version: int


class OpenCredential(msgspec.Struct, frozen=True, kw_only=True):
    """A credential with what it holds, as this process has it at hand."""

    id: str
    name: str
    kind: str
    base_url: str
    version: int
    values: Mapping[str, str] = {}
    problem: str | None = None

    def __repr__(self) -> str:
        return f"OpenCredential(name={self.name!r}, kind={self.kind!r}, base_url={self.base_url!r}, values=…)"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("name", self.name), ("kind", self.kind), ("base_url", self.base_url), ("values", "…")]

    @property
    def key(self) -> str:
        """What is sent as a bearer key; empty where the kind has none."""
        kind = KINDS.get(self.kind)
        return self.values.get(kind.key, "") if kind is not None and kind.key else ""
