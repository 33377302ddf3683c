"""`customFunctionAgentflow`: JavaScript, the body of an async function, in a process of its own."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from flowkeys.flows.code.running import Code, is_name
from flowkeys.flows.code.wire import CodeFailed
from flowkeys.flows.context import Run
from flowkeys.flows.graph.variables import Template, as_text
from flowkeys.flows.registry import Build, Kind, Outcome, Step

NAME = "customFunctionAgentflow"
CODE: Final = "customFunctionJavascriptFunction"
_VARIABLES: Final = "customFunctionInputVariables"
_Variables = Sequence[tuple[Mapping[str, Any], str, Template]]


class CustomFunction(Step):
    """Runs a function, and says what it returns."""

    def __init__(self, build: Build, code: str, variables: _Variables) -> None:
        super().__init__(build.node)
        self._code = Code(build.resources, code)
        self._source = code
        self._variables = variables
        self._shown = build.inputs.get(_VARIABLES) or []
        self._updates = build.updates("customFunctionUpdateState")

    async def run(self, run: Run) -> Outcome:
        """Run it with the variables as they are now."""
        values = [(row, name, value.value(run)) for row, name, value in self._variables]
        given = {f"${name}": value for _, name, value in values}
        flow = {
            "input": run.question,
            "state": run.state,
            "chatflowId": run.call.chatflow_id,
            "sessionId": run.call.session_id,
            "chatId": run.call.chat_id,
            "rawOutput": "",
            "chatHistory": list(run.chat),
        }
        try:
            found = await self._code.run(run, {**given, "$flow": flow, **self._code.common(run)})
        except CodeFailed as error:
            raise self.failed(f"its code failed: {error}") from error
        if isinstance(found.token, str):
            await run.say(found.token)
        else:
            await run.say_value(found.token)
        shown = {"inputVariables": self._inputs(values), "code": self._source}
        if found.content is msgspec.UNSET:
            self.update(run, self._updates, None)
            return Outcome(input=shown, output={})
        self.update(run, self._updates, found.content)
        return Outcome(input=shown, output={"content": found.content}, text=found.content)

    def _inputs(self, values: Sequence[tuple[Mapping[str, Any], str, Any]]) -> Any:
        if not isinstance(self._shown, list):
            return self._shown
        return [{**row, "variableValue": value} for row, _, value in values]


def _build(build: Build) -> Step:
    code = build.inputs.get(CODE) or ""
    if not isinstance(code, str):
        build.problem(f"{CODE} is not a text.")
        code = ""
    build.code(code)
    variables = []
    for row in build.rows(_VARIABLES, ("variableName",)):
        name, value = row.get("variableName"), row.get("variableValue")
        if not isinstance(name, str) or not is_name(name):
            build.problem(f"{str(name)[:100]!r} is no name that a variable of code can have.")
            continue
        variables.append((row, name, build.template(as_text(value) or "")))
    return CustomFunction(build, code, variables)


KIND = Kind(NAME, _build)
