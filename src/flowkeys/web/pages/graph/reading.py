"""flowData read for drawing: as much of it as makes sense, whatever else is wrong with it.

Running a chatflow is strict about its graph (`flows`); looking at one must work with any that is stored.
"""

import math
import re
from collections.abc import Iterator
from typing import Any, Final, TypeVar

import msgspec

MAX_NODES: Final = 500
MAX_EDGES: Final = 2000
MAX_CHARACTERS: Final = 10_000_000
MAX_BRACKETS: Final = 300_000
MAX_TEXT: Final = 300
FARTHEST: Final = 20_000.0
"""A coordinate beyond is taken for a mistake: everything else would be a dot."""
_DEEPEST: Final = 5

_COLOUR = re.compile(r"#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_UNSEEN = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]+")
_NOTES: Final = frozenset({"stickyNote", "stickyNoteAgentflow"})

T = TypeVar("T")


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One node as it is to be drawn. A missing place or size is None."""

    id: str
    label: str
    kind: str
    """What it is, in words; empty when the label says so already."""
    colour: str | None
    place: tuple[float, float] | None
    """Its upper left corner, from that of its parent if it has one."""
    width: float | None
    height: float | None
    parent: str | None
    is_note: bool
    is_frame: bool
    """Other nodes may lie inside of it."""
    loops_to: str


class Edge(msgspec.Struct, frozen=True):
    """A connection between two nodes, by id."""

    source: str
    target: str
    handle: str = ""
    label: str = ""
    loops: bool = False


class Flow(msgspec.Struct, frozen=True):
    """What there is to draw, and how many nodes are left out since there are too many."""

    nodes: list[Node]
    edges: list[Edge]
    left_out: int


class _Data(msgspec.Struct):
    name: Any = None
    label: Any = None
    type: Any = None
    category: Any = None
    color: Any = None
    inputs: Any = None


class _Node(msgspec.Struct, rename="camel"):
    id: str
    data: msgspec.Raw = msgspec.Raw(b"{}")
    type: Any = None
    position: Any = None
    position_absolute: Any = None
    width: Any = None
    height: Any = None
    parent_node: Any = None
    parent_id: Any = None


class _Edge(msgspec.Struct, rename="camel"):
    source: str
    target: str
    source_handle: Any = None
    data: Any = None


class _Flow(msgspec.Struct):
    nodes: list[msgspec.Raw] = []
    edges: list[msgspec.Raw] = []


_FLOW = msgspec.json.Decoder(_Flow)
_NODE = msgspec.json.Decoder(_Node)
_DATA = msgspec.json.Decoder(_Data)
_EDGE = msgspec.json.Decoder(_Edge)


def is_too_large(flow_data: str) -> bool:
    """Tell whether a flow is too large to be read for a page. Costs a look at each character."""
    return len(flow_data) > MAX_CHARACTERS or flow_data.count("[") + flow_data.count("{") > MAX_BRACKETS


def read(flow_data: str) -> Flow | None:
    """Return what can be drawn of a flow, or None when nothing can. Never raises."""
    if is_too_large(flow_data):
        return None
    flow = _decoded(_FLOW, flow_data)
    if flow is None:
        return None
    nodes = [_node(raw) for raw in _each(_NODE, flow.nodes[:MAX_NODES])]
    if not nodes:
        return None
    ids = {node.id for node in nodes}
    edges = [_edge(raw) for raw in _each(_EDGE, flow.edges[:MAX_EDGES])]
    edges += [Edge(node.id, target, loops=True) for node in nodes if (target := _looped(node.loops_to, ids))]
    shown = [edge for edge in edges if edge.source in ids and edge.target in ids]
    return Flow(nodes, list(dict.fromkeys(shown)), max(len(flow.nodes) - MAX_NODES, 0))


def _decoded(decoder: msgspec.json.Decoder[T], text: str | msgspec.Raw) -> T | None:
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _each(decoder: msgspec.json.Decoder[T], items: list[msgspec.Raw]) -> Iterator[T]:
    return (item for raw in items if (item := _decoded(decoder, raw)) is not None)


def _node(raw: _Node) -> Node:
    data = _decoded(_DATA, raw.data) or _Data()
    inputs = data.inputs if isinstance(data.inputs, dict) else {}
    is_note = raw.type == "stickyNote" or (isinstance(data.name, str) and data.name in _NOTES)
    label = _text(inputs.get("note")) if is_note else _text(data.label)
    kind = _kind(data)
    parent = raw.parent_node if isinstance(raw.parent_node, str) else raw.parent_id
    return Node(
        id=raw.id,
        label=label or ("" if is_note else kind or _text(raw.id) or "Node"),
        kind="" if kind.casefold() == label.casefold() else kind,
        colour=data.color if isinstance(data.color, str) and _COLOUR.fullmatch(data.color) else None,
        place=_place(raw.position) or _place(raw.position_absolute),
        width=_size(raw.width),
        height=_size(raw.height),
        parent=parent if isinstance(parent, str) and parent != raw.id else None,
        is_note=is_note,
        is_frame=raw.type == "iteration" or data.name == "iterationAgentflow",
        loops_to=back if isinstance(back := inputs.get("loopBackToNode"), str) else "",
    )


def _kind(data: _Data) -> str:
    """Return the kind in words: a classic node's category, an agent flow node's type."""
    category = _text(data.category)
    if category and category != "Agent Flows":
        return category
    name = _text(data.type) or _text(data.name).removesuffix("Agentflow")
    words = _CAMEL.sub(" ", name)
    return words[:1].upper() + words[1:]


def _edge(raw: _Edge) -> Edge:
    data = raw.data if isinstance(raw.data, dict) else {}
    label = _text(data.get("edgeLabel")) or _text(data.get("label"))
    handle = raw.source_handle if isinstance(raw.source_handle, str) else ""
    return Edge(raw.source, raw.target, handle[:MAX_TEXT], label)


def _looped(text: str, ids: set[str]) -> str | None:
    """Return the node that a Loop node names, as ``id-label``."""
    parts = text.split("-")[: _DEEPEST * 2]
    named = ("-".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((node_id for node_id in named if node_id in ids), None)


def _text(value: object) -> str:
    return _UNSEEN.sub(" ", value[: 2 * MAX_TEXT]).strip()[:MAX_TEXT] if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= FARTHEST and math.isfinite(value) else None


def _place(value: object) -> tuple[float, float] | None:
    if not isinstance(value, dict):
        return None
    x, y = _number(value.get("x")), _number(value.get("y"))
    return None if x is None or y is None else (x, y)


def _size(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and number >= 1 else None
