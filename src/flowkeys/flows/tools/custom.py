"""``customTool``: a tool of the workspace's own, which is JavaScript."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from flowkeys.domain.chatflows.code import ToolCode, parameters_of
from flowkeys.flows.code.running import Code, is_name
from flowkeys.flows.code.wire import CodeFailed
from flowkeys.flows.context import Run
from flowkeys.flows.registry import Build
from flowkeys.flows.tools.tool import MISMATCH, ToolFailed, takes

_TYPES: Final[Mapping[str, Mapping[str, str]]] = {
    "string": {"type": "string"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date-time"},
}


class Custom:
    """Runs the code of a tool with what the model, or the node, gives it."""

    kind = "customTool"
    label = "Custom Tool"

    def __init__(self, build: Build, tool: ToolCode, *, return_direct: bool) -> None:
        self.name = tool.name
        self.description = tool.description
        self.return_direct = return_direct
        self._types: dict[str, str] = {}
        self._required: list[str] = []
        self._code = Code(build.resources, tool.func or "")
        properties = {}
        try:
            parameters = parameters_of(tool.schema)
        except ValueError as error:
            build.problem(f"what the tool {tool.name[:100]} takes cannot be read: {error}")
            parameters = []
        for parameter in parameters:
            if not is_name(parameter.property):
                build.problem(f"{parameter.property[:100]!r} is no name that a variable of code can have.")
            properties[parameter.property] = {
                **_TYPES.get(parameter.type, _TYPES["string"]),
                "description": parameter.description,
            }
            self._types[parameter.property] = parameter.type
            if parameter.required:
                self._required.append(parameter.property)
        self.schema: Mapping[str, Any] = takes(properties, self._required)

    async def call(self, run: Run, arguments: Mapping[str, Any]) -> str:
        """Run the code; arguments that it does not know are left out.

        Raises:
            ToolFailed: the arguments are not what it takes, or the code failed.
            RunLimitExceeded: it called out more often than the whole run may.
        """
        given = {f"${name}": value for name, value in self._fitting(arguments).items()}
        flow = {
            "chatflowId": run.call.chatflow_id,
            "sessionId": run.call.session_id,
            "chatId": run.call.chat_id,
            "input": run.question,
            "state": run.state,
        }
        common = self._code.common(run)
        try:
            variables = {**given, "$flow": flow, "$vars": common["$vars"], "$input": ""}
            found = await self._code.run(run, variables)
        except CodeFailed as error:
            raise ToolFailed(str(error)) from error
        return found.text

    def _fitting(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        found = {}
        for name, kind in self._types.items():
            value = arguments.get(name)
            if value is None:
                if name in self._required:
                    raise ToolFailed(MISMATCH)
                continue
            fitting = _FIT.get(kind, _as_text)(value)
            if fitting is None:
                raise ToolFailed(MISMATCH)
            found[name] = fitting
        return found


def _as_text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _as_number(value: Any) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _as_truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


_FIT: Final = {"number": _as_number, "boolean": _as_truth}


def custom_tool(build: Build, config: Mapping[str, Any]) -> Custom | None:
    """Return the custom tool that a node chooses; what the node says itself goes before what the tool has."""
    chosen = config.get("selectedTool")
    build.lasts = False
    there = build.brought.tools if isinstance(chosen, str) and chosen else ()
    named = [one for one in there if one.id == chosen] or [one for one in there if one.export_id == chosen]
    if not named:
        build.problem(
            f"there is no custom tool {chosen[:100]!r}: import it, with that id, or make it."
            if isinstance(chosen, str) and chosen
            else "no custom tool is chosen."
        )
        return None
    tool = named[0]
    own = {name: config.get(f"customTool{name}") for name in ("Name", "Desc", "Schema", "Func")}
    if own["Schema"]:
        build.problem("what a custom tool takes cannot be code (customToolSchema): it is the tool's own.")
    texts = {name: value for name, value in own.items() if isinstance(value, str) and value}
    tool = msgspec.structs.replace(
        tool,
        name=texts.get("Name", tool.name),
        description=texts.get("Desc", tool.description),
        func=texts.get("Func", tool.func),
    )
    build.code(tool.func or "", tool.name, is_apart="Func" not in texts)
    return Custom(build, tool, return_direct=config.get("returnDirect") in (True, "true"))
