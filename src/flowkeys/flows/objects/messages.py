"""Messages as LangChain and LangGraph have them: objects, pairs of role and text, and plain dicts.

Nothing of theirs is imported here: an object of theirs can only come from a module that has been imported,
so it is recognised by the classes that are loaded already.
"""

import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import uuid4

import msgspec

MODEL: Final = "model"
NOBODY: Final = "nobody"
_REMOVED: Final = "remove"
_MODELS: Final = frozenset({"ai", "AIMessageChunk", "assistant"})
_PAIR: Final = 2


class Spoken(msgspec.Struct, frozen=True):
    """A message, whatever it was written as."""

    role: str
    """Who said it: `MODEL` for a model's or an assistant's words, `NOBODY` for a mere text."""
    id: str | None
    text: str
    removes: bool = False
    """It only takes away the message of this id."""


def message_text(value: Any) -> str | None:
    """Return the text of a message or of a piece of one, or None when `value` is no message."""
    return _content_text(getattr(value, "content", None))


def spoken(value: Any) -> Spoken | None:
    """Return a message in any of the forms that LangGraph takes; None for what is none of them."""
    if isinstance(value, Mapping):
        role, text = value.get("role") or value.get("type"), _content_text(value.get("content"))
        return None if not isinstance(role, str) or text is None else _spoken(role, value.get("id"), text)
    if isinstance(value, tuple | list) and len(value) == _PAIR and isinstance(value[0], str):
        text = _content_text(value[1])
        return None if text is None else _spoken(value[0], None, text)
    if isinstance(value, str):
        return _spoken(NOBODY, None, str.__str__(value))
    text, kind = message_text(value), getattr(value, "type", None)
    if text is None or not isinstance(kind, str):
        return None
    role = getattr(value, "role", None) if kind.lower().startswith("chat") else kind
    return _spoken(str(role), getattr(value, "id", None), text, removes=kind == _REMOVED)


def conversation(messages: Any) -> list[Spoken]:
    """Return the messages in what a node wrote: one, or a list of them; what is no message is left out."""
    if messages is None:
        return []
    single = not isinstance(messages, list | tuple) or (
        isinstance(messages, tuple) and spoken(messages) is not None
    )
    found = (spoken(item) for item in ([messages] if single else messages))
    return [message for message in found if message is not None]


def as_objects(messages: Iterable[Mapping[str, str]]) -> list[Any]:
    """Return ``{"role", "content"}`` messages as LangChain's objects, each with an id of its own.

    They stay dicts when LangChain's messages are not loaded: then nobody here knows them.
    """
    convert = getattr(sys.modules.get("langchain_core.messages"), "convert_to_messages", None)
    if convert is None:
        return list(messages)
    made = convert([dict(message) for message in messages])
    for message in made:
        message.id = str(uuid4())
    return list(made)


def _spoken(role: str, message_id: Any, text: str, *, removes: bool = False) -> Spoken:
    known = message_id if isinstance(message_id, str) else None
    return Spoken(MODEL if role in _MODELS else role, known, text, removes)


def _content_text(content: Any) -> str | None:
    """Return the text of a message's content: a text, or the parts of a list that are text."""
    if isinstance(content, str):
        return str.__str__(content)  # LangChain has subclasses, which an encoder would not know
    if not isinstance(content, list):
        return None
    return "".join(
        block if isinstance(block, str) else str(block.get("text") or "")
        for block in content
        if isinstance(block, str) or (isinstance(block, dict) and block.get("type") == "text")
    )
