"""Custom tools: what models are told of them, what they are given, and what they say."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from flowkeys.domain.chatflows.code import Brought, ToolCode, digest_of
from flowkeys.flows.graph.graph import Node
from flowkeys.flows.graph.limits import Allowance
from flowkeys.flows.limits import Limits
from flowkeys.flows.registry import Build
from flowkeys.flows.settings import FlowSettings
from flowkeys.flows.tools.chosen import read_tool
from flowkeys.flows.tools.tool import DRAFT, ToolFailed
from tests.flows.support import call, engine

SCHEMA = json.dumps(
    [
        {"id": 0, "property": "a", "description": "first", "type": "number", "required": True},
        {"id": 1, "property": "b", "description": "second", "type": "string", "required": False},
    ]
)


def built(made: Any, func: str, *, approved: bool = True, **config: Any) -> tuple[Any, Build]:
    """Return a custom tool that a node chooses, and what was noted of it."""
    tool = ToolCode("tool-1", "adder", "adds", SCHEMA, func)
    brought = Brought(frozenset({digest_of(func)} if approved else ()), (tool,))
    node = Node("toolAgentflow_0", "toolAgentflow", "Tool", {})
    build = Build(node, (), made, Allowance(), {}, "ws", brought)
    return read_tool(build, "customTool", {"selectedTool": "tool-1"} | config), build


def a_run() -> Any:
    """As much of a run as tools look at."""
    return SimpleNamespace(
        call=call("Q"), question="Q", state={"k": "K"}, variables={"v": "V"}, limits=Limits(FlowSettings())
    )


async def test_it_says_what_its_code_returns() -> None:
    """Texts as they are, all else as compact JSON; arguments by name, as far as they are given."""
    made = engine(settings=FlowSettings(code_nodes=True))
    try:
        for func, arguments, said in (
            ("return $a + 1", {"a": 2, "unknown": 1}, "3"),
            ("return {got: $b, none: null}", {"a": 1, "b": "x"}, '{"got":"x","none":null}'),
            ("return typeof $b", {"a": 1}, "undefined"),
            ("return [Object.keys($flow).join(), $flow.state.k, $vars.v]", {"a": 1},
             '["chatflowId,sessionId,chatId,input,state","K","V"]'),
        ):  # fmt: skip
            tool, build = built(made, func)
            assert build.problems == []
            assert await tool.call(a_run(), arguments) == said
        for func, arguments, why in (
            ("throw new Error('thrown: ' + $a)", {"a": 1}, "Error: thrown: 1"),
            ("return 1", {"a": "x"}, "Received tool input did not match expected schema"),
            ("return 1", {}, "Received tool input did not match expected schema"),
            ("return 1", {"a": 1, "b": 2}, "Received tool input did not match expected schema"),
        ):
            with pytest.raises(ToolFailed, match=why):
                await built(made, func)[0].call(a_run(), arguments)
    finally:
        await made.aclose()


async def test_models_are_told_its_schema_and_the_node_may_say_more() -> None:
    """The name, the words and the code of the node go before the tool's, and that code is looked at, too."""
    made = engine(settings=FlowSettings(code_nodes=True))
    tool, _ = built(made, "return 1", returnDirect=True)
    assert (tool.name, tool.description, tool.return_direct) == ("adder", "adds", True)
    assert tool.schema == {
        "type": "object",
        "properties": {
            "a": {"type": "number", "description": "first"},
            "b": {"type": "string", "description": "second"},
        },
        "required": ["a"],
        "additionalProperties": False,
        "$schema": DRAFT,
    }
    other, build = built(made, "return 1", customToolName="other", customToolFunc="return 'theirs'")
    assert other.name == "other"
    assert "not approved" in " ".join(build.problems)
    assert [piece.code for piece in build.codes] == ["return 'theirs'"]
    for name, value, why in (
        ("selectedTool", "nosuch", "no custom tool"),
        ("customToolSchema", "z.x()", "cannot be code"),
    ):
        assert why in " ".join(built(made, "return 1", **{name: value})[1].problems)
    assert "not approved" in " ".join(built(made, "return 1", approved=False)[1].problems)
    await made.aclose()
