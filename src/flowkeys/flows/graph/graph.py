"""flowData, as Flowise exports it, read into a graph: lenient about members, strict about structure."""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

import msgspec

from flowkeys.domain.chatflows.code import NOTHING_BROUGHT, Brought
from flowkeys.flows.graph.limits import few

START: Final = "startAgentflow"
ITERATION: Final = "iterationAgentflow"
MAX_NODES: Final = 500
MAX_EDGES: Final = 5000
MAX_CHARACTERS: Final = 10_000_000
MAX_BRACKETS: Final = 300_000
MAX_ID: Final = 200
MAX_LABEL: Final = 200

_OUTPUT = re.compile(r"-output-(\d{1,4})$")


class Node(msgspec.Struct, frozen=True):
    """One node: its kind is Flowise's `data.name`, and `inputs` is what its author filled in."""

    id: str
    kind: str
    label: str
    inputs: Mapping[str, Any]
    given: frozenset[str] = frozenset()
    """The inputs that a caller set: what is wrong with them is the caller's mistake, never passed over."""
    inside: str = ""
    """The id of the iteration that it is drawn in, if it is in one."""


class Edge(msgspec.Struct, frozen=True):
    """A connection. `output` is the number of the output that it leaves from, where outputs have numbers."""

    source: str
    target: str
    output: int | None


class Graph(msgspec.Struct, frozen=True):
    """The nodes, Start first and each after all that lead to it where that can be, and their connections."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    kinds: frozenset[str] = frozenset()
    """All kinds that the flow has, those of nodes left out of `nodes` for a problem too."""
    problems: tuple[str, ...] = ()
    """Why this is no graph that could run, in words for people."""
    open_ended: frozenset[str] = frozenset()
    """The nodes with a connection to one that does not exist: they are no last nodes, but nothing follows."""
    workspace_id: str = ""
    """Whose credentials its nodes may name."""
    brought: Brought = NOTHING_BROUGHT
    """What the workspace brings to code in it."""


class _Data(msgspec.Struct):
    name: str
    label: Any = None
    inputs: Any = None


class _Node(msgspec.Struct):
    id: str
    data: _Data
    parent: Any = msgspec.field(default=None, name="parentNode")


class _Edge(msgspec.Struct, rename="camel"):
    source: str
    target: str
    source_handle: Any = None


class _Flow(msgspec.Struct):
    nodes: list[_Node] = []
    edges: list[_Edge] = []


_DECODER = msgspec.json.Decoder(_Flow)


def parse(flow_data: str, *, ignored: Iterable[str] = (), known: Iterable[str] | None = None) -> Graph:
    """Return the graph of a flow. Never raises: what is wrong with the text is in `Graph.problems`.

    Nodes of an `ignored` kind are left out, together with their edges. When a kind is not among the
    `known` ones, the order of the nodes is not worked out: such a flow cannot run anyhow.
    """
    if len(flow_data) > MAX_CHARACTERS:
        return Graph(problems=(f"flowData is longer than {MAX_CHARACTERS:,} characters.",))
    if flow_data.count("[") + flow_data.count("{") > MAX_BRACKETS:  # each is an object to be made, mostly
        return Graph(problems=(f"flowData has more than {MAX_BRACKETS:,} brackets and braces.",))
    try:
        flow = _DECODER.decode(flow_data)
    except msgspec.ValidationError as error:
        return Graph(problems=(f"flowData is not in Flowise's format: {error}.",))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return Graph(problems=("flowData is not valid JSON.",))

    for what, count, most in (("nodes", len(flow.nodes), MAX_NODES), ("edges", len(flow.edges), MAX_EDGES)):
        if count > most:
            return Graph(problems=(f"The flow has more than {most} {what}.",))
    leave_out = frozenset(ignored)
    dropped = {node.id for node in flow.nodes if node.data.name in leave_out}
    around = {node.id for node in flow.nodes if node.data.name == ITERATION}
    nodes = [_node(node, around) for node in flow.nodes if node.id not in dropped]
    edges = [_edge(edge) for edge in flow.edges if edge.source not in dropped and edge.target not in dropped]
    kinds = frozenset(node.kind for node in nodes)
    problems = _structure(nodes)
    there = {node.id for node in nodes}
    open_ended = frozenset(edge.source for edge in edges if edge.target not in there)
    edges = [edge for edge in edges if edge.source in there and edge.target in there]
    if problems or (known is not None and not kinds <= frozenset(known)):
        return Graph(tuple(nodes), tuple(edges), kinds, few(problems))
    ordered, problems = _order(nodes, edges)
    return Graph(
        tuple(nodes if problems else ordered), tuple(dict.fromkeys(edges)), kinds, few(problems), open_ended
    )


def _node(node: _Node, around: AbstractSet[str]) -> Node:
    inputs = node.data.inputs if isinstance(node.data.inputs, dict) else {}
    label = node.data.label if isinstance(node.data.label, str) and node.data.label else node.id
    inside = node.parent if isinstance(node.parent, str) and node.parent in around else ""
    return Node(node.id, node.data.name, label[:MAX_LABEL], inputs, inside=inside)


def _edge(edge: _Edge) -> Edge:
    match = _OUTPUT.search(edge.source_handle) if isinstance(edge.source_handle, str) else None
    return Edge(edge.source, edge.target, int(match[1]) if match else None)


def _structure(nodes: list[Node]) -> list[str]:
    problems = []
    if any(len(name) > MAX_ID for node in nodes for name in (node.id, node.kind)):
        return [f"A node has an id or a kind of more than {MAX_ID} characters."]
    ids = [node.id for node in nodes]
    seen: set[str] = set()
    for node_id in ids:
        if node_id in seen:
            problems.append(f"Two nodes have the id {node_id!r}.")
        seen.add(node_id)
    return problems


def _order(nodes: list[Node], edges: list[Edge]) -> tuple[list[Node], list[str]]:
    """Return the nodes sorted so that each follows all that lead to it, nearest to Start first.

    Nodes of a circle, and those behind one, come last: they wait for each other and never run. So do those in
    iterations, each of which is a flow of its own.
    """
    inner = [node for node in nodes if node.inside]
    if inner:
        ordered, problems = _order([node for node in nodes if not node.inside], _between(nodes, edges, ""))
        for around in dict.fromkeys(node.inside for node in inner):
            own, lacking = _order_inside(
                [node for node in inner if node.inside == around], _between(nodes, edges, around)
            )
            ordered += own
            problems += lacking
        return ordered, problems
    starts = [node for node in nodes if node.kind == START]
    if len(starts) != 1:
        return [], ["The flow has no Start node." if not starts else "The flow has more than one Start node."]
    by_id = {node.id: node for node in nodes}
    targets: dict[str, list[str]] = {node.id: [] for node in nodes}
    waiting = dict.fromkeys(by_id, 0)
    for edge in edges:
        targets[edge.source].append(edge.target)
        waiting[edge.target] += 1
    if waiting[starts[0].id]:
        return [], ["Something leads to the Start node, which would wait for it."]
    lost = [node.label for node in nodes if node.kind != START and waiting[node.id] == 0]
    if lost:
        return [], [f"Nothing leads from Start to {label!r}." for label in lost]
    return _from(starts[0].id, by_id, targets, waiting), []


def _between(nodes: list[Node], edges: list[Edge], around: str) -> list[Edge]:
    """Return the connections between nodes that are drawn in the same iteration, or in none."""
    there = {node.id for node in nodes if node.inside == around}
    return [edge for edge in edges if edge.source in there and edge.target in there]


def _order_inside(nodes: list[Node], edges: list[Edge]) -> tuple[list[Node], list[str]]:
    """Return the nodes of an iteration sorted, the one first that nothing leads to."""
    by_id = {node.id: node for node in nodes}
    targets: dict[str, list[str]] = {node.id: [] for node in nodes}
    waiting = dict.fromkeys(by_id, 0)
    for edge in edges:
        targets[edge.source].append(edge.target)
        waiting[edge.target] += 1
    firsts = [node for node in nodes if waiting[node.id] == 0]
    if not firsts:
        return nodes, ["An iteration has no node to begin with: each waits for another."]
    if len(firsts) > 1:
        return nodes, [f"In an iteration, nothing leads to {node.label!r}." for node in firsts[1:]]
    return _from(firsts[0].id, by_id, targets, waiting), []


def _from(
    first: str, by_id: Mapping[str, Node], targets: Mapping[str, list[str]], waiting: dict[str, int]
) -> list[Node]:
    """Return the nodes sorted from the first on; those that wait for each other come last."""
    ready = deque([first])
    ordered = []
    while ready:
        node_id = ready.popleft()
        ordered.append(by_id[node_id])
        for target in targets[node_id]:
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    placed = {node.id for node in ordered}
    return [*ordered, *(node for node in by_id.values() if node.id not in placed)]
