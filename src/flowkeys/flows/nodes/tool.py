"""`toolAgentflow`: calls one tool with arguments that the flow gives."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from flowkeys.flows.context import Run
from flowkeys.flows.graph.variables import Template, as_text, text_of
from flowkeys.flows.registry import Build, Kind, Outcome, Step
from flowkeys.flows.tools.chosen import read_tool
from flowkeys.flows.tools.tool import Tool, Toolbox, ToolFailed, offered

_Arguments = Sequence[tuple[Mapping[str, Any], str, Template]]


class CallTool(Step):
    """Calls its tool, and says what that says."""

    def __init__(self, build: Build, chosen: str, tool: Tool | Toolbox, arguments: _Arguments) -> None:
        super().__init__(build.node)
        self._chosen = chosen
        self._tool = tool
        self._arguments = arguments
        self._updates = build.updates("toolUpdateState")

    async def run(self, run: Run) -> Outcome:
        """Call it."""
        values = [(row, name, value.value(run)) for row, name, value in self._arguments]
        try:
            tool = await self._only(run)
            properties = tool.schema.get("properties") or {}
            given = {name: _fitting(value, properties.get(name) or {}) for _, name, value in values}
            content = await tool.call(run, given)
        except ToolFailed as error:
            raise self.failed(str(error)) from error
        await run.say(content)
        self.update(run, self._updates, content)
        shown = [{**row, "inputArgValue": value} for row, _, value in values]
        return Outcome(
            input={"toolInputArgs": shown, "selectedTool": self._chosen},
            output={"content": content},
            text=content,
        )

    async def _only(self, run: Run) -> Tool:
        if not isinstance(self._tool, Toolbox):
            return self._tool
        tools = await offered([self._tool], run)
        if not tools:
            raise ToolFailed("whoever has its tool offers none of that name.")
        return tools[0]


def _fitting(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return an argument as its schema has it: lists and objects are read, numbers counted as such."""
    wanted = schema.get("type")
    if isinstance(value, str) and value[:1] in {"[", "{"}:
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return value
    if wanted == "string" and not isinstance(value, str):
        return text_of(value)
    if wanted in {"number", "integer"} and isinstance(value, str):
        return _number(value)
    if wanted == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


def _number(text: str) -> Any:
    try:
        found = float(text)
    except ValueError:
        return text
    return int(found) if found.is_integer() else found


def _build(build: Build) -> Step:
    chosen = build.text("toolAgentflowSelectedTool")
    config = build.inputs.get("toolAgentflowSelectedToolConfig")
    if not chosen:
        build.problem("no tool is chosen.")
    tool = read_tool(build, chosen, config if isinstance(config, Mapping) else {}) if chosen else None
    arguments = [
        (row, str(row["inputArgName"]), build.template(as_text(row.get("inputArgValue")) or ""))
        for row in build.rows("toolInputArgs", ("inputArgName",))
        if row.get("inputArgName")
    ]
    if tool is None:
        build.updates("toolUpdateState")
        return Step(build.node)  # never run: its problems are noted
    return CallTool(build, chosen, tool, arguments)


KIND = Kind("toolAgentflow", _build)
