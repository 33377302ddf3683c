"""What a node's output says of a model's answer besides its text, in the members that Flowise has."""

from collections.abc import Mapping
from typing import Any, Final

from flowkeys.flows.models.reply import Reply

_MOST: Final = 40
"""Members of ``usage`` that are kept; no server has so many."""
_READ: Final = {"audio_tokens": "audio", "cached_tokens": "cache_read"}
_WRITTEN: Final = {"audio_tokens": "audio", "reasoning_tokens": "reasoning"}


def usage_metadata(usage: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return how many tokens were used, None where the server does not say."""
    if usage is None:
        return None
    read, written = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    return {
        "input_tokens": read,
        "output_tokens": written,
        "total_tokens": _count(usage.get("total_tokens"), read + written),
        "input_token_details": _details(usage.get("prompt_tokens_details"), _READ),
        "output_token_details": _details(usage.get("completion_tokens_details"), _WRITTEN),
    }


def response_metadata(reply: Reply, *, whole: bool) -> dict[str, Any]:
    """Return how the model ended, and who it is.

    `whole` is whether the node asks for answers in one piece: such are told of in other members.
    """
    usage = reply.usage
    found: dict[str, Any] = {} if whole else {"prompt": 0, "completion": 0}
    found["model_provider"] = "openai"
    if usage is not None:
        kept = _numbers(usage)
        found["usage"] = kept
        if whole:
            read, written = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
            found["tokenUsage"] = {
                "promptTokens": read,
                "completionTokens": written,
                "totalTokens": _count(usage.get("total_tokens"), read + written),
            }
    named = {
        "finish_reason": reply.finish_reason,
        "system_fingerprint": reply.named("system_fingerprint"),
        "model_name": reply.named("model"),
    }
    found |= {name: value for name, value in named.items() if value is not None}
    return found


def _count(value: Any, otherwise: int = 0) -> int:
    return value if type(value) is int and value >= 0 else otherwise


def _details(given: Any, names: Mapping[str, str]) -> dict[str, int]:
    if not isinstance(given, dict):
        return {}
    return {name: given[member] for member, name in names.items() if type(given.get(member)) is int}


def _numbers(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is counted, the parts of it too; nothing else that a server may write there."""
    return {
        name: {inner: n for inner, n in list(value.items())[:_MOST] if _is_number(n)}
        if isinstance(value, dict)
        else value
        for name, value in list(usage.items())[:_MOST]
        if isinstance(value, dict) or _is_number(value)
    }


def _is_number(value: Any) -> bool:
    return value is None or type(value) in {int, float}
