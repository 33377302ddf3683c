"""What a node waits for before it runs, as Flowise has it."""

from collections.abc import Mapping, Sequence
from typing import Final

from flowkeys.flows.graph.graph import Graph

CHOOSING: Final = frozenset({"conditionAgentflow", "conditionAgentAgentflow", "humanInputAgentflow"})
"""Kinds that go on from one of their outputs."""

Needs = tuple[frozenset[int], ...]
"""Groups of nodes, by their positions; of each group one has to have come. None: whoever comes is enough."""


def needs(graph: Graph) -> Mapping[str, Needs]:
    """Return what each node waits for, by its id.

    It waits for each node that leads to it. Those that stand behind one and the same choice are one group:
    only some of its outputs are taken. Behind which choice a node stands is found by going back along the
    first connection to each.
    """
    positions = {node.id: position for position, node in enumerate(graph.nodes)}
    kinds = {node.id: node.kind for node in graph.nodes}
    before: dict[str, list[str]] = {node_id: [] for node_id in positions}
    for edge in graph.edges:
        if edge.source in positions and edge.target in positions:
            before[edge.target].append(edge.source)
    behind = _choices(before, kinds)
    found: dict[str, Needs] = {}
    for node_id, sources in before.items():
        groups: dict[str, set[int]] = {}
        for source in sources:
            groups.setdefault(behind.get(source) or f"\0{source}", set()).add(positions[source])
        several = len(groups) > 1
        found[node_id] = tuple(frozenset(group) for group in groups.values()) if several else ()
    return found


def _choices(before: Mapping[str, Sequence[str]], kinds: Mapping[str, str]) -> Mapping[str, str | None]:
    """Return the nearest choice that each node stands behind, itself if it is one, or None."""
    found: dict[str, str | None] = {}
    for node_id in before:
        path = []
        at: str | None = node_id
        while at is not None and at not in found:
            found[at] = None  # in a circle there is none
            if kinds[at] in CHOOSING:
                found[at] = at
                break
            path.append(at)
            at = before[at][0] if before[at] else None
        choice = found[at] if at is not None else None
        found.update(dict.fromkeys(path, choice))
    return found
