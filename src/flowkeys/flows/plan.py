"""A graph made into steps: checked once, run any number of times."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

import msgspec

from flowkeys.domain.chatflows.code import CodePiece
from flowkeys.flows.graph.graph import Edge, Graph, Node
from flowkeys.flows.graph.joins import Needs, needs
from flowkeys.flows.graph.limits import PROBLEMS, Allowance, few, together
from flowkeys.flows.graph.variables import Template
from flowkeys.flows.registry import Build, Kind, Resources, Step
from flowkeys.service.ports.flows import Event

_KIND_LENGTH: Final = 100


class Planned(msgspec.Struct, frozen=True):
    """A step with its place in the flow."""

    step: Step
    id: str
    kind: str
    label: str
    previous: list[str]
    """The ids of all nodes that lead here, as ``agentFlowExecutedData`` shows them."""
    targets: tuple[tuple[int, int | None], ...]
    """Where the run goes on: (position of the step, number of the output that leads there)."""
    needs: Needs
    """What has to have come before it runs."""
    last: bool
    """Nothing follows: what it says belongs to the answer."""
    stream: bool
    begun: Event
    finished: Event


class Built(msgspec.Struct, frozen=True):
    """What was made of a node."""

    node: Node
    step: Step
    uses_history: bool


class Plan(msgspec.Struct, frozen=True):
    """The steps of a flow, Start first, or why it cannot run."""

    steps: tuple[Planned, ...] = ()
    missing_kinds: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    of_nodes: Mapping[str, tuple[str, ...]] = {}
    """The problems of single nodes, by their ids; of so many nodes as anybody looks at."""
    uses_history: bool = False
    """A template asks for the earlier messages, which have to be loaded before it is rendered."""
    waits: bool = True
    """A run may have to wait for something."""
    most_tokens: int = 0
    """How many tokens its models may use in a run, whichever branches it takes."""

    codes: tuple[CodePiece, ...] = ()
    """The code that running it would run, also of one that cannot run."""
    lasts: bool = True
    """Whether only the chatflow itself decides whether it can run."""

    inner: "Mapping[str, Plan]" = {}
    """What is drawn in each iteration, by the iteration's id."""
    built: Mapping[str, Built] = {}
    templates: Mapping[str, Template] = {}
    """All templates of the flow by their text: a node that is rebuilt reads none of them again."""

    @property
    def runnable(self) -> bool:
        """Whether the flow can run."""
        return not self.missing_kinds and not self.problems


def make_plan(
    graph: Graph, kinds: Mapping[str, Kind], resources: Resources, base: Plan | None = None
) -> Plan:
    """Return the plan of a graph. Runs nothing, and imports nothing that the flow names.

    With `base`, a plan of the same graph with other inputs, only the nodes that are not in it are built.
    A flow that cannot run has all its reasons: those of the nodes that are known stand beside missing kinds.
    """
    unknown = graph.kinds - kinds.keys()
    missing = tuple(sorted(unknown))
    if len(graph.problems) > PROBLEMS:  # more than anybody reads already
        return Plan(missing_kinds=missing, problems=graph.problems)
    outgoing: dict[str, list[Edge]] = {node.id: [] for node in graph.nodes}
    previous: dict[str, list[str]] = {node.id: [] for node in graph.nodes}
    for edge in graph.edges:
        if edge.source in outgoing and edge.target in previous:  # else it is among the graph's problems
            outgoing[edge.source].append(edge)
            previous[edge.target].append(edge.source)
    built: dict[str, Built] = {}
    allowance = Allowance()
    templates = dict(base.templates) if base is not None else {}
    problems: list[tuple[str, str]] = []
    codes: list[CodePiece] = []
    lasts = True
    own: dict[str, Sequence[str]] = {}
    for node in graph.nodes:
        if node.kind in unknown:
            continue
        known = base.built.get(node.id) if base is not None else None
        if known is not None and known.node is node:
            built[node.id] = known
            continue
        of = graph.workspace_id, graph.brought
        build = Build(node, outgoing[node.id], resources, allowance, templates, *of)
        maker = kinds[node.kind].build
        if maker is not None:
            try:
                built[node.id] = Built(node, maker(build), build.uses_history)
            except RecursionError:
                build.problem("its inputs are nested too deeply.")
        own[node.id] = build.problems
        problems += ((node.label, problem) for problem in build.problems)
        codes += build.codes
        lasts = lasts and build.lasts
    if problems or graph.problems or missing:
        of_nodes = _of_nodes(graph, unknown, own)
        return Plan(
            missing_kinds=missing,
            problems=few([*graph.problems, *together(problems)]),
            of_nodes=of_nodes,
            codes=tuple(codes),
            lasts=lasts,
        )
    steps = {node_id: one.step for node_id, one in built.items()}
    streaming = _streaming(steps, outgoing, previous) - graph.open_ended
    around = dict.fromkeys(node.inside for node in graph.nodes)
    planned = _arranged(graph, "", steps, streaming)
    inner = {one: Plan(_arranged(graph, one, steps, frozenset())) for one in around if one}
    uses_history = any(one.uses_history for one in built.values())
    waits = uses_history or any(step.waits for step in steps.values())
    return Plan(
        planned,
        inner=inner,
        uses_history=uses_history,
        codes=tuple(codes),
        lasts=lasts,
        waits=waits,
        most_tokens=sum(step.most_tokens for step in steps.values()),
        built=built,
        templates=templates,
    )


def _of_nodes(
    graph: Graph, unknown: AbstractSet[str], own: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """Return what keeps single nodes from running."""
    found: dict[str, tuple[str, ...]] = {}
    for node in graph.nodes:
        if node.kind in unknown:
            found[node.id] = (f"this server has no nodes of the kind {node.kind[:_KIND_LENGTH]}.",)
        elif problems := own.get(node.id):
            found[node.id] = few(problems)
        if len(found) >= PROBLEMS:
            break
    return found


def _arranged(
    graph: Graph, around: str, steps: Mapping[str, Step], streaming: AbstractSet[str]
) -> tuple[Planned, ...]:
    """Return the steps that are drawn in an iteration, or in none, in their order."""
    nodes = tuple(node for node in graph.nodes if node.inside == around)
    positions = {node.id: position for position, node in enumerate(nodes)}
    edges = tuple(edge for edge in graph.edges if edge.source in positions and edge.target in positions)
    waiting = needs(Graph(nodes, edges))
    targets: dict[str, list[tuple[int, int | None]]] = {node.id: [] for node in nodes}
    previous: dict[str, list[str]] = {node.id: [] for node in nodes}
    for edge in edges:
        targets[edge.source].append((positions[edge.target], edge.output))
        previous[edge.target].append(edge.source)
    return tuple(
        _planned(
            node,
            steps[node.id],
            targets=tuple(targets[node.id]),
            needs=waiting[node.id],
            previous=previous[node.id],
            stream=node.id in streaming,
        )
        for node in nodes
    )


def _planned(
    node: Node,
    step: Step,
    *,
    targets: tuple[tuple[int, int | None], ...],
    needs: Needs,
    previous: list[str],
    stream: bool,
) -> Planned:
    return Planned(
        step=step,
        id=node.id,
        kind=node.kind,
        label=node.label,
        previous=list(dict.fromkeys(previous)),
        targets=targets,
        needs=needs,
        last=not targets,
        stream=stream,
        begun=_status(node, "INPROGRESS"),
        finished=_status(node, "FINISHED"),
    )


def _streaming(
    steps: Mapping[str, Step], outgoing: Mapping[str, Sequence[Edge]], previous: Mapping[str, Sequence[str]]
) -> set[str]:
    """Return the nodes that send their text: those that nothing follows.

    Where such a node only repeats the one node before it, and that one can send its text while it is being
    made, the earlier node sends it instead: people see a model's words as they come.
    """
    streaming = set()
    for node_id, step in steps.items():
        if outgoing[node_id]:
            continue
        source = step.repeats()
        earlier = steps.get(source) if source is not None else None
        if (
            source is not None
            and earlier is not None
            and earlier.streams
            and list(previous[node_id]) == [source]
            and len(outgoing[source]) == 1
        ):
            streaming.add(source)
        else:
            streaming.add(node_id)
    return streaming


def _status(node: Node, status: str) -> Event:
    data: dict[str, Any] = {"nodeId": node.id, "nodeLabel": node.label, "status": status}
    return Event("nextAgentFlow", data)
