"""Drawings of chatflows: every stored one has a drawing or none, and no drawing can do anything."""

import json
import re
from itertools import combinations, pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkeys.web.pages.graph.drawing import Drawing, DrawnEdge, DrawnNode, draw
from tests.support.effort import calls
from tests.support.flows import exported

ALLOWED = {
    *("class", "d", "fill", "fill-opacity", "focusable", "height", "preserveAspectRatio"),
    *("role", "rx", "stroke", "viewBox", "width", "x", "y"),
}


def node(node_id: str, x: Any = 0, y: Any = 0, **members: Any) -> dict:
    """Return a node as Flowise exports it."""
    data = {"label": node_id, "name": "llmAgentflow", "type": "LLM", "category": "Agent Flows"}
    made = {"id": node_id, "type": "agentFlow", "position": {"x": x, "y": y}, "width": 180, "height": 66}
    return {**made, "data": data | members.pop("data", {}), **members}


def edge(source: str, target: str, **members: Any) -> dict:
    """Return an edge as Flowise exports it."""
    return {"source": source, "target": target, "sourceHandle": f"{source}-output-x", **members}


def flow(nodes: list, edges: list | None = None) -> str:
    """Return flowData."""
    return json.dumps({"nodes": nodes, "edges": edges or []})


def parsed(drawing: Drawing) -> ET.Element:
    """Return the drawing's elements."""
    return ET.fromstring(str(drawing.svg))  # noqa: S314 - made by the code under test


def drawn(flow_data: str) -> Drawing:
    """Draw, and check what every drawing promises: well-formed, and of harmless parts only."""
    drawing = draw(flow_data)
    assert drawing is not None
    for element in parsed(drawing).iter():
        assert element.tag in {"svg", "title", "desc", "g", "rect", "path", "text"}
        assert set(element.attrib) <= ALLOWED
        for name in ("x", "y", "width", "height", "d", "viewBox"):
            assert "nan" not in element.get(name, "").lower()
            assert "inf" not in element.get(name, "").lower()
    return drawing


def boxes(drawing: Drawing, kind: str = "node") -> list[tuple[float, float, float, float]]:
    """Return (x, y, right, bottom) of the boxes of a class."""
    root = parsed(drawing)
    found = []
    for element in root.iter("rect"):
        if element.get("class") == kind:
            x, y, width, height = (float(element.get(n, "")) for n in ("x", "y", "width", "height"))
            found.append((x, y, x + width, y + height))
    return found


def overlaps(found: list) -> list:
    """Return the pairs of boxes that lie over each other."""
    return [
        (a, b)
        for a, b in combinations(found, 2)
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]


def texts(drawing: Drawing) -> list[str]:
    """Return every line of text."""
    return [element.text or "" for element in parsed(drawing).iter("text")]


def test_an_export_of_flowise_is_drawn_with_its_names() -> None:
    """Both nodes, the edge between them, and the same in words."""
    drawing = drawn(exported())
    assert drawing.nodes == [DrawnNode("Start", ""), DrawnNode("Direct Reply 0", "Direct Reply")]
    assert drawing.edges == [DrawnEdge("Start", "Direct Reply 0", "", loops=False)]
    assert len(boxes(drawing)) == 2
    assert str(drawing.svg).count('class="edge"') == 1
    assert 'fill="#7EE787"' in drawing.svg


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "null", "{}", '{"nodes": []}', '{"nodes": 3}', '{"nodes": [NaN]}', '{"nodes":[1]}'],
)
def test_what_is_no_graph_has_no_drawing(text: str) -> None:
    """None, so that the page says so; never an error."""
    assert draw(text) is None


def test_what_one_node_gets_wrong_spoils_no_other() -> None:
    """Unreadable nodes are left out, and edges to nowhere too."""
    nodes = [node("a"), 3, {"id": 7}, {"id": "odd", "data": [1]}, node("b", 300)]
    drawing = drawn(flow(nodes, [edge("a", "b"), edge("a", "gone"), "x", {"source": "a"}]))
    assert {item.label for item in drawing.nodes} == {"a", "b", "odd"}
    assert len(drawing.edges) == 1


@pytest.mark.parametrize("value", [None, "NaN", 1e300, -(10**400), [], {}, True, 10**9])
def test_a_place_that_makes_no_sense_is_chosen_by_us(value: object) -> None:
    """The others keep theirs, nothing overlaps, and the drawing stays of a size to be read."""
    nodes = [node("a", 0, 0), node("b", value, 0), node("c", 0, value), {"id": "d"}]
    drawing = drawn(flow(nodes, [edge("b", "c")]))
    found = sorted(boxes(drawing))
    assert len(found) == 4
    assert overlaps(found) == []
    assert max(drawing.width, drawing.height) < 1500


def test_a_flow_without_places_reads_from_left_to_right() -> None:
    """Made by hand or by a program: a column a step, circles included."""
    nodes = [{"id": name, "data": {"label": name}} for name in ("reply", "start", "ask", "check")]
    edges = [edge("start", "ask"), edge("ask", "check"), edge("check", "reply"), edge("check", "ask")]
    drawing = drawn(flow(nodes, edges))
    assert [item.label for item in drawing.nodes] == ["start", "ask", "check", "reply"]
    assert all(a[2] < b[0] for a, b in pairwise(sorted(boxes(drawing))))


def test_children_lie_inside_of_their_iteration() -> None:
    """Their places are told from its corner."""
    frame = node(
        "loop", 500, 300, type="iteration", width=400, height=250, data={"name": "iterationAgentflow"}
    )
    drawing = drawn(flow([frame, node("inner", 50, 80, parentNode="loop")]))
    (outer,), (inner,) = boxes(drawing, "frame"), boxes(drawing)
    assert outer[0] < inner[0] < inner[2] < outer[2]
    assert outer[1] < inner[1] < inner[3] < outer[3]


def test_parents_in_a_circle_are_drawn_all_the_same() -> None:
    """Nothing ends less surely than such a chain, so it is followed some steps only."""
    nodes = [node("a", parentNode="b"), node("b", parentNode="a"), node("c", parentNode="c")]
    assert len(boxes(drawn(flow(nodes)))) == 3


def test_tall_classic_nodes_are_pressed_together_and_do_not_overlap() -> None:
    """They are as tall as their forms were; their names need two lines."""
    classic = {"type": "customNode", "width": 300, "data": {"name": "faiss", "category": "Vector Stores"}}
    nodes = [node(str(n), 350 * (n % 3), 620 * (n // 3), height=424 + n, **classic) for n in range(6)]
    drawing = drawn(flow(nodes))
    found = boxes(drawing)
    assert drawing.height < 400
    assert overlaps(found) == []
    assert "Vector Stores" in texts(drawing)


def test_a_note_shows_its_text_and_is_no_node() -> None:
    """It is not among the nodes in words either, but among the notes."""
    note = node(
        "n", type="stickyNote", data={"name": "stickyNoteAgentflow", "inputs": {"note": "Mind the gap"}}
    )
    drawing = drawn(flow([note, node("a", 400)]))
    assert drawing.notes == ["Mind the gap"]
    assert [item.label for item in drawing.nodes] == ["a"]
    assert "Mind the gap" in texts(drawing)


def test_a_way_back_in_the_same_row_does_not_hide_behind_its_nodes() -> None:
    """Two nodes that lead to each other have two lines to see."""
    drawing = drawn(flow([node("a"), node("b", 300)], [edge("a", "b"), edge("b", "a")]))
    _, back = [e.get("d", "") for e in parsed(drawing).iter("path") if e.get("class") == "edge"]
    lowest = max(float(number) for number in re.findall(r"-?\d+\.\d+", back)[1::2])
    assert lowest > max(box[3] for box in boxes(drawing))


def test_a_loop_node_leads_back_to_the_node_that_it_names() -> None:
    """Flowise has no edge for it; the node's setting says where it goes."""
    back = node("loopAgentflow_0", 400, data={"inputs": {"loopBackToNode": "llmAgentflow_0-Planner"}})
    drawing = drawn(flow([node("llmAgentflow_0"), back], [edge("llmAgentflow_0", "loopAgentflow_0")]))
    assert DrawnEdge("loopAgentflow_0", "llmAgentflow_0", "", loops=True) in drawing.edges


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</title></svg><script>alert(1)</script>",
    '" onload="alert(1)',
    "{{ 7 * 7 }} ${7*7}",
    "a\x00b\x1bc\u2028d\ufffe",
    "\u202eright to left",
    "x" * 10_000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(text: str) -> None:
    """Names, kinds, notes, ids, colours and handles come from strangers' exports."""
    data = {"label": text, "type": text, "category": text, "color": text, "name": text}
    note = node("n", 0, 300, type="stickyNote", data={"inputs": {"note": text}, "color": text})
    parts = [node(text, data=data, parentNode=text), note, node("b", 400)]
    drawing = drawn(
        flow(parts, [edge(text, "b", sourceHandle=text, data={"edgeLabel": text, "label": text})])
    )
    assert len(drawing.svg) < 20_000


@pytest.mark.parametrize(
    "colour", ["red", "url(//x)", "#12", "#1234567", "#fff;x", "var(--x)", "#7EE787\n", 7, None]
)
def test_a_colour_is_hexadecimal_or_none(colour: object) -> None:
    """Anything else could be a reference."""
    drawing = drawn(flow([node("a", data={"color": colour})]))
    assert not re.search(r'(?:stroke|fill)="(?!none)', drawing.svg)


def test_a_long_name_is_wrapped_and_ends_with_an_ellipsis() -> None:
    """Lines fit into their box by our estimate, and what is left out is told."""
    drawing = drawn(flow([node("a", data={"label": "Answer the customer " * 12})]))
    lines = texts(drawing)
    assert all(len(line) * 8 <= 180 for line in lines)
    assert any(line.endswith("…") for line in lines)
    assert drawing.nodes[0].label.startswith("Answer the customer Answer")


def test_thousands_of_nodes_are_drawn_in_part_and_soon() -> None:
    """Bounded in size and in work, and it says how many are left out."""
    nodes = [node(f"n{n}", 200 * (n % 60), 100 * (n // 60)) for n in range(5000)]
    edges = [edge(f"n{n}", f"n{n * 7 % 400}") for n in range(20_000)]
    text = flow(nodes, edges)
    drawing = drawn(text)
    assert calls(lambda: drawn(text)) < 1_000_000
    assert drawing.left_out == 4500
    assert len(drawing.svg) < 1_000_000


def test_deep_nesting_and_many_brackets_are_no_drawing_and_no_error() -> None:
    """Where a decoder would give up or take long."""
    assert draw('{"nodes":' + "[" * 100_000 + "]" * 100_000 + "}") is None
    assert draw('{"nodes":[' + "{}," * 400_000 + "{}]}") is None
    assert draw('{"nodes":[{"id":"a","position":' + "[" * 20_000 + "]" * 20_000 + "}]}") is None


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
JSON = st.recursive(
    LEAVES, lambda s: st.lists(s, max_size=3) | st.dictionaries(st.text(max_size=5), s, max_size=3)
)
NODES = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "b", "a-b"]) | JSON},
    optional={
        **dict.fromkeys(("type", "positionAbsolute", "style", "width", "height"), JSON),
        "position": st.fixed_dictionaries({"x": LEAVES, "y": LEAVES}) | JSON,
        "parentNode": st.sampled_from(["a", "b"]) | JSON,
        "data": st.fixed_dictionaries({}, optional=dict.fromkeys(("label", "name", "color", "inputs"), JSON))
        | JSON,
    },
)
EDGES = st.fixed_dictionaries(
    {"source": st.sampled_from(["a", "b"]) | JSON, "target": st.sampled_from(["a", "b"]) | JSON},
    optional={"data": JSON, "sourceHandle": JSON},
)


@pytest.mark.parametrize("examples", [50, pytest.param(200, marks=pytest.mark.slow)])
def test_no_flow_is_too_odd(examples: int) -> None:
    """Whatever the members are: a harmless drawing or none."""

    @settings(max_examples=examples)
    @given(nodes=st.lists(NODES, max_size=6), edges=st.lists(EDGES, max_size=6))
    def check(nodes: list, edges: list) -> None:
        text = json.dumps({"nodes": nodes, "edges": edges})
        if draw(text) is not None:
            drawn(text)

    check()
