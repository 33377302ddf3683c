"""How servers deviate from OpenAI's chat API, and what they mean.

Each rule here was met with somewhere. A server that follows the API needs none of them: its records are read
by `structs.decode`, and what that refuses, or finds nothing in, comes here.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from flowkeys.flows.models.errors import error_beside, has_words, is_error
from flowkeys.flows.models.failures import ModelError
from flowkeys.flows.models.structs import Choice, Chunk, Said


class NotJsonError(ModelError):
    """A record is not JSON."""

    def __init__(self, reason: str) -> None:
        super().__init__("the model's endpoint answered something that is not JSON.", reason=reason)


NO_COMPLETION: Final = "the model's endpoint answered nothing that is a chat completion."

DONE: Final = frozenset({b"[DONE]", b'"[DONE]"', b"[done]", b"DONE"})
"""The data of the last event of a stream."""
LAST_EVENTS: Final = frozenset({b"done", b"end", b"complete", b"completed", b"message_stop"})
CHUNK_EVENTS: Final = frozenset({b"message", b"completion", b"chunk", b"data", b"delta", b"result"})
"""Names of events whose data is a chunk; under any other name there may be anything."""

_FINISHED: Final[Mapping[str, frozenset[str]]] = {
    "stop": frozenset(
        {"stop", "eos", "eos_token", "end_turn", "stop_sequence", "stop_token", "complete", "completed"}
        | {"finish", "finished", "end", "done", "normal"}
    ),
    "length": frozenset(
        {"length", "max_tokens", "max_output_tokens", "max_new_tokens", "max_completion_tokens", "max_length"}
        | {"model_length", "context_length", "model_context_window_exceeded", "token_limit"}
    ),
    "content_filter": frozenset(
        {"content_filter", "content_filtered", "safety", "recitation", "blocklist", "prohibited_content"}
        | {"spii", "sensitive", "guardrail_intervened", "moderation"}
    ),
    "tool_calls": frozenset({"tool_calls", "tool_call", "tool_use", "function_call"}),
    "error": frozenset(
        {"error", "abort", "aborted", "cancelled", "canceled", "insufficient_system_resource"}
        | {"malformed_function_call", "network_error"}
    ),
}
_FINISHES: Final = {word: name for name, words in _FINISHED.items() for word in words}
_UNFINISHED: Final = frozenset({"", "null", "none", "finish_reason_unspecified"})
_FINISH_CHARACTERS: Final = 60

_TEXTS: Final = frozenset({"text", "output_text", "input_text", "text_delta"})
_THOUGHTS: Final = frozenset({"thinking", "reasoning", "reasoning_text", "thinking_delta", "summary_text"})
_WRAPPERS: Final = ("result", "data", "output")
"""What gateways put an answer into."""
_REPEATED_FIELD: Final = re.compile(rb"(?:\s*data:)+\s*(?=[{\[\"])")


def read(data: bytes, charset: str | None) -> list[Chunk]:
    """Return the chunks that a record is, whatever its shape: one, or several that nothing keeps apart.

    Raises:
        NotJsonError: it is not JSON.
    """
    data = _REPEATED_FIELD.sub(b"", data, count=1) if data.lstrip()[:5] == b"data:" else data
    try:
        value = parsed(data, charset)
        if isinstance(value, str) and value.lstrip()[:1] == "{":
            value = json.loads(value, strict=False)  # written as JSON twice
        return [_chunk(item) for item in value] if isinstance(value, list) else [_chunk(value)]
    except (ValueError, RecursionError):
        lines = [line for line in data.split(b"\n") if line.strip()]
    if len(lines) < 2:  # noqa: PLR2004  # only of several lines each may be a record
        raise NotJsonError(_text(data, charset))
    return [
        chunk for line in lines for chunk in ([Chunk(done=True)] if is_done(line) else read(line, charset))
    ]


def is_cut(record: bytes, charset: str | None) -> bool:
    """Tell whether a record is the beginning of a JSON text whose end is missing."""
    text = _text(record, charset)
    try:
        json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        at_end = error.pos >= len(text.rstrip())
        return len(text) > 1 and (at_end or error.msg.startswith("Unterminated string"))
    except RecursionError:
        return False
    return False


def is_done(data: bytes) -> bool:
    """Tell whether a record says that nothing follows; some servers write the name of the field twice."""
    return data.strip() in DONE or (data[:5] == b"data:" and is_done(data[5:]))


def _text(data: bytes, charset: str | None) -> str:
    """Return JSON as text: UTF-8 (RFC 8259 section 8.1), or what the server says when it is not that."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return data.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):  # there is none of that name, or it takes no such bytes
        return data.decode("utf-8", "replace")


def parsed(data: bytes, charset: str | None) -> Any:
    """Return a JSON text as it is; `ValueError` when it is none."""
    # The standard library takes halves of surrogate pairs, line ends inside texts, and NaN.
    return json.loads(_text(data, charset), strict=False)


def _chunk(value: Any) -> Chunk:
    if not isinstance(value, Mapping):
        return Chunk()
    given = value.get("choices")
    if isinstance(given, Mapping):
        given = [given] if given.keys() & {"delta", "message", "text"} else list(given.values())
    choices = (
        [_choice(item) for item in given if isinstance(item, Mapping)] if isinstance(given, list) else []
    )
    done = value.get("done") is True or value.get("type") == "message_stop"
    if not choices:
        choices = _without_choices(value)
        done = done or (bool(choices) and value.get("stop") is True)
    error = value.get("error")
    if not is_error(error) and not choices and not done:
        error = error_beside(value)
    if isinstance(error, str | bool | int) and is_error(error) and has_words(value):
        error = value  # "Bad Request", or true: the reason stands beside it
    named = (value.get(name) for name in ("usage", "id", "model", "system_fingerprint"))
    return Chunk(choices, error, done, *named)


def _choice(item: Mapping[str, Any]) -> Choice:
    delta = item.get("delta")
    text = item.get("text")
    if isinstance(delta, str):
        delta, text = None, delta
    within = delta if isinstance(delta, Mapping) else {}
    names = ("finish_reason", "finishReason", "stop_reason")
    return Choice(
        delta=_said(delta),
        message=_said(item.get("message")),
        text=text,
        finish_reason=next((at[name] for at in (item, within) for name in names if at.get(name)), None),
        index=item.get("index"),
        error=item.get("error"),
    )


def _said(value: Any) -> Said | None:
    if isinstance(value, list) and len(value) == 1 and _is_said(value[0]):
        value = value[0]
    if isinstance(value, str | list):
        return Said(content=value)
    if not isinstance(value, Mapping):
        return None
    return Said(
        content=value.get("content", value.get("text")),
        refusal=value.get("refusal"),
        reasoning=value.get("reasoning"),
        reasoning_content=value.get("reasoning_content"),
        thinking=value.get("thinking"),
        reasoning_details=value.get("reasoning_details"),
        thinking_blocks=value.get("thinking_blocks"),
        tool_calls=value.get("tool_calls"),
        function_call=value.get("function_call"),
    )


def _is_said(value: Any) -> bool:
    return isinstance(value, Mapping) and "type" not in value and "content" in value


def _without_choices(value: Mapping[str, Any]) -> list[Choice]:
    """Return what other chat APIs say where OpenAI's has its choices (Ollama's, llama.cpp's, Anthropic's)."""
    finishes = ("done_reason", "stop_reason", "stopReason", "finish_reason")
    finish = next((value[name] for name in finishes if value.get(name)), None)
    goes_on = "done" in value or "stop" in value
    message, delta = value.get("message"), value.get("delta")
    if isinstance(message, Mapping) and message.keys() & {"content", "thinking", "tool_calls"}:
        return [Choice(delta=_said(message), finish_reason=finish)]
    if isinstance(delta, Mapping):
        return [Choice(delta=_said(delta), finish_reason=delta.get("stop_reason", finish))]
    for name in ("response", "completion", "generated_text", "output_text", "content"):
        text = value.get(name)
        if isinstance(text, str) or (name == "content" and isinstance(text, list)):
            said = Said(content=text, thinking=value.get("thinking"))
            return [Choice(delta=said, finish_reason=finish)] if goes_on else [Choice(message=said)]
    for name in _WRAPPERS:
        inner = value.get(name)
        if isinstance(inner, Mapping):
            return _within(inner)
    return []


def _within(value: Mapping[str, Any]) -> list[Choice]:
    """Return what a gateway says, or hands on, inside a wrapping of its own."""
    if isinstance(value.get("choices"), list):
        return [_choice(item) for item in value["choices"] if isinstance(item, Mapping)]
    if isinstance(value.get("text"), str):
        return [_choice({**value, "message": value["text"], "text": None})]
    return [] if any(isinstance(value.get(name), Mapping) for name in _WRAPPERS) else _without_choices(value)


def finish_word(value: Any) -> str | None:
    """Return how an answer ended, in OpenAI's words where there is one, or None while it goes on."""
    if isinstance(value, dict):  # {"type": "stop"}
        value = value.get("type", value.get("reason"))
    if value is None or value is False:
        return None
    if value is True:
        return "stop"
    word = str(value).strip()
    low = word.lower()
    if low in _UNFINISHED:
        return None
    known = _FINISHES.get(low)
    if known is not None:
        return known
    return "".join(c if c.isprintable() else " " for c in word[:_FINISH_CHARACTERS])


def content_of(value: Any) -> tuple[str, str]:
    """Return what a content thinks and what it says: a text, or parts of several kinds.

    Raises:
        ModelError: it is neither.
    """
    if value is None:
        return "", ""
    if isinstance(value, str):
        return "", value
    if not isinstance(value, list):
        raise _no_text(value)
    parts = [_part(part) for part in value]
    return "".join(thought for thought, _ in parts), "".join(said for _, said in parts)


def _part(part: Any) -> tuple[str, str]:
    """Return what one part thinks and says; what is neither, a picture or a reference, is no text."""
    if part is None or isinstance(part, str):
        return "", part or ""
    kind = part.get("type", "text" if "text" in part else None) if isinstance(part, Mapping) else None
    if not isinstance(kind, str):
        raise _no_text(part)
    if kind in _THOUGHTS:
        return thought_of(part), ""
    if kind in _TEXTS or kind == "refusal":
        names = (kind, "text", "content")
        return "", _text_of_part(next((part[name] for name in names if part.get(name)), None))
    return "", ""


def refusal_of(value: Any) -> str:
    """Return the words of a refusal, a text or parts; what cannot be read is left out."""
    with suppress(ModelError):
        return content_of(value)[1]
    return ""


def _text_of_part(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("value")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _no_text(value)
    return value


def thought_of(value: Any, depth: int = 0) -> str:
    """Return what is thought, whatever it is kept in; what cannot be read is left out."""
    if isinstance(value, str):
        return value
    if depth > 4:  # noqa: PLR2004  # deeper than any server's
        return ""
    if isinstance(value, list):
        return "".join(thought_of(item, depth + 1) for item in value)
    if isinstance(value, Mapping):
        names = ("thinking", "text", "content", "reasoning", "summary")
        return next((text for name in names if (text := thought_of(value.get(name), depth + 1))), "")
    return ""


def _no_text(value: Any) -> ModelError:
    return ModelError(
        "the model's endpoint answered something else than a text.",
        reason=f"content is of the type {type(value).__name__}",
    )
