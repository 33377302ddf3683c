"""Files that Flowise exported: what is in them, what it is called, and what is refused."""

import json

import pytest

from flowkeys.domain.chatflow import ChatflowType
from flowkeys.domain.errors import InvalidInput
from flowkeys.service.chatflow_export import (
    MAX_BRACKETS,
    MAX_EDGES,
    MAX_NODES,
    name_from_file,
    read_export,
    summarize,
)
from flowkeys.service.chatflow_input import ChatflowPatch
from tests.support.flows import exported


def read(value: object, name: str = "") -> ChatflowPatch:
    """Read a file with this JSON."""
    return read_export(json.dumps(value).encode(), field="file", what="This file", name=name)


def record(name: str, **members: object) -> dict[str, object]:
    """Return a chatflow as Flowise's API answers it."""
    return {"name": name, "flowData": exported(), **members}


def test_a_graph_is_taken_to_the_byte() -> None:
    """Whatever its white space, without the mark that some editors put in front."""
    text = f"{exported()}\r\n \n"
    patch = read_export(b"\xef\xbb\xbf" + text.encode(), field="file", what="This file")
    assert patch.flow_data == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(json.loads(exported()), ChatflowType.AGENTFLOW, id="nodes of an agentflow"),
        pytest.param(
            {"nodes": [{"type": "customNode"}], "edges": []}, ChatflowType.CHATFLOW, id="other nodes"
        ),
        pytest.param(record("A", type="MULTIAGENT"), ChatflowType.MULTIAGENT, id="as it says"),
        pytest.param(record("A", type="NEWER"), ChatflowType.AGENTFLOW, id="a type that nobody knows"),
    ],
)
def test_the_type_is_what_the_file_says_or_shows(value: object, expected: ChatflowType) -> None:
    """Since it decides which events a stream has."""
    assert read(value).type == expected


def test_a_chatflow_with_its_configuration_keeps_it() -> None:
    """Except who may call it: that is never in a file."""
    patch = read(
        record("A", chatbotConfig='{"a": 1}', category="x", analytic="{}", isPublic=True, apikeyid="k")
    )
    assert (patch.chatbot_config, patch.category, patch.extras) == ('{"a": 1}', "x", {"analytic": "{}"})
    assert not isinstance(patch.is_public, bool)
    assert not isinstance(patch.key_id, str)


def test_the_name_that_is_given_wins_over_the_files() -> None:
    """Without one the file's is taken."""
    assert read(record("Of the file")).name == "Of the file"
    assert read(record("Of the file"), "Given").name == "Given"


def test_an_export_of_a_server_with_one_chatflow_is_that_chatflow() -> None:
    """Flowise writes a list for each kind of thing."""
    patch = read({"ChatFlow": [], "AgentFlowV2": [record("Only")], "Tool": [{"name": "t"}]})
    assert (patch.name, patch.flow_data) == ("Only", exported())


def test_an_export_of_a_server_with_several_is_refused_with_their_names() -> None:
    """So that nobody has to guess which one it would have been."""
    several = {"ChatFlow": [record(f"Flow {number}") for number in range(7)]}
    with pytest.raises(InvalidInput, match=r"7 chatflows \(Flow 0, .*, Flow 4 and 2 more\)"):
        read(several)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("Support Chatflow.json", "Support"),
        ("Support Agents (2).json", "Support"),
        ("C:\\fakepath\\x.JSON", "x"),
        ("../../up.json", "up"),
        ("no ending", "no ending"),
        ("Chatflow.json", "Chatflow"),
        (f"{'n' * 300}.json", "n" * 255),
    ],
)
def test_a_file_names_its_chatflow(file: str, name: str) -> None:
    """Without what Flowise and browsers put behind, and folders before."""
    assert name_from_file(file) == name


def test_a_graph_is_summed_up_by_kinds() -> None:
    """That is what people compare."""
    found = summarize(exported())
    assert (found.nodes, found.edges) == (2, 1)
    assert found.kinds == {"directReplyAgentflow": 1, "startAgentflow": 1}


@pytest.mark.parametrize(
    "flow_data", ["", "[]", "{}", '{"nodes": 1}', '{"nodes": [1, {"data": 2}]}', "[" * 10**6]
)
def test_anything_can_be_summed_up(flow_data: str) -> None:
    """A stored graph may be as odd as it likes."""
    assert summarize(flow_data).nodes in {0, 2}


def crowd(count: int, inside: str = "{}") -> str:
    """Return a graph of so many nodes."""
    return f'{{"nodes":[{",".join([inside] * count)}],"edges":[]}}'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(crowd(MAX_BRACKETS), "more than 300,000 lists and objects", id="more than is decoded"),
        pytest.param(crowd(MAX_NODES + 1), "5,001 nodes; at most 5,000", id="too many nodes"),
        pytest.param(
            json.dumps({"nodes": [], "edges": [0] * (MAX_EDGES + 1)}), "20,001 edges", id="too many edges"
        ),
        pytest.param(json.dumps({"flowData": crowd(MAX_NODES + 1)}), "5,001 nodes", id="nodes inside"),
        pytest.param(
            json.dumps({"flowData": crowd(MAX_BRACKETS)}).replace("{}", "\\u007b}"),
            "more than 300,000",
            id="inside, and escaped",
        ),
    ],
)
def test_a_graph_that_nobody_could_look_at_is_refused(text: str, said: str) -> None:
    """A small file can hold millions of empty nodes, and keep a server busy with them."""
    with pytest.raises(InvalidInput, match=said):
        read_export(text.encode(), field="file", what="This file")


def test_the_largest_graph_that_is_taken_is_taken() -> None:
    """With as many nodes as are allowed."""
    assert (
        summarize(str(read_export(crowd(MAX_NODES).encode(), field="f", what="It").flow_data)).nodes
        == MAX_NODES
    )


def test_what_is_too_much_is_not_counted() -> None:
    """Though it was stored by another way than an export."""
    assert summarize(crowd(MAX_BRACKETS)).nodes == 0
