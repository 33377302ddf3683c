"""Texts from outside, fit to be encoded."""

from collections.abc import Mapping
from typing import Any


def readable_text(text: str) -> str:
    """Return a text from outside as `readable` does."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def readable(value: Any) -> Any:
    """Return JSON from outside with U+FFFD for each half of a surrogate pair: no encoder takes one."""
    if isinstance(value, str):
        return readable_text(value)
    if isinstance(value, list):
        return [readable(item) for item in value]
    if isinstance(value, Mapping):
        return {readable(key): readable(item) for key, item in value.items()}
    return value
