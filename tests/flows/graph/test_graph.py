"""flowData becomes a graph: lenient about members, strict about structure, and never an exception."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkeys.flows.graph.graph import MAX_NODES, parse
from tests.flows.support import chain, chatflow, edge, engine, flow_data, node, problems

START = node("startAgentflow_0", label="Start")
REPLY = node("directReplyAgentflow_0", {"directReplyMessage": "hi"}, label="Reply")
TO_REPLY = edge("startAgentflow_0", "directReplyAgentflow_0")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("", "flowData is not valid JSON."),
        ("{", "flowData is not valid JSON."),
        ("\ud800", "flowData is not valid JSON."),
        ('{"nodes":[{"id":"a","data":{"name":"x","inputs":' + "[" * 100_000, "flowData is not valid JSON."),
        ("null", "flowData is not in Flowise's format"),
        ('{"nodes": 1}', "flowData is not in Flowise's format"),
        ('{"nodes": [{"id": "a"}]}', "flowData is not in Flowise's format"),
        ("{}", "The flow has no Start node."),
        (flow_data([REPLY], []), "The flow has no Start node."),
        (
            flow_data([START, node("startAgentflow_1"), REPLY], [TO_REPLY]),
            "The flow has more than one Start node.",
        ),
        (flow_data([START, REPLY, REPLY], [TO_REPLY]), "Two nodes have the id 'directReplyAgentflow_0'."),
        (
            flow_data([START, REPLY], [TO_REPLY, edge("directReplyAgentflow_0", "startAgentflow_0")]),
            "Something leads to the Start node, which would wait for it.",
        ),
        (flow_data([START, REPLY], []), "Nothing leads from Start to 'Reply'."),
        (
            flow_data([node(f"directReplyAgentflow_{n}") for n in range(MAX_NODES + 1)], []),
            "The flow has more than 500 nodes.",
        ),
    ],
)
def test_a_flow_that_cannot_run_says_why(data, expected):
    """Each fault in the structure is said in words for people."""
    assert expected in problems(data)


def test_kinds_that_are_missing_are_named_and_the_flow_is_not_runnable():
    """A flow with other kinds can be stored; the check names each missing kind once, sorted."""
    data = chain(node("browserAgentflow_0"), node("crawlerAgentflow_0"), node("browserAgentflow_1"))
    check = engine().check(chatflow(data))
    assert (check.runnable, check.missing_kinds) == (False, ("browserAgentflow", "crawlerAgentflow"))


def test_a_first_generation_chatflow_is_not_runnable_and_names_its_kinds():
    """A chatflow of Flowise's first generation has no Start; what is said is which kinds are missing."""
    data = flow_data([node("chatOpenAI_0"), node("conversationChain_0")], [])
    check = engine().check(chatflow(data))
    assert (check.missing_kinds, check.problems) == (("chatOpenAI", "conversationChain"), ())


def test_members_that_nobody_knows_are_no_problem():
    """Flowise adds members with every release: they are read over, wherever they are."""
    flow = msgspec.json.decode(flow_data([START, REPLY], [TO_REPLY]))
    flow["brandNew"] = {"a": [1]}
    flow["nodes"][0]["brandNew"] = flow["edges"][0]["brandNew"] = None
    flow["nodes"][1]["data"]["brandNew"] = 7
    assert problems(msgspec.json.encode(flow).decode()) == ""


def test_sticky_notes_are_as_if_they_were_not_there():
    """A note, connected or not, keeps nothing from running and is in no order of nodes."""
    note = node("stickyNoteAgentflow_0", {"note": "remember"})
    data = flow_data(
        [note, START, REPLY], [TO_REPLY, edge("stickyNoteAgentflow_0", "directReplyAgentflow_0")]
    )
    assert problems(data) == ""


def test_each_node_comes_after_all_that_lead_to_it():
    """The order is one in which everything a node could refer to has run, however the export lists nodes."""
    nodes = [node(f"x_{name}") for name in "dcba"] + [START]
    pairs = [("x_a", "x_b"), ("x_a", "x_c"), ("x_b", "x_d"), ("x_c", "x_d"), ("startAgentflow_0", "x_a")]
    edges = [edge(*pair) for pair in pairs]
    order = [one.id for one in parse(flow_data(nodes, edges)).nodes]
    assert order == ["startAgentflow_0", "x_a", "x_b", "x_c", "x_d"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KINDS = ["startAgentflow", "directReplyAgentflow", "llmAgentflow", "conditionAgentflow"]
KINDS += ["retrieverAgentflow", "pythonAgentflow", "toolAgentflow"]
INPUTS = ["startState", "formInputTypes", "llmMessages", "llmModel", "llmModelConfig", "conditions", "topK"]
INPUTS += ["directReplyMessage", "retrieverKnowledgeDocumentStores", "pythonTarget", "startInputType"]
IDS = st.sampled_from([f"{kind}_0" for kind in KINDS])
NODES = st.builds(
    lambda node_id, kind, inputs: {"id": node_id, "data": {"name": kind, "inputs": inputs}},
    IDS,
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(INPUTS), JSON) | JSON,
)
EDGES = st.builds(edge, IDS, IDS, st.none() | st.integers(0, 3))


@settings(deadline=None)  # the first HTML loads a parser
@given(st.lists(NODES, max_size=6), st.lists(EDGES, max_size=6))
def test_the_check_of_any_flow_answers(nodes, edges):
    """Whatever is in a flow, checking it says yes, or why not; it never raises."""
    check = engine().check(chatflow(flow_data(nodes, edges)))
    assert check.runnable is not bool(check.problems or check.missing_kinds)


@settings(deadline=None)  # the first HTML loads a parser
@given(st.text() | JSON.map(lambda value: msgspec.json.encode(value).decode()))
def test_any_text_is_parsed_without_an_exception(text):
    """A text that is no flow is a graph with problems."""
    assert parse(text).problems
