"""LangChain Runnables and LangGraph graphs as things that answer.

Nothing of theirs is imported here: an object of theirs can only come from a module that has been imported,
so it is recognised by the classes that are loaded already.
"""

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final

Messages = list[dict[str, str]]
History = Callable[[], Awaitable[Messages]]
Streaming = Callable[[str, History, str], AsyncGenerator[str, None]]

_QUESTIONS: Final = frozenset({"question", "input", "query", "text", "human_input", "user_input"})
_HISTORIES: Final = frozenset({"history", "chat_history"})
_SEPARATOR: Final = "\n\n"


def adapt(found: Any) -> Streaming | None:
    """Return what answers for a Runnable or graph, or None when it is neither."""
    if _is_a(found, "langgraph.graph.state", "StateGraph"):
        found = found.compile()
    if _is_a(found, "langgraph.pregel", "Pregel"):
        # A session's memory is ours and belongs to one key; a checkpointer's would be shared by name.
        graph = found.copy({"checkpointer": None})
        return lambda question, history, session: _graph(graph, question, history, session)
    if _is_a(found, "langchain_core.runnables", "Runnable"):
        shape = _input_shape(found)
        return lambda question, history, session: _runnable(found, shape, question, history, session)
    return None


def message_text(value: Any) -> str | None:
    """Return the text of a message or of a piece of one, or None when `value` is no message."""
    content = getattr(value, "content", None)
    if isinstance(content, str):
        return str.__str__(content)
    if not isinstance(content, list):
        return None
    return "".join(
        block if isinstance(block, str) else str(block.get("text") or "")
        for block in content
        if isinstance(block, str) or (isinstance(block, dict) and block.get("type") == "text")
    )


def _is_a(found: Any, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(found, kind)


def _input_shape(runnable: Any) -> frozenset[str] | str:
    """Return the names of the members that a Runnable's input has, or "messages" or "text"."""
    if _is_a(runnable, "langchain_core.language_models", "BaseLanguageModel"):
        return "messages"
    try:
        schema = runnable.get_input_jsonschema()
    except Exception:  # noqa: BLE001  # whatever its types are that have no schema, a text it is
        return "text"
    if schema.get("type") == "object":
        return frozenset(schema.get("properties") or _QUESTIONS | _HISTORIES)
    return "text"


async def _runnable(
    runnable: Any, shape: frozenset[str] | str, question: str, history: History, session: str
) -> AsyncGenerator[str, None]:
    value: Any
    if shape == "text":
        value = question
    elif shape == "messages":
        value = [*await history(), _asked(question)]
    else:
        value = {name: question for name in shape if name in _QUESTIONS}
        if "messages" in shape or _HISTORIES & set(shape):
            earlier = await history()
            value |= {name: earlier for name in shape if name in _HISTORIES}
            value |= {"messages": [*earlier, _asked(question)]} if "messages" in shape else {}
        if "session_id" in shape:
            value["session_id"] = session
    config = {"configurable": {"session_id": session}}
    async with aclosing(runnable.astream(value, config)) as pieces:
        async for piece in pieces:
            text = _piece(piece)
            if text:
                yield text


def _piece(piece: Any) -> str:
    if isinstance(piece, str):
        return str.__str__(piece)  # LangChain has subclasses, which an encoder would not know
    if isinstance(piece, Mapping):  # a chain that returns an object: its answer, not what it was made of
        said = (piece.get(name) for name in ("answer", "output", "text"))
        return next((str.__str__(text) for text in said if isinstance(text, str)), "")
    text = message_text(piece)
    if text is None:
        raise TypeError(type(piece).__name__)
    return text


async def _graph(graph: Any, question: str, history: History, session: str) -> AsyncGenerator[str, None]:
    """Yield what the graph's models say; when none of them says anything, the last message of its state.

    Models whose words are not for the reader are tagged ``nostream``, as LangGraph has it.
    """
    value = {"messages": [*await history(), _asked(question)]}
    config = {"configurable": {"session_id": session}}
    said = None
    state: Any = None
    events = graph.astream(value, config, stream_mode=["messages", "values"])
    async with aclosing(events):
        async for mode, payload in events:
            if mode == "values":
                state = payload
                continue
            message = payload[0]
            text = message_text(message) if getattr(message, "type", "") in {"ai", "AIMessageChunk"} else None
            if not text:
                continue
            if said is not None and message.id != said:
                yield _SEPARATOR
            said = message.id
            yield text
    if said is None:
        messages = state.get("messages") if isinstance(state, Mapping) else None
        text = message_text(messages[-1]) if isinstance(messages, list) and messages else None
        if text is None:
            raise TypeError(type(state).__name__)
        yield text


def _asked(question: str) -> dict[str, str]:
    return {"role": "user", "content": question}
