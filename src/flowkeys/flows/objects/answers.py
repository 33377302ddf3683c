"""What a Python object returns, read as the text of an answer.

A text, a message, or an object with one of `NAMES` in it; lists and other data are written out.
"""

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from flowkeys.flows.graph.readable import readable
from flowkeys.flows.objects.messages import MODEL, conversation, message_text

NAMES: Final = (
    "answer", "output", "text", "result", "response", "output_text", "generation", "final_answer", "reply",
    "completion", "content", "message",
)  # fmt: skip
"""Members of an object that hold the answer; the first that is there counts."""
TEXT_FIRST: Final = ("text", *(name for name in NAMES if name != "text"))
"""As they count in what a function returns, which has ``text`` in our own contract."""
_SOURCES: Final = ("sourceDocuments", "source_documents")
_TOOLS: Final = ("usedTools", "used_tools")
_DEPTH: Final = 20


class NoAnswerError(Exception):
    """An object answered nothing that can be said; the message is a sentence about it, without its end."""

    reason: str | None = None
    """What the operator is told besides."""


class NotTextError(NoAnswerError):
    """An object returned something that is no text."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"the Python object returned {kind}, which is no text")


class WaitsError(NoAnswerError):
    """A graph stopped to ask a person."""

    def __init__(self, asked: list[Any]) -> None:
        """`asked` is what it asked; empty where it only stops before or after a node."""
        self.reason = (
            f"It asks: {'; '.join(map(repr, asked))}" if asked else "It stops before or after a node."
        )
        super().__init__("the graph waits for a person, which this server cannot answer for")


class Extras(msgspec.Struct, frozen=True):
    """What an object returns beside text."""

    source_documents: list[dict[str, Any]] = []
    used_tools: list[dict[str, Any]] = []


def object_text(value: Any, given: Mapping[str, Any], names: Sequence[str] = NAMES) -> str:
    """Return the answer that a whole object, list or message is.

    Raises:
        NoAnswerError: there is none.
    """
    value = plain(value)
    if isinstance(value, Mapping):
        if value.get("__interrupt__"):
            raise WaitsError([getattr(one, "value", one) for one in value["__interrupt__"]])
        _, text = named(value, given, names)
        if text is None and isinstance(value.get("messages"), list):
            text = last_words(value["messages"])
        return _data_text(value, given) if text is None else text
    if isinstance(value, list):
        return _list_text(value)
    text = _leaf(value)
    if text is None or isinstance(value, bool | int | float):
        raise NotTextError(type(value).__name__)
    return text


def last_words(messages: Any) -> str | None:
    """Return the text of the last message when a model said it, or None."""
    found = conversation(messages)
    return found[-1].text if found and found[-1].role == MODEL else None


def extras_of(value: Any) -> Extras | None:
    """Return the documents and tools that an object names, or that a list of documents is."""
    if isinstance(value, list) and value and all(map(_is_document, value)):
        return Extras(_objects(value))
    if not isinstance(value, Mapping):
        return None
    documents, tools = (
        next((found for name in names if (found := _objects(value.get(name)))), [])
        for names in (_SOURCES, _TOOLS)
    )
    return Extras(documents, tools) if documents or tools else None


def plain(value: Any) -> Any:
    """Return a model of pydantic's or a dataclass as the mapping that it is, a document as a list of one."""
    if _is_document(value):
        return [value]
    if hasattr(type(value), "model_fields") and message_text(value) is None:
        return {name: getattr(value, name) for name in type(value).model_fields}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return value


def named(
    value: Mapping[Any, Any], given: Mapping[str, Any], names: Sequence[str] = NAMES
) -> tuple[str | None, str | None]:
    """Return the member that is the answer, and its text; an empty one only where there is no other."""
    empty: tuple[str | None, str | None] = None, None
    for name in names:
        found = value.get(name)
        if found is None or _is_echo(name, found, given):
            continue
        text = _leaf(found)
        if text:
            return name, text
        if text is not None and empty[0] is None:
            empty = name, text
    return empty


def _is_echo(name: str, value: Any, given: Mapping[str, Any]) -> bool:
    return name in given and given[name] == value


def _leaf(value: Any, depth: int = 0) -> str | None:
    """Return a member of an object as text: a text, a message, a number, or what is inside it."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool | int | float):
        return _json(value)
    value = plain(value)
    if isinstance(value, list):
        try:
            return _list_text(value)
        except NoAnswerError:
            return None
    text = None if isinstance(value, Mapping) else message_text(value)
    if text is not None or not isinstance(value, Mapping) or depth > _DEPTH:
        return text
    for name in NAMES:
        if value.get(name) is not None and (text := _leaf(value[name], depth + 1)):
            return text
    return _json(_data(value))


def _list_text(values: list[Any]) -> str:
    if not values:
        return ""
    if all(map(_is_document, values)):
        return "\n\n".join(document.page_content for document in values)
    if all(isinstance(item, str | int | float) for item in values):
        return str(values[0]) if len(values) == 1 else "\n".join(f"- {item}" for item in values)
    words = last_words(values)
    if words is not None:
        return words
    text = _json([_data(item) for item in values])
    if text is None:
        raise NotTextError("list")
    return text


def _data_text(value: Mapping[Any, Any], given: Mapping[str, Any]) -> str:
    """Return an object without a member of a known name: its only text, or its data as JSON.

    What it was given, documents and messages are left out: they are what an answer was made of.
    """
    left = {
        name: data
        for name, member in value.items()
        if isinstance(name, str)
        and not name.startswith("__")
        and not _is_echo(name, member, given)
        and name not in (*_SOURCES, *_TOOLS, "messages")
        and (data := _data(member)) is not None
    }
    if len(left) == 1 and isinstance(only := next(iter(left.values())), str):
        return only
    text = _json(left) if left else None
    if text is None:
        kind = f"{'' if value else 'an empty '}{type(value).__name__}"
        raise NoAnswerError(f"the Python object returned {kind} without text, answer or output")
    return text


def _data(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON has it, or None for what is no data: documents and objects of other kinds."""
    if isinstance(value, str):
        return readable(str.__str__(value))
    if value is None or isinstance(value, bool | int | float):
        return value
    text = None if isinstance(value, Mapping) else message_text(value)
    if text is not None:
        return text
    value = plain(value)
    if depth > _DEPTH:
        return None
    if isinstance(value, Mapping):
        return {str(name): _data(member, depth + 1) for name, member in value.items()}
    if isinstance(value, list) and not any(map(_is_document, value)):
        return [_data(item, depth + 1) for item in value]
    return None


def _json(value: Any) -> str | None:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError, OverflowError):
        return None


def _objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects and documents in a list as JSON; what JSON does not have becomes text."""
    if not isinstance(value, list):
        return []
    shown = (
        {"pageContent": item.page_content, "metadata": item.metadata} if _is_document(item) else item
        for item in value
    )
    return [
        readable(msgspec.to_builtins(item, str_keys=True, enc_hook=str))
        for item in shown
        if isinstance(item, dict)
    ]


def only_extras(value: Any) -> bool:
    """Tell whether an object says nothing: it brings the documents and tools of what was said as text."""
    return isinstance(value, Mapping) and bool(value) and all(name in (*_SOURCES, *_TOOLS) for name in value)


def _is_document(value: Any) -> bool:
    return isinstance(getattr(value, "page_content", None), str) and isinstance(
        getattr(value, "metadata", None), Mapping
    )


def is_addable(value: Any) -> bool:
    """Tell whether pieces of an object are LangChain's, which are added to each other."""
    kind = getattr(sys.modules.get("langchain_core.runnables.utils"), "AddableDict", None)
    return isinstance(kind, type) and isinstance(value, kind)
