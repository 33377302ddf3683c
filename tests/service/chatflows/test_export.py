"""Files that Flowise exported: what is in them, what it is called, and what is refused."""

import json
from pathlib import Path

import pytest

from flowkeys.domain.chatflows.chatflow import ChatflowType
from flowkeys.domain.errors import InvalidInput
from flowkeys.service.chatflows.export import (
    MAX_BRACKETS,
    MAX_EDGES,
    MAX_NODES,
    name_from_file,
    read_export,
    summarize,
)
from flowkeys.service.chatflows.input import ChatflowPatch
from tests.support.flows import exported
from tests.support.shared import SHARED


def read(value: object, name: str = "") -> ChatflowPatch:
    """Read a file with this JSON."""
    return read_export(json.dumps(value).encode(), field="file", what="This file", name=name)


def record(name: str, **members: object) -> dict[str, object]:
    """Return a chatflow as Flowise's API answers it."""
    return {"name": name, "flowData": exported(), **members}


def graph(*kinds: str) -> dict[str, object]:
    """Return a graph with nodes of these kinds."""
    return {"nodes": [{"id": kind, "data": {"name": kind}} for kind in kinds], "edges": []}


def test_a_graph_is_taken_to_the_byte() -> None:
    """Whatever its white space, without the mark that some editors put in front."""
    text = f"{exported()}\r\n \n"
    patch = read_export(b"\xef\xbb\xbf" + text.encode(), field="file", what="This file")
    assert patch.flow_data == text


GRAPH = '{ "nodes": [], "edges" : [],\n "viewport": {"zoom": 1.0, "x": 12345678901234567890} }'


@pytest.mark.parametrize(
    "text",
    [
        f'{{"name": "A", "flowData": {GRAPH}}}',
        f'{{"flowData": {GRAPH}, "name": "A"}}',
        f'[{{"name": "A", "flowData": {GRAPH}}}]',
        f'{{"Tool": [], "ChatFlow": [{{"name": "A", "flowData": {GRAPH}}}], "AgentFlow": []}}',
        json.dumps({"name": "A", "flowData": GRAPH}),
        json.dumps({"name": "A", "flowData": json.dumps(GRAPH)}),
        f'\n```json\n{{"name": "A", "flowData": {GRAPH}}}\n```\n',
        f'{{"chatflow": {{"name": "A", "flowData": {GRAPH}}}}}',
        f'{{"name": "A", "graph": {GRAPH}, "version": 2}}',
        f'{{"success": true, "data": {{"name": "A", "flowData": {GRAPH}}}}}',
        f'{{"exportData": {{"Tool": [], "ChatFlow": [{{"name": "A", "flowData": {GRAPH}}}]}}}}',
    ],
)
def test_a_graph_inside_a_chatflow_is_taken_to_the_byte(text: str) -> None:
    """As an object too, as scripts write it; in a list of one; in a block of Markdown."""
    patch = read_export(text.encode(), field="file", what="This file")
    assert (patch.name, patch.flow_data) == ("A", GRAPH)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"]
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_file_is_read_by_its_mark(encoding: str, mark: str) -> None:
    """As PowerShell, Notepad and others write it; without a mark by its zeros."""
    text = json.dumps({"name": "Größe 大小", "flowData": GRAPH}, ensure_ascii=False)
    content = (mark + text).encode(encoding)
    patch = read_export(content, field="file", what="This file")
    assert (patch.name, patch.flow_data) == ("Größe 大小", GRAPH)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "This file is not JSON: it is empty."),
        (b" \n", "This file is not JSON: it is empty."),
        ("Größe {".encode("latin-1"), "This file is no text in UTF-8 (byte 2). Save it as UTF-8."),
        (b"PK\x03\x04rest", "This file is an archive. Unpack it first."),
        (b"<!DOCTYPE html><p>", "This file is not JSON: it is a page of HTML."),
        (
            b'#A title\n{"nodes": [], "edges": []}',
            "This file is not JSON: it begins with '#A title'. Delete what is before the first {, and try",
        ),
        (b"nodes: []", "This file is not JSON: it begins with 'nodes: []'."),
        (b'{"nodes": [],\n "edges": [,]}', "(line 2, column 12)"),
        (b'{"nodes": [], "edges": []} more', "This file is not JSON: JSON is malformed: trailing characters"),
        (b'{"nodes": [', "This file is not JSON: Input data was truncated."),
        (b"[]", "holds no chatflow: a JSON object was expected."),
        (b"[1, {}]", "holds no chatflow: a JSON object was expected."),
        (b"{}", "holds no chatflow: it has neither nodes nor flowData."),
        (b'{"flowData": 5}', "holds no chatflow: its flowData is neither a text nor an object."),
        (
            b'{"ChatFlow": [], "Tool": []}',
            "it is an export of a whole server without any.",
        ),
        (
            b'{"name": "t", "schema": "[]", "func": "x"}',
            "it looks like a tool of Flowise.",
        ),
        (b'{"nodes": [], "connections": {}}', "holds no chatflow: it looks like a workflow of n8n."),
        (b'{"data": {"nodes": []}, "last_tested_version": "1"}', "it looks like a flow of Langflow."),
        (
            b'[{"name": "A", "flowData": {"nodes": []}}, {"flowData": "{}"}]',
            "holds 2 chatflows (A, one without a name). Export the one you want alone.",
        ),
    ],
)
def test_what_holds_no_chatflow_is_told_in_words(content: bytes, said: str) -> None:
    """What the file is instead, and what to do about it."""
    with pytest.raises(InvalidInput) as caught:
        read_export(content, field="file", what="This file")
    assert said in str(caught.value)
    assert "codec" not in str(caught.value)


def test_a_configuration_that_is_an_object_is_kept_as_its_text() -> None:
    """As Flowise stores it; it would be lost otherwise."""
    patch = read(record("A", chatbotConfig={"a": 1}, apiConfig={"b": [2]}))
    assert (patch.chatbot_config, patch.api_config) == ('{"a":1}', '{"b":[2]}')


def shared_exports() -> list[Path]:
    """Return exports that people published, where there are any beside the repository."""
    return sorted((SHARED / "exports").glob("*.json"))


@pytest.mark.skipif(not shared_exports(), reason="no exports in FLOWKEYS_SHARED, nor in ../shared")
def test_exports_that_people_published_are_read() -> None:
    """Each to the byte, with a type that fits its name; the only one that is none is told."""
    begins = {"cf": ChatflowType.CHATFLOW, "v1": ChatflowType.MULTIAGENT, "v2": ChatflowType.AGENTFLOW}
    for path in shared_exports():
        content = path.read_bytes()
        if path.name.startswith("bad-"):
            with pytest.raises(InvalidInput, match="Delete what is before the first"):
                read_export(content, field="file", what="This file")
            continue
        patch = read_export(content, field="file", what="This file")
        given = json.loads(content)
        members = next(
            (m for m in given.values() if isinstance(m, list) and m and "flowData" in m[0]), [given]
        )
        flow_data = members[0].get("flowData", given)
        graph = json.loads(flow_data) if isinstance(flow_data, str) else flow_data
        assert isinstance(patch.flow_data, str)
        assert json.loads(patch.flow_data) == graph, path.name
        assert isinstance(flow_data, str) or patch.flow_data.encode() in content, path.name
        expected = begins.get(path.name[:2])
        assert expected is None or patch.type == expected, path.name
        for encoded in (b"\xef\xbb\xbf" + content, content.decode().encode("utf-16")):
            assert read_export(encoded, field="f", what="It") == patch, path.name


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(json.loads(exported()), ChatflowType.AGENTFLOW, id="nodes of an agentflow"),
        pytest.param(
            {"nodes": [{"type": "customNode"}], "edges": []}, ChatflowType.CHATFLOW, id="other nodes"
        ),
        pytest.param(record("A", type="MULTIAGENT"), ChatflowType.MULTIAGENT, id="as it says"),
        pytest.param(graph("seqStart", "seqAgent", "seqEnd"), ChatflowType.MULTIAGENT, id="agents"),
        pytest.param(graph("supervisor", "worker"), ChatflowType.MULTIAGENT, id="a supervisor"),
        pytest.param(graph("chatOpenAI", "worker"), ChatflowType.MULTIAGENT, id="a worker among others"),
        pytest.param(graph("chatOpenAI", "sequentialThing"), ChatflowType.CHATFLOW, id="a name like theirs"),
        pytest.param(graph("startAgentflow"), ChatflowType.AGENTFLOW, id="kinds without types"),
        pytest.param(
            {"name": "A", "flowData": graph("seqStart")}, ChatflowType.MULTIAGENT, id="inside, as an object"
        ),
        pytest.param({"AgentFlow": [{"flowData": graph("x")}]}, ChatflowType.MULTIAGENT, id="by its list"),
        pytest.param({"AgentFlowV2": [{"flowData": graph("x")}]}, ChatflowType.AGENTFLOW, id="a new list"),
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
