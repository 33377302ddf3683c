"""The tools that this server has, by the names that Flowise has for them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from flowkeys.flows.registry import Build
from flowkeys.flows.tools.calculator import Calculator
from flowkeys.flows.tools.clock import CurrentDateTime
from flowkeys.flows.tools.custom import Custom, custom_tool
from flowkeys.flows.tools.mcp.custom import KIND as MCP
from flowkeys.flows.tools.mcp.custom import custom_mcp
from flowkeys.flows.tools.requests import METHODS, requests_tool
from flowkeys.flows.tools.searxng import SearXng
from flowkeys.flows.tools.tool import Tool, Toolbox

Maker = Callable[[Build, Mapping[str, Any]], Tool | Toolbox | None]
"""Makes a tool as a node configures it; None when it cannot, the reason noted as a problem of the node."""

MAKERS: Final[Mapping[str, Maker]] = {
    Calculator.kind: lambda _build, _config: Calculator(),
    CurrentDateTime.kind: lambda _build, _config: CurrentDateTime(),
    Custom.kind: custom_tool,
    MCP: custom_mcp,
    **{method.kind: requests_tool(method) for method in METHODS},
    SearXng.kind: SearXng,
}


def read_tool(build: Build, name: str, config: Mapping[str, Any]) -> Tool | Toolbox | None:
    """Return the tool that a node chooses by Flowise's name, as its ``…SelectedToolConfig`` has it.

    Texts of the configuration are compiled with the node's templates. None when there is none, which is noted
    as a problem of the node.
    """
    maker = MAKERS.get(name)
    if maker is None:
        build.problem(
            f"this server has no tool {name[:100]!r}; it has: {', '.join(sorted(MAKERS))}."
            if name
            else "no tool is chosen."
        )
        return None
    return maker(build, config)
