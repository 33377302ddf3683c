"""How servers deviate from OpenAI's chat API, and what they mean.

Each rule here was met with somewhere. A server that follows the API needs none of them: its records are read
by `structs.decode`, and what that refuses, or finds nothing in, comes here.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

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
ERROR_EVENTS: Final = frozenset({b"error", b"exception", b"fail", b"failed"})
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
_ERROR_WORDS: Final = ("message", "error_message", "error_msg", "msg", "detail", "error_description")
_ERROR_FACTS: Final = ("type", "code", "status", "error_code", "param")


def read(data: bytes, charset: str | None) -> list[Chunk]:
    """Return the chunks that a record is, whatever its shape: one, or several that nothing keeps apart.

    Raises:
        NotJsonError: it is not JSON.
    """
    try:
        value = parsed(data, charset)
        return [_chunk(item) for item in value] if isinstance(value, list) else [_chunk(value)]
    except (ValueError, RecursionError):
        lines = [line for line in data.split(b"\n") if line.strip()]
    if len(lines) < 2:  # noqa: PLR2004  # only of several lines each may be a record
        raise NotJsonError(_text(data, charset))
    return [
        chunk
        for line in lines
        for chunk in ([Chunk(done=True)] if line.strip() in DONE else read(line, charset))
    ]


def _text(data: bytes, charset: str | None) -> str:
    """Return JSON as text: UTF-8 (RFC 8259 section 8.1), or what the server says when it is not that."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return data.decode(charset or "utf-8", "replace")
    except LookupError:
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
    if not _is_error(error) and not choices and not done:
        error = _error_beside(value)
    return Chunk(choices, error, done)


def _choice(item: Mapping[str, Any]) -> Choice:
    delta = item.get("delta")
    text = item.get("text")
    if isinstance(delta, str):
        delta, text = None, delta
    return Choice(
        delta=_said(delta),
        message=_said(item.get("message")),
        text=text,
        finish_reason=item.get("finish_reason", item.get("finishReason", item.get("stop_reason"))),
        index=item.get("index"),
        error=item.get("error"),
    )


def _said(value: Any) -> Said | None:
    if isinstance(value, str):
        return Said(content=value)
    if not isinstance(value, Mapping):
        return None
    return Said(
        content=value.get("content", value.get("text")),
        refusal=value.get("refusal"),
        reasoning=value.get("reasoning"),
        reasoning_content=value.get("reasoning_content"),
        thinking=value.get("thinking"),
        tool_calls=value.get("tool_calls"),
        function_call=value.get("function_call"),
    )


def _without_choices(value: Mapping[str, Any]) -> list[Choice]:
    """Return what other chat APIs say where OpenAI's has its choices (Ollama's, llama.cpp's, Anthropic's)."""
    finish = value.get("done_reason", value.get("stop_reason", value.get("finish_reason")))
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
    return []


def _is_error(value: Any) -> bool:
    """Tell whether an ``error`` member is one: many servers send an empty one with each record."""
    return any(value.values()) if isinstance(value, Mapping) else bool(value)


def _error_beside(value: Mapping[str, Any]) -> Any:
    """Return the error that a record is where it has no ``error``, and nothing of an answer."""
    if value.get("object") == "error" or value.get("type") in ("error", "exception"):
        return value
    if _is_error(value.get("errors")):
        return value["errors"]
    if any(isinstance(value.get(name), str) and value[name] for name in _ERROR_WORDS):
        return value
    return value if isinstance(value.get("detail"), list) and value["detail"] else None


def is_error(value: Any) -> bool:
    """Tell whether what stands in an ``error`` member says that something went wrong."""
    return value is not None and _is_error(value)


def in_words(error: Any, depth: int = 0) -> str:
    """Return what an error says, in the words of the server: its message, kind and code."""
    if isinstance(error, str):
        return error
    if isinstance(error, list) and error:
        return in_words(error[0], depth)
    if not isinstance(error, Mapping) or depth > 4:  # noqa: PLR2004  # deeper than any server's
        return json.dumps(error, ensure_ascii=False, default=str)
    inner = error.get("error")
    if isinstance(inner, Mapping | list) and inner:
        return in_words(inner, depth + 1)
    words = next((error[name] for name in _ERROR_WORDS if error.get(name)), inner)
    if isinstance(words, str):
        facts = [str(error[name]) for name in _ERROR_FACTS if isinstance(error.get(name), str | int)]
        facts = [fact for fact in facts if fact and fact != words]
        return f"{words} ({', '.join(facts)})" if facts else words
    if isinstance(words, Mapping | list) and words:
        return in_words(words, depth + 1)
    return json.dumps(error, ensure_ascii=False, default=str)


def code_of(error: Any) -> str:
    """Return the code by which OpenAI's API names an error, or ""."""
    while isinstance(error, Mapping) and isinstance(error.get("error"), Mapping):
        error = error["error"]
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if isinstance(code, str) else ""


def finish_word(value: Any) -> str | None:
    """Return how an answer ended, in OpenAI's words where there is one, or None while it goes on."""
    if isinstance(value, Mapping):  # {"type": "stop"}
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
        return "", _text_of_part(part.get("refusal" if kind == "refusal" else "text"))
    return "", ""


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
