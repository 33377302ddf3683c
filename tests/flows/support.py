"""What the tests of flows share: chatflows, calls and a run whose events are kept."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowType
from flowkeys.domain.documents.collection import Hit
from flowkeys.domain.predictions.conversation import Role, Turn
from flowkeys.flows.engine import Engine
from flowkeys.flows.settings import FlowSettings
from flowkeys.service.ports.flows import Event, FlowCall, FlowResult, Tokens

DATA = Path(__file__).parent / "data"
NOON = 1_764_000_000_000_000

Inputs = Mapping[str, Any]


class Memory:
    """Collections held in memory: every passage that shares a word with the question is a hit."""

    def __init__(self, collections: Mapping[tuple[str, str], Sequence[Hit]] | None = None) -> None:
        self.collections = dict(collections or {})
        self.asked: list[tuple[str, str, str, int]] = []

    async def search(self, workspace_id: str, collection: str, question: str, limit: int) -> list[Hit]:
        """Keep the promise of the port."""
        self.asked.append((workspace_id, collection, question, limit))
        words = set(question.lower().split())
        hits = self.collections.get((workspace_id, collection), ())
        return [hit for hit in hits if words & set(hit.content.lower().split())][:limit]


def hit(source: str, content: str, heading: str = "") -> Hit:
    """Return a passage of a document."""
    return Hit(source, heading, content, 1.0, f"doc-{source}", 0)


def node(node_id: str, inputs: Inputs | None = None, label: str | None = None) -> dict[str, Any]:
    """A node as Flowise exports it; its kind is its id up to the underscore."""
    kind = node_id.partition("_")[0]
    data = {"id": node_id, "label": label or node_id, "name": kind, "inputs": inputs or {}}
    return {"id": node_id, "type": "agentFlow", "position": {"x": 0, "y": 0}, "data": data}


def edge(source: str, target: str, output: int | None = None) -> dict[str, Any]:
    """Return a connection, from the output with this number where there are several."""
    handle = source.partition("_")[0] if output is None else output
    return {"source": source, "target": target, "sourceHandle": f"{source}-output-{handle}", "id": "e"}


def flow_data(nodes: Sequence[Mapping[str, Any]], edges: Sequence[Mapping[str, Any]]) -> str:
    """Return flowData as it is stored."""
    return msgspec.json.encode({"nodes": nodes, "edges": edges}).decode()


def chain(*nodes: Mapping[str, Any]) -> str:
    """FlowData of nodes that follow each other, with a Start before them."""
    start = node("startAgentflow_0", {"startInputType": "chatInput"})
    line = [start, *nodes]
    return flow_data(line, [edge(a["id"], b["id"]) for a, b in pairwise(line)])


def chatflow(data: str, **changes: Any) -> Chatflow:
    """Return an agentflow with this flowData."""
    members: dict[str, Any] = {
        "id": "flow-1",
        "workspace_id": "ws",
        "name": "A flow",
        "type": ChatflowType.AGENTFLOW,
        "flow_data": data,
        "is_public": False,
        "chatbot_config": None,
        "api_config": None,
        "category": None,
        "extras": {},
        "created_at": 0,
        "updated_at": 0,
        "version": 1,
    }
    return Chatflow(**(members | changes))


def call(question: str = "Hello", *, history: Sequence[Turn] | None = None, **changes: Any) -> FlowCall:
    """A call; without a history, asking for one fails the test."""

    async def load() -> list[Turn]:
        assert history is not None, "the history was loaded for nothing"
        return list(history)

    members: dict[str, Any] = {
        "workspace_id": "ws",
        "chatflow_id": "flow-1",
        "session_id": "session-1",
        "chat_id": "chat-1",
        "memory_id": lambda: "memory-1",
        "question": question,
        "history": load,
        "now": NOON,
    }
    return FlowCall(**(members | changes))


TALK = (Turn(Role.USER, "I am Ada."), Turn(Role.ASSISTANT, "Hello Ada."))


class Ran(NamedTuple):
    """A run that has ended."""

    result: FlowResult
    events: list[Event]

    @property
    def tokens(self) -> list[str]:
        """The tokens that were sent."""
        return [event.data for event in self.events if event.name == "token"]

    @property
    def names(self) -> list[str]:
        """The names of all events."""
        return [event.name for event in self.events]


def engine(settings: FlowSettings | None = None, retriever: Memory | None = None, **more: Any) -> Engine:
    """Return an engine over collections in memory."""
    return Engine(settings or FlowSettings(), retriever or Memory(), **more)


def pieces(event: Event | Tokens) -> Sequence[str]:
    """Return the pieces of the answer that are sent together."""
    return event.pieces if isinstance(event, Tokens) else ()


async def run(
    data: str | Chatflow,
    given: FlowCall | None = None,
    *,
    settings: FlowSettings | None = None,
    retriever: Memory | None = None,
) -> Ran:
    """Run a flow on an engine of its own; the last that is heard is the text of its answer."""
    events: list[Event] = []

    async def emit(event: Event | Tokens) -> None:
        one_by_one = [Event("token", piece) for piece in pieces(event)] or [event]
        events.extend(Event(e.name, msgspec.json.decode(msgspec.json.encode(e.data))) for e in one_by_one)

    made = engine(settings, retriever)
    try:
        flow = made.compile(data if isinstance(data, Chatflow) else chatflow(data))
        ran = Ran(await flow.run(given or call(), emit), events)
    finally:
        await made.aclose()
    assert not ran.tokens or "".join(ran.tokens).endswith(ran.result.text) or ran.result.text == " "
    return ran


def problems(data: str, settings: FlowSettings | None = None) -> str:
    """What keeps a flow from running, as one text."""
    check = engine(settings).check(chatflow(data))
    assert check.runnable is not bool(check.problems or check.missing_kinds)
    return " ".join(check.problems)
