"""A chatflow's graph as a read-only drawing: SVG made on the server, with nothing in it that could run."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from markupsafe import Markup

from flowkeys.web.pages import templating
from flowkeys.web.pages.graph.layout import Box, arrange
from flowkeys.web.pages.graph.reading import Edge, read
from flowkeys.web.pages.graph.text import wrap

_MARGIN: Final = 16.0
_WIDE: Final = 1100.0
_STRIP: Final = 6.0
_TITLE_LINE: Final = 16.0
_KIND_LINE: Final = 14.0
_NOTE_LINE: Final = 14.0
_TITLE_UNIT: Final = 8.2
_KIND_UNIT: Final = 6.4
_MOST_TITLE_LINES: Final = 3
_MOST_NOTE_LINES: Final = 12
_FRAME_TITLE: Final = 5.0
_BEND: Final = 40.0
_BEND_BACK: Final = 60.0
_ARROW: Final = 7.0
_NONE: Final[Mapping[str, tuple[str, ...]]] = {}


class DrawnNode(msgspec.Struct, frozen=True):
    """A node in words, for those who do not see the drawing."""

    label: str
    kind: str
    problems: tuple[str, ...] = ()
    """Why it cannot run here."""


class DrawnEdge(msgspec.Struct, frozen=True):
    """A connection in words: ``source → target``, with what it is taken for, if that is known."""

    source: str
    target: str
    label: str
    loops: bool
    """It leads back, where a Loop node says so."""


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """A drawing, and the same in words."""

    svg: Markup
    width: int
    height: int
    nodes: list[DrawnNode]
    """From left to right; notes are not among them."""
    edges: list[DrawnEdge]
    notes: list[str]
    left_out: int
    """How many nodes more there are than are drawn."""

    @property
    def is_wide(self) -> bool:
        """Whether it had better be scrolled than pressed into a page's width."""
        return self.width > _WIDE


class _Line(msgspec.Struct, frozen=True):
    text: str
    x: float
    y: float


class _Shape(msgspec.Struct, frozen=True):
    box: Box
    titles: list[_Line]
    kinds: list[_Line]
    problems: tuple[str, ...] = ()


class _Path(msgspec.Struct, frozen=True):
    path: str
    arrow: str
    loops: bool
    label: _Line | None


def draw(flow_data: str, problems: Mapping[str, tuple[str, ...]] = _NONE) -> Drawing | None:
    """Return a drawing of a flow as Flowise exports it, or None when there is nothing to draw.

    `problems` are those of its nodes, by their ids: such a node is marked, and says why it cannot run.
    """
    flow = read(flow_data)
    if flow is None:
        return None
    boxes = arrange(flow)
    by_id: dict[str, Box] = {}
    for box in boxes:
        by_id.setdefault(box.node.id, box)
    left, top, width, height = _view(boxes, flow.edges, by_id)
    plain = [box for box in boxes if not box.node.is_note]
    frames = sorted((box for box in plain if box.node.is_frame), key=lambda box: box.depth)
    svg = templating.draw(
        "graph.svg.html",
        view=f"{left:.0f} {top:.0f} {width:.0f} {height:.0f}",
        width=round(width),
        height=round(height),
        node_count=len(plain),
        edge_count=len(flow.edges),
        frames=[_frame(box, problems.get(box.node.id, ())) for box in frames],
        paths=[_path(edge, by_id, start) for edge, start in _starts(flow.edges, by_id)],
        notes=[_note(box) for box in boxes if box.node.is_note],
        shapes=[_shape(box, problems.get(box.node.id, ())) for box in plain if not box.node.is_frame],
    )
    return Drawing(
        svg=Markup(svg),  # noqa: S704 - made by a template that escapes
        width=round(width),
        height=round(height),
        nodes=[
            DrawnNode(b.node.label, b.node.kind, problems.get(b.node.id, ()))
            for b in sorted(plain, key=lambda box: (box.x, box.y))
        ],
        edges=[
            DrawnEdge(by_id[e.source].node.label, by_id[e.target].node.label, e.label, e.loops)
            for e in flow.edges
        ],
        notes=[box.node.label for box in boxes if box.node.is_note and box.node.label],
        left_out=flow.left_out,
    )


def _view(boxes: list[Box], edges: list[Edge], by_id: dict[str, Box]) -> tuple[float, float, float, float]:
    """Return what is to be seen: every box, and the room that ways back need beside and below them."""
    back = any(by_id[e.target].x < by_id[e.source].right for e in edges if not e.loops)
    beside = _BEND_BACK if back else _MARGIN
    below = _BEND if any(_is_below(edge, by_id) for edge in edges) else _MARGIN
    left, top = min(box.x for box in boxes) - beside, min(box.y for box in boxes) - _MARGIN
    right, bottom = max(box.right for box in boxes) + beside, max(box.bottom for box in boxes) + below
    return left, top, right - left, bottom - top


def _shape(box: Box, problems: tuple[str, ...]) -> _Shape:
    inner = box.width - 2 * _STRIP - 10
    room = box.height - (_KIND_LINE if box.node.kind else 0) - 10
    titles = wrap(box.node.label, inner, max(1, min(int(room / _TITLE_LINE), _MOST_TITLE_LINES)), _TITLE_UNIT)
    kinds = wrap(box.node.kind, inner, 1, _KIND_UNIT)
    used = len(titles) * _TITLE_LINE + len(kinds) * _KIND_LINE
    x, y = box.x + _STRIP + 8, box.y + (box.height - used) / 2
    below = y + len(titles) * _TITLE_LINE
    return _Shape(box, _lines(titles, x, y, _TITLE_LINE), _lines(kinds, x, below, _KIND_LINE), problems)


def _frame(box: Box, problems: tuple[str, ...]) -> _Shape:
    titles = wrap(box.node.label, box.width - 24, 1, _TITLE_UNIT)
    return _Shape(box, _lines(titles, box.x + 12, box.y + _FRAME_TITLE, _TITLE_LINE), [], problems)


def _note(box: Box) -> _Shape:
    room = max(1, min(int((box.height - 12) / _NOTE_LINE), _MOST_NOTE_LINES))
    lines = wrap(box.node.label, box.width - 20, room, _KIND_UNIT)
    return _Shape(box, [], _lines(lines, box.x + 10, box.y + 6, _NOTE_LINE))


def _lines(texts: list[str], x: float, y: float, step: float) -> list[_Line]:
    """Return lines below each other; a line's `y` is that of its letters' feet."""
    return [_Line(text, x, y + step * (index + 1) - step / 4) for index, text in enumerate(texts)]


def _starts(edges: list[Edge], by_id: dict[str, Box]) -> Iterable[tuple[Edge, float]]:
    """Yield each edge with the height at which it leaves: a node's outputs lie below each other."""
    handles: dict[str, dict[str, None]] = {}
    for edge in edges:
        if not edge.loops:
            handles.setdefault(edge.source, {})[edge.handle] = None
    order = {source: {h: n for n, h in enumerate(sorted(found))} for source, found in handles.items()}
    for edge in edges:
        box = by_id[edge.source]
        places = order.get(edge.source, {})
        share = (places.get(edge.handle, 0) + 1) / (len(places) + 1) if not edge.loops else 0.5
        yield edge, box.y + box.height * share


def _path(edge: Edge, by_id: dict[str, Box], start: float) -> _Path:
    source, target = by_id[edge.source], by_id[edge.target]
    if _is_below(edge, by_id):
        return _underneath(edge, source, target)
    x1, x2, y2 = source.right, target.x - _ARROW, target.y + target.height / 2
    bend = max((x2 - x1) / 2, _BEND) if x2 > x1 else _BEND_BACK
    path = f"M{x1:.1f} {start:.1f}C{x1 + bend:.1f} {start:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    arrow = f"M{x2:.1f} {y2 - 4:.1f}l{_ARROW:.1f} 4l-{_ARROW:.1f} 4z"
    return _Path(path, arrow, loops=False, label=_label(edge, x1 + 6, start - 4))


def _label(edge: Edge, x: float, y: float) -> _Line | None:
    lines = wrap(edge.label, 90, 1, _KIND_UNIT)
    return _Line(lines[0], x, y) if lines else None


def _is_below(edge: Edge, by_id: dict[str, Box]) -> bool:
    """Tell whether an edge goes below its nodes: back, in their own row, it would hide behind them."""
    source, target = by_id[edge.source], by_id[edge.target]
    same_row = source.y < target.bottom and target.y < source.bottom
    return edge.loops or (target.x < source.right and same_row)


def _underneath(edge: Edge, source: Box, target: Box) -> _Path:
    """Return the way from one underside to the other."""
    x1, y1 = source.x + source.width / 2, source.bottom
    x2, y2 = target.x + target.width / 2, target.bottom + _ARROW
    low = max(y1, y2) + _BEND
    path = f"M{x1:.1f} {y1:.1f}C{x1:.1f} {low:.1f} {x2:.1f} {low:.1f} {x2:.1f} {y2:.1f}"
    arrow = f"M{x2 - 4:.1f} {y2:.1f}l4 -{_ARROW:.1f}l4 {_ARROW:.1f}z"
    return _Path(path, arrow, loops=edge.loops, label=_label(edge, x1 + 6, y1 + _KIND_LINE))
