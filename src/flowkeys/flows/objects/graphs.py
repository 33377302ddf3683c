"""LangGraph's graphs as things that answer."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Final

from flowkeys.flows.objects.answers import Extras, NoAnswerError, WaitsError, extras_of, named, object_text
from flowkeys.flows.objects.inputs import History, Shape, is_entrypoint
from flowkeys.flows.objects.messages import MODEL, Spoken, conversation, message_text, spoken
from flowkeys.flows.objects.transcript import Transcript

_MODES: Final = ["messages", "tasks", "updates", "values", "custom"]
_ASKERS: Final = frozenset({"human", "user", "system", "developer"})


async def ask_graph(
    graph: Any, shape: Shape, question: str, history: History, session: str
) -> AsyncGenerator[str | Extras, None]:
    """Yield what a graph says: its models' words as they come, and the messages that its nodes write.

    Models whose words are not for the reader are tagged ``nostream``, as LangGraph has it.

    Raises:
        NoAnswerError: it said nothing, cannot be asked, or waits for a person.
        Exception: whatever it raises.
    """
    if not shape.asks():
        raise NoAnswerError(
            "the graph cannot be asked: its state has neither messages nor question, input or query"
        )
    value = await shape.value(question, history, session)
    config = {"configurable": {"session_id": session}}
    run = _GraphRun(graph, value)
    async with aclosing(graph.astream(value, config, stream_mode=_MODES, subgraphs=True)) as events:
        async for namespace, mode, payload in events:
            for piece in run.take(namespace, mode, payload):
                yield piece
    for piece in run.finish():
        yield piece
    extras = run.extras()
    if extras is not None:
        yield extras


class _GraphRun:
    """One run of a graph, event by event."""

    def __init__(self, graph: Any, value: Any) -> None:
        self._returns = is_entrypoint(graph)
        self._given = value if isinstance(value, dict) else {}
        self._transcript = Transcript()
        self._known: set[str | None] = set()
        self._state: Any = None
        self._waits: list[Any] | None = None
        self._written = ""

    def take(self, namespace: tuple[str, ...], mode: str, payload: Any) -> list[str]:
        """Return what can be said after an event."""
        if mode == "messages":
            return self._heard(*payload)
        if mode == "custom":
            self._written += payload if isinstance(payload, str) else ""
        elif namespace:
            pass  # of a graph inside: what its nodes write counts when the node around it writes it
        elif mode == "values":
            self._state = payload
            self._known |= {message.id for message in self._messages(payload) if message.id is not None}
        elif mode == "updates":
            self._note_interrupts(payload)
        elif "result" in payload:
            return self._transcript.ended(payload["id"], self._of_models(payload["result"]))
        return []

    def finish(self) -> list[str]:
        """Return what is left to say.

        Raises:
            NoAnswerError: nothing was said at all, or the graph waits for a person.
        """
        if self._waits is not None:
            raise WaitsError(self._waits)
        pieces = self._transcript.finish(self._answer())
        if self._transcript.silent:
            pieces = self._transcript.finish(self._last_resort())
        if self._transcript.silent:
            raise NoAnswerError("the graph ended without an answer")
        return pieces

    def extras(self) -> Extras | None:
        """Return documents and tools in the state, by the names that say that they are for the reader."""
        return extras_of(self._state) if isinstance(self._state, Mapping) else None

    def _heard(self, message: Any, metadata: Mapping[str, Any]) -> list[str]:
        said = spoken(message)
        if said is None or said.role != MODEL or said.id is None:
            return []
        task = str(metadata.get("langgraph_checkpoint_ns", "")).partition("|")[0].rpartition(":")[2]
        if not type(message).__name__.endswith("Chunk"):
            self._transcript.whole(task, said)
            return []
        last = getattr(message, "chunk_position", None) == "last"
        return self._transcript.token(task, said.id, said.text, last=last)

    def _of_models(self, result: Any) -> list[Spoken]:
        """Return the messages of models that a node wrote, and those that it takes away."""
        writes = result.items() if isinstance(result, Mapping) else result or ()
        messages = [value for name, value in writes if name == "messages"]
        found = []
        for value in messages:
            several = isinstance(value, Mapping) and "$writes" in value
            for one in value["$writes"] if several else [value]:
                found += conversation(getattr(one, "value", one))
        return [
            m for m in found if m.removes or (m.role == MODEL and (m.id is None or m.id not in self._known))
        ]

    def _note_interrupts(self, payload: Any) -> None:
        if isinstance(payload, Mapping) and "__interrupt__" in payload:
            self._waits = [*(self._waits or ()), *(getattr(i, "value", i) for i in payload["__interrupt__"])]

    def _answer(self) -> str | None:
        """Return what the graph returned, or the answer in its state, or None."""
        state = self._state
        if state is None:
            return None
        if self._returns:
            return self._returned(state)
        messages = self._messages(state)
        if messages:
            # What a tool returned is the answer where it is returned directly; else a model speaks after it.
            return messages[-1].text if messages[-1].role == "tool" else None
        return self._member(state)

    def _returned(self, value: Any) -> str | None:
        if isinstance(value, Mapping | list):
            found = self._messages(value)
            if found:
                return found[-1].text if found[-1].role == MODEL else None
        text = value if isinstance(value, str) else message_text(value)
        return object_text(value, self._given) if text is None else text

    def _member(self, state: Any) -> str | None:
        if not isinstance(state, Mapping):
            return message_text(state)
        text = named(state, self._given)[1]
        if text is not None:
            return text
        texts = [v for name, v in state.items() if isinstance(v, str) and self._given.get(name) != v]
        return texts[0] if len(texts) == 1 else None

    def _last_resort(self) -> str | None:
        """Return what can stand for an answer of a graph that said nothing to the reader."""
        if self._returns:
            return self._written or None
        messages = self._messages(self._state)
        new = messages[-1] if messages else None
        given = {message.id for message in self._messages(self._given)}
        if new is not None and new.id not in given and (new.role not in _ASKERS or new.id is not None):
            return new.text if new.role != "system" else None
        return self._written or (self._member(self._state) if messages else None)

    @staticmethod
    def _messages(value: Any) -> list[Spoken]:
        if isinstance(value, list):
            return conversation(value)
        messages = value.get("messages") if isinstance(value, Mapping) else getattr(value, "messages", None)
        return conversation(messages) if isinstance(messages, list) else []
