"""Where the nodes of a drawing lie: as their author placed them, or by the way that leads to them."""

from collections import deque
from typing import Final

import msgspec

from flowkeys.web.pages.graph.reading import Edge, Flow, Node

Place = tuple[float, float]

_LARGEST: Final = 2000.0
_SMALLEST: Final = (90.0, 44.0)
_WANTED: Final = (200.0, 66.0)
_USUAL: Final = (180.0, 66.0)
_USUAL_NOTE: Final = (200.0, 100.0)
_USUAL_FRAME: Final = (300.0, 250.0)
_COLUMN: Final = 260.0
_ROW: Final = 110.0
_DEEPEST: Final = 10
_NARROWEST: Final = 0.5
_FLATTEST: Final = 0.15


class Box(msgspec.Struct, frozen=True):
    """A node and where it lies: its upper left corner and its size, in the drawing's units."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    depth: int = 0
    """How many frames it lies in."""

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Where it ends."""
        return self.y + self.height


def arrange(flow: Flow) -> list[Box]:
    """Return a box a node, in the order of the nodes.

    Classic nodes are as tall as their forms were in the editor: everything is then pressed together alike,
    so that nothing comes to overlap.
    """
    by_id: dict[str, Node] = {}
    for node in flow.nodes:
        by_id.setdefault(node.id, node)
    sizes = [_size(node) for node in flow.nodes]
    across, down = _scale(flow.nodes, sizes)
    boxes = []
    lost = []
    for index, (node, (width, height)) in enumerate(zip(flow.nodes, sizes, strict=True)):
        found = _absolute(node, by_id)
        if found is None:
            lost.append(index)
        (x, y), depth = found or ((0.0, 0.0), 0)
        wide, high = max(width * across, _SMALLEST[0]), max(height * down, _SMALLEST[1])
        boxes.append(Box(node, x * across, y * down, wide, high, depth))
    if lost:
        _place_lost(boxes, lost, flow.edges)
    return boxes


def _size(node: Node) -> tuple[float, float]:
    usual = _USUAL_NOTE if node.is_note else _USUAL_FRAME if node.is_frame else _USUAL
    return min(node.width or usual[0], _LARGEST), min(node.height or usual[1], _LARGEST)


def _scale(nodes: list[Node], sizes: list[tuple[float, float]]) -> tuple[float, float]:
    """Return by what to multiply so that the smallest node has the size that its text wants."""
    plain = [
        size for node, size in zip(nodes, sizes, strict=True) if not node.is_note and not node.is_frame
    ] or sizes
    across = _WANTED[0] / min(width for width, _ in plain)
    down = _WANTED[1] / min(height for _, height in plain)
    return min(max(across, _NARROWEST), 1.0), min(max(down, _FLATTEST), 1.0)


def _absolute(node: Node, by_id: dict[str, Node]) -> tuple[Place, int] | None:
    """Return a node's place and depth, or None where it or a parent has none, or parents run in a circle."""
    x = y = 0.0
    step: Node | None = node
    for depth in range(_DEEPEST):
        if step is None or step.place is None:
            return None
        x, y = x + step.place[0], y + step.place[1]
        step = by_id.get(step.parent) if step.parent is not None else None
        if step is None:
            return (x, y), depth
    return None


def _place_lost(boxes: list[Box], lost: list[int], edges: list[Edge]) -> None:
    """Place nodes that have no place below the others: a column for each step from a beginning."""
    missing = set(lost)
    placed = [box for index, box in enumerate(boxes) if index not in missing]
    left = min((box.x for box in placed), default=0.0)
    top = max((box.bottom for box in placed), default=-_ROW / 2) + _ROW / 2
    steps = _steps([boxes[index].node.id for index in lost], edges)
    used: dict[int, float] = {}
    for index in lost:
        box = boxes[index]
        column = steps[box.node.id]
        y = used.get(column, top)
        used[column] = y + max(_ROW, box.height + _ROW / 3)
        x = left + column * _COLUMN
        boxes[index] = msgspec.structs.replace(box, x=x, y=y, width=min(box.width, _COLUMN - 40), depth=0)


def _steps(ids: list[str], edges: list[Edge]) -> dict[str, int]:
    """Return how many steps lead to each node from one that nothing leads to; circles begin anywhere."""
    among = set(ids)
    targets: dict[str, list[str]] = {node_id: [] for node_id in ids}
    led_to = set()
    for edge in edges:
        if edge.source in among and edge.target in among and not edge.loops:
            targets[edge.source].append(edge.target)
            led_to.add(edge.target)
    steps: dict[str, int] = {}
    for first in [*(i for i in ids if i not in led_to), *ids]:
        if first in steps:
            continue
        steps[first] = 0
        waiting = deque([first])
        while waiting:
            here = waiting.popleft()
            for target in targets[here]:
                if target not in steps:
                    steps[target] = steps[here] + 1
                    waiting.append(target)
    return steps
