"""Texts from callers, told apart from those that a flow's owner wrote."""

from collections.abc import Mapping
from typing import Any


class Literal(str):
    """A text from a caller: used as it is, with nothing resolved in it."""

    __slots__ = ()


def unmarked(value: Any) -> Any:
    """Return JSON with each `Literal` in it as a plain text, fit for being shown and encoded."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list):
        return [unmarked(item) for item in value]
    if isinstance(value, Mapping):
        return {key: unmarked(item) for key, item in value.items()}
    return value


def marked(value: Any) -> Any:
    """Return JSON from a caller with each text in it as a `Literal`; the names of members are the node's."""
    if isinstance(value, str):
        return Literal(value)
    if isinstance(value, list):
        return [marked(item) for item in value]
    if isinstance(value, Mapping):
        return {key: marked(item) for key, item in value.items()}
    return value


def is_ours(value: Any) -> bool:
    """Tell whether nothing in a piece of JSON is from a caller."""
    if isinstance(value, Mapping):
        return all(is_ours(item) for item in value.values())
    return all(map(is_ours, value)) if isinstance(value, list) else not isinstance(value, Literal)
