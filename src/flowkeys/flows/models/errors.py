"""How servers say that something went wrong, inside an answer or in its place."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

ERROR_EVENT: Final = re.compile(rb"error|exception|fail|timeout|abort")
"""What is in the name of an event that reports one."""
_ERROR_WORDS: Final = (
    *("message", "Message", "error_message", "errorMessage", "error_msg", "msg", "detail"),
    "error_description",
)
_ERROR_FACTS: Final = ("type", "code", "status", "error_code", "param")


def is_error(value: Any) -> bool:
    """Tell whether an ``error`` member is one: many servers send an empty one with each record."""
    return any(value.values()) if isinstance(value, Mapping) else bool(value)


def error_beside(value: Mapping[str, Any]) -> Any:
    """Return the error that a record is where it has no ``error``, and nothing of an answer."""
    if value.get("object") == "error" or value.get("type") in ("error", "exception"):
        return value
    if is_error(value.get("errors")):
        return value["errors"]
    if value.get("success") is False or value.get("ok") is False:
        return value
    if str(value.get("status")).lower() in ("error", "failed", "failure"):
        return value
    if has_words(value):
        return value
    if is_error(value.get("exception")):
        return value["exception"]
    detail = value.get("detail")
    return value if isinstance(detail, list | Mapping) and detail else _exception(value)


def has_words(value: Mapping[str, Any]) -> bool:
    """Tell whether a record says something in words."""
    return any(isinstance(value.get(name), str) and value[name] for name in _ERROR_WORDS)


def _exception(value: Mapping[str, Any]) -> Any:
    """Return what is in a record like ``{"throttlingException": {"message": "…"}}`` (Bedrock's), or None."""
    names = [name for name in value if name.lower().endswith(("exception", "error"))]
    return value[names[0]] if len(value) == 1 and names and is_error(value[names[0]]) else None


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
    words = next((error[name] for name in _ERROR_WORDS if error.get(name)), inner or error.get("reason"))
    if isinstance(words, str):
        if (cause := _cause(error)) is not None:  # "Provider returned error" is no reason
            words = f"{words}: {in_words(cause, depth + 1)}"
        facts = [str(error[name]) for name in _ERROR_FACTS if isinstance(error.get(name), str | int)]
        facts = [fact for fact in facts if fact and fact != words]
        return f"{words} ({', '.join(facts)})" if facts else words
    if isinstance(words, Mapping | list) and words:
        return in_words(words, depth + 1)
    return json.dumps(error, ensure_ascii=False, default=str)


def _cause(error: Mapping[str, Any]) -> Any:
    """Return what the server behind a gateway said (OpenRouter's ``metadata.raw``), or None."""
    metadata = error.get("metadata")
    cause = metadata.get("raw") if isinstance(metadata, Mapping) else None
    with suppress(ValueError, RecursionError):
        cause = json.loads(cause) if isinstance(cause, str) else cause
    return cause or None


def code_of(error: Any) -> str:
    """Return the code by which OpenAI's API names an error, or ""."""
    while isinstance(error, Mapping) and isinstance(error.get("error"), Mapping):
        error = error["error"]
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if isinstance(code, str) else ""


def wait_of(error: Any) -> str | None:
    """Return how long an error says to wait, as Gemini's API does in its ``details``, or None."""
    if isinstance(error, list) and error:
        error = error[0]
    while isinstance(error, Mapping) and isinstance(error.get("error"), Mapping):
        error = error["error"]
    details = error.get("details") if isinstance(error, Mapping) else None
    several = details if isinstance(details, list) else []
    delays = (one.get("retryDelay") for one in several if isinstance(one, Mapping))
    return next((delay for delay in delays if isinstance(delay, str)), None)
