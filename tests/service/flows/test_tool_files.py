"""Custom tools in files of Flowise's."""

import json

import pytest

from flowkeys.domain.errors import InvalidInput
from flowkeys.service.flows.tool_files import read_tools, tools_beside

TOOL = {
    "name": "adder",
    "description": "adds",
    "color": "#1",
    "iconSrc": "",
    "schema": "[]",
    "func": "return 1",
}
OLD = {**TOOL, "id": "tool-1", "createdDate": "2024-01-01T00:00:00.000Z", "workspaceId": "w"}


def read(value: object) -> list[tuple[object, object, object]]:
    """Return the names, codes and ids of the tools in a file."""
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return [(one.name, one.func, one.export_id) for one in read_tools(content, field="file", what="It")]


def test_one_several_and_those_of_a_whole_server_are_read() -> None:
    """With the ids that they have there; in whatever encoding Windows writes."""
    assert read(TOOL) == [("adder", "return 1", None)]
    assert read([OLD]) == [("adder", "return 1", "tool-1")]
    assert read({"AgentFlowV2": [], "Tool": [OLD, {"no": "tool"}]}) == [("adder", "return 1", "tool-1")]
    assert read(json.dumps(TOOL).encode("utf-16")) == [("adder", "return 1", None)]
    (one,) = read_tools(json.dumps({**TOOL, "schema": [{"property": "a"}]}).encode(), field="f", what="It")
    assert one.schema == '[{"property":"a"}]'


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"nodes": [], "edges": []}, "holds no custom tool"),
        ({"Tool": []}, "holds no custom tool"),
        ([], "holds no custom tool"),
        (b"{", "is not JSON"),
        (b"[" * 400_000, "more than 300,000 lists"),
        (b"[" * 5000 + b"]" * 5000, "nested too deeply"),
        (b" " * (10 * 1024**2 + 1), "is larger than 10 MB"),
    ],
)
def test_what_is_none_is_said(content: object, why: str) -> None:
    """Of the file that was given."""
    with pytest.raises(InvalidInput, match=why):
        read(content)


def test_a_chatflow_brings_the_tools_that_it_names() -> None:
    """Others of the same server stay behind; a file that cannot be read brings none."""
    whole = json.dumps({"Tool": [OLD, {**OLD, "id": "tool-2"}, TOOL]}).encode()
    assert [one.export_id for one in tools_beside(whole, '{"selectedTool": "tool-2"}')] == ["tool-2"]
    assert tools_beside(b"{", "tool-1") == []
