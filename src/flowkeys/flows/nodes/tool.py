"""`toolAgentflow`: calls one tool with arguments that the flow gives."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import msgspec

from flowkeys.flows.context import Run
from flowkeys.flows.graph.variables import Template, as_text, text_of
from flowkeys.flows.registry import Build, Kind, Outcome, Step
from flowkeys.flows.tools.chosen import read_tool
from flowkeys.flows.tools.tool import Chosen, Tool, Toolbox, ToolFailed, offered

_Arguments = Sequence[tuple[Mapping[str, Any], str, Template]]


class CallTool(Step):
    """Calls its tool, or each that it stands for, and says what these say, in lines."""

    def __init__(self, build: Build, chosen: str, tool: Tool | Toolbox, arguments: _Arguments) -> None:
        super().__init__(build.node)
        self._chosen = chosen
        self._tool = Chosen(tool)
        self._arguments = arguments
        self._updates = build.updates("toolUpdateState")

    async def run(self, run: Run) -> Outcome:
        """Call it."""
        values = [(row, name, value.value(run)) for row, name, value in self._arguments]
        try:
            content = await self._call(run, {name: value for _, name, value in values})
        except ToolFailed as error:
            raise self.failed(str(error)) from error
        run.limits.take_bytes(len(content))
        await run.say(content)
        self.update(run, self._updates, content)
        shown = [{**row, "inputArgValue": value} for row, _, value in values]
        return Outcome(
            input={"toolInputArgs": shown, "selectedTool": self._chosen},
            output={"content": content},
            text=content,
        )

    async def _call(self, run: Run, given: Mapping[str, Any]) -> str:
        async with AsyncExitStack() as stack:
            tools = (await offered([self._tool], run, stack)).tools
            if not tools:
                raise ToolFailed("no tool of its server is chosen.")
            return "\n".join([await tool.call(run, _arguments(tool, given)) for tool in tools])


def _arguments(tool: Tool, given: Mapping[str, Any]) -> dict[str, Any]:
    properties = tool.schema.get("properties")
    known = properties if isinstance(properties, Mapping) else {}
    return {name: _fitting(value, known.get(name)) for name, value in given.items()}


def _fitting(value: Any, schema: Any) -> Any:
    """Return an argument as its schema has it: lists and objects are read, numbers counted as such."""
    wanted = schema.get("type") if isinstance(schema, Mapping) else None
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
