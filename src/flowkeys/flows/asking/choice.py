"""The model of a node, read from ``llmModel`` and ``llmModelConfig`` or what another kind calls these."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import msgspec

from flowkeys.flows.asking.providers import PROVIDERS, Provider
from flowkeys.flows.graph.naming import ADDRESSES, CREDENTIAL
from flowkeys.flows.models.reasoning import SHOWINGS, Showing
from flowkeys.flows.registry import Build
from flowkeys.flows.settings import names_secret

_UNSUPPORTED: Final = {
    "cache": "a cache",
    "baseOptions": "base options",
    "proxyUrl": "a proxy",
}
RETRIES: Final = 2
"""Unless the node says otherwise: somebody waits."""
_MOST_RETRIES: Final = 6
_EFFORTS: Final = frozenset({"none", "minimal", "low", "medium", "high", "xhigh"})


class ModelChoice(msgspec.Struct, frozen=True):
    """The model that a node asks for."""

    name: str
    base_url: str
    credential: str
    parameters: Mapping[str, Any]
    """What goes into each request besides the model's name and the messages."""
    stream: bool
    retries: int
    """How often a call is made again that could not be made, or was answered that it might be."""
    timeout_seconds: float | None
    """How long to wait for the next bytes, if not as long as the server waits."""
    reasoning: Showing
    provider: Provider

    def most_tokens(self, otherwise: int) -> int:
        """Return how many tokens an answer may have, or `otherwise` where the node does not say."""
        limit = self.parameters.get("max_tokens", self.parameters.get("max_completion_tokens"))
        return limit if isinstance(limit, int) and limit > 0 else otherwise


def read_model(build: Build, kind: str) -> ModelChoice | None:
    """Return the model that a node chooses, or None when it chooses none that could be used.

    `kind` is how the names of its inputs begin: ``llm``, ``agent``…
    """
    provider = build.text(f"{kind}Model")
    config = build.inputs.get(f"{kind}ModelConfig") or {}
    if not isinstance(config, Mapping):
        build.problem(f"{kind}ModelConfig is not an object.")
        return None
    usable = not _holds_key(build)
    if provider not in PROVIDERS:
        build.problem(
            f"there is no model {provider[:100]!r} here; there are: {', '.join(PROVIDERS)}."
            if provider
            else "no model is chosen."
        )
        return None
    how = PROVIDERS[provider]
    for member, what in _UNSUPPORTED.items():
        if config.get(member):
            build.problem(f"{what} for the model is not supported.")
    for member in how.without:
        if config.get(member):
            build.problem(f"{member} of {provider} has no place in the OpenAI-compatible API of its models.")
    name = _first(config, ("customModelName", "customModel", "modelName", "model"))
    if not name:
        build.problem("the model has no name.")
    credential = _first(config, CREDENTIAL)
    base_url = _first(config, ADDRESSES)
    if base_url and how.below and not base_url.rstrip("/").endswith(how.below):
        base_url = f"{base_url.rstrip('/')}{how.below}"
    if not base_url and not credential and how.needs_key:
        build.problem(f"{provider} needs a credential of this server, or a base URL that needs none.")
        usable = False
    stream = config.get("streaming") is not False
    choice = ModelChoice(
        name=name,
        base_url=base_url,
        credential=credential,
        parameters=_parameters(build, config, how, name),
        stream=stream,
        retries=_retries(build, config),
        timeout_seconds=_timeout(build, config),
        reasoning=_reasoning(build, kind),
        provider=how,
    )
    return choice if usable else None


def _holds_key(build: Build) -> bool:
    """Refuse keys in flowData: they would be in every export and every backup."""
    held = sorted({name for name in _secrets(build.inputs) if name not in CREDENTIAL})
    for name in held:
        build.problem(f"{name} holds a secret. A flow names a credential of this server instead.")
    return bool(held)


def _secrets(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield the names of members, at any depth, that are meant for secrets and are filled in."""
    if depth > 20:  # noqa: PLR2004  # deeper than any export
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if inner and isinstance(inner, str | int) and names_secret(name):
                yield name
            yield from _secrets(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _secrets(inner, depth + 1)


_STOPS: Final = 100
"""Models take four, or a few more; each is a string in every call."""


def _parameters(build: Build, config: Mapping[str, Any], how: Provider, name: str) -> dict[str, Any]:
    is_fixed = how.fixed is not None and how.fixed.search(name) is not None
    parameters: dict[str, Any] = {}
    for member, parameter in how.numbers.items():
        value = _number(build, member, config.get(member))
        if value is not None:
            parameters[parameter] = value
    for member, request in how.flags.items():
        if config.get(member) in (True, "true"):
            parameters.update(request)
    tokens = _number(build, how.tokens, config.get(how.tokens))
    if tokens is not None:
        limit = "max_completion_tokens" if is_fixed and how.completion_tokens else "max_tokens"
        parameters[limit] = int(tokens)
    parameters |= _stop(build, config.get("stopSequence"))
    effort = _effort(build, how, config.get(how.effort))
    if effort and (is_fixed or not how.only_fixed_think):
        parameters["reasoning_effort"] = effort
    return {one: value for one, value in parameters.items() if not (is_fixed and one in how.not_for_fixed)}


def _stop(build: Build, words: Any) -> dict[str, list[str]]:
    if isinstance(words, str) and words.count(",") >= _STOPS:
        build.problem(f"stopSequence has more than {_STOPS} entries.")
    elif isinstance(words, str) and words.strip():
        return {"stop": [word.strip() for word in words.split(",")]}
    return {}


def _effort(build: Build, how: Provider, given: Any) -> str:
    effort = given.lower() if isinstance(given, str) else ""
    if given and effort not in _EFFORTS:
        build.problem(f"{how.effort} is not one of the efforts that models know.")
    return effort


def _timeout(build: Build, config: Mapping[str, Any]) -> float | None:
    milliseconds = _number(build, "timeout", config.get("timeout"))
    return milliseconds / 1000 if milliseconds is not None and milliseconds > 0 else None


def _retries(build: Build, config: Mapping[str, Any]) -> int:
    given = _number(build, "maxRetries", config.get("maxRetries"))
    return RETRIES if given is None else max(0, min(_MOST_RETRIES, int(given)))


def _reasoning(build: Build, kind: str) -> Showing:
    """Return what becomes of what the model thinks before it answers."""
    value = build.text(f"{kind}Reasoning", "hidden")
    if value in SHOWINGS:
        return cast("Showing", value)
    build.problem(f"{kind}Reasoning is not one of {', '.join(SHOWINGS)}.")
    return "hidden"


def _number(build: Build, name: str, value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if math.isfinite(number):
        return number
    build.problem(f"{name} is not a number.")
    return None


def _first(config: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = config.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""
