"""What LangChain's and LangGraph's objects are given: the question where they say that they take one."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from flowkeys.flows.objects.messages import as_objects
from flowkeys.flows.objects.recognise import is_a

Messages = list[dict[str, str]]
History = Callable[[], Awaitable[Messages]]

_QUESTIONS: Final = frozenset(
    {"question", "input", "query", "text", "human_input", "user_input", "user_question", "prompt"}
)
_HISTORIES: Final = frozenset({"history", "chat_history"})
_MESSAGES: Final = "messages"
_SESSION: Final = "session_id"


class Shape(msgspec.Struct, frozen=True):
    """What an object takes."""

    kind: str
    """``text``, ``messages`` (a list of them), ``members``, or ``only``: one member of another name, beside
    histories and the session."""
    members: frozenset[str] = frozenset()

    def asks(self) -> bool:
        """Tell whether there is a place for the question."""
        return self.kind != "members" or bool(self.members & (_QUESTIONS | {_MESSAGES}))

    async def value(self, question: str, history: History, session: str) -> Any:
        """Return the input for one question; the history is loaded only where it is taken."""
        asked = {"role": "user", "content": question}
        if self.kind == "text":
            return question
        if self.kind == "messages":
            return as_objects([*await history(), asked])
        members = self.members
        questions = members - _HISTORIES - {_SESSION} if self.kind == "only" else members & _QUESTIONS
        value: dict[str, Any] = dict.fromkeys(questions, question)
        if _MESSAGES in members or _HISTORIES & members:
            earlier = as_objects(await history())
            value |= dict.fromkeys(members & _HISTORIES, earlier)
            value |= {_MESSAGES: [*earlier, *as_objects([asked])]} if _MESSAGES in members else {}
        if _SESSION in members:
            value[_SESSION] = session
        return value


def runnable_shape(runnable: Any) -> Shape:
    """Return what a Runnable takes; a text, when it does not say."""
    if is_a(runnable, "langchain_core.language_models", "BaseLanguageModel"):
        return Shape("messages")
    branches = _branches(runnable)
    if branches:
        return _common(list(map(runnable_shape, branches)))
    schema = _schema(runnable)
    if schema.get("type") == "object":
        return _members(frozenset(schema.get("properties") or _QUESTIONS | _HISTORIES))
    return Shape("messages" if schema.get("type") == "array" else "text")


def _branches(runnable: Any) -> list[Any]:
    """Return what is asked beside each other where a Runnable begins with a dict of them.

    The schema of such a dict does not tell one that takes a text as a whole (`RunnablePassthrough()`, a
    retriever) from one that takes members.
    """
    while (first := getattr(runnable, "first", None) or getattr(runnable, "bound", None)) is not None:
        runnable = first
    if not is_a(runnable, "langchain_core.runnables.base", "RunnableParallel"):
        return []
    steps = getattr(runnable, "steps__", None)
    return list(steps.values()) if isinstance(steps, Mapping) else []


def _common(shapes: list[Shape]) -> Shape:
    """Return what several take at once."""
    named = [shape for shape in shapes if shape.members]
    if named:
        return _members(frozenset().union(*(shape.members for shape in named)))
    return shapes[0] if all(shape == shapes[0] for shape in shapes) else Shape("text")


def _members(members: frozenset[str]) -> Shape:
    """Return the shape that takes members of these names; the only one of another name takes the question."""
    shape = Shape("members", members)
    others = members - _HISTORIES - {_SESSION}
    return Shape("only", members) if len(others) == 1 and not shape.asks() else shape


def graph_shape(graph: Any) -> Shape:
    """Return what a graph takes: members of its state, or what its entry point takes."""
    schema = {} if (members := _state_members(graph)) else _schema(graph)
    members = members or frozenset(schema.get("properties") or ())
    if schema.get("type") == "array":
        return Shape("messages")
    if members:
        return _members(members)
    if schema.get("type") == "object":
        return Shape("members", _QUESTIONS | _HISTORIES | {_MESSAGES})
    return Shape("text") if is_entrypoint(graph) else Shape("members", frozenset({_MESSAGES}))


def is_entrypoint(graph: Any) -> bool:
    """Tell whether a graph is a function of LangGraph's functional API: it has no state, it returns."""
    return getattr(graph, "output_channels", None) == "__end__"


def _state_members(graph: Any) -> frozenset[str]:
    """Return the members of the state that a graph takes, by its own list: not every type has a schema."""
    builder = getattr(graph, "builder", None)
    try:
        return (
            frozenset(map(str, builder.schemas[builder.input_schema])) if builder is not None else frozenset()
        )
    except Exception:  # noqa: BLE001  # a version that keeps it elsewhere
        return frozenset()


def _schema(found: Any) -> dict[str, Any]:
    try:
        return dict(found.get_input_jsonschema())
    except Exception:  # noqa: BLE001  # whatever its types are that have no schema
        return {}
