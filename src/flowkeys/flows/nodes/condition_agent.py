"""`conditionAgentAgentflow`: a model chooses which of its outputs the run goes on from."""

import json
import re
from itertools import chain
from typing import Any, Final

import msgspec

from flowkeys.flows.asking.asker import Asker, now, read_asker, time_metadata
from flowkeys.flows.asking.memory import Memory, read_memory
from flowkeys.flows.asking.messages import Message
from flowkeys.flows.asking.metadata import response_metadata, usage_metadata
from flowkeys.flows.context import Run
from flowkeys.flows.graph.variables import Template
from flowkeys.flows.registry import Build, Kind, Outcome, Step

KIND_OF: Final = "conditionAgent"

_SYSTEM: Final = """\
You are part of a multi-agent system designed to make agent coordination and execution easy. Your task is to \
analyze the given input and select one matching scenario from a provided set of scenarios.

* **Input**: A string representing the user's query, message or data.
* **Scenarios**: A list of predefined scenarios that relate to the input.
* **Instruction**: Determine which of the provided scenarios is the best fit for the input.

## Steps

1. **Read the input string** and the list of scenarios.
2. **Analyze the content of the input** to identify its main topic or intention.
3. **Compare the input with each scenario**: Evaluate how well the input's topic or intention aligns with \
each of the provided scenarios and select the one that is the best fit.
4. **Output the result**: Return the selected scenario in the specified JSON format.

## Output Format

Output should be a JSON object that names the selected scenario, like this: {"output": ""}. No explanation \
is needed.\x20

## Examples

1. **Input**: `{"input": "Hello", "scenarios": ["user is asking about AI", "user is not asking about AI"], \
"instruction": "Your task is to check if the user is asking about AI."}`\x20\x20
**Output**: `{"output": "user is not asking about AI"}`
2. **Input**: `{"input": "What is AIGC?", "scenarios": ["user is asking about AI", "user is asking about the \
weather"], "instruction": "Your task is to check and see if the user is asking a topic about AI."}`\x20\x20
**Output**: `{"output": "user is asking about AI"}`
3. **Input**: `{"input": "Can you explain deep learning?", "scenarios": ["user is interested in AI \
topics", "user wants to order food"], "instruction": "Determine if the user is interested in learning \
about AI."}`\x20\x20
**Output**: `{"output": "user is interested in AI topics"}`

## Note

* Ensure that the input scenarios align well with potential user queries for accurate matching.
* DO NOT include anything other than the JSON in your response."""
_EXAMPLE: Final[tuple[Message, Message]] = (
    {
        "role": "user",
        "content": '{"input": "Hello", "scenarios": ["user is asking about AI", "user is not asking about'
        ' AI"], "instruction": "Your task is to check if the user is asking about AI."}',
    },
    {"role": "assistant", "content": '```json\n{"output": "user is not asking about AI"}\n```'},
)
"""What Flowise asks such models, to the letter: models were tried with it, and flows are tuned to it."""
_FENCED: Final = re.compile(r"```(?:json)?[ \t]*\n?")
_MOST_BRACES: Final = 20
"""So many places are looked at for an object; models that are asked for JSON alone begin with it."""
_JSON: Final = json.JSONDecoder(strict=False)


class ConditionAgent(Step):
    """Asks the model for a scenario, and goes on from its output."""

    def __init__(
        self,
        build: Build,
        asker: Asker,
        scenarios: tuple[Template, ...],
        memory: Memory | None,
    ) -> None:
        super().__init__(build.node)
        self._asker = asker
        self._scenarios = scenarios
        self._memory = memory
        self.most_tokens = asker.most_tokens * (1 + (memory.calls if memory is not None else 0))
        self._input = build.template(build.text("conditionAgentInput"))
        self._instructions = build.template(build.text("conditionAgentInstructions"))
        own = build.flag("conditionAgentOverrideSystemPrompt")
        self._system = build.template(build.text("conditionAgentSystemPrompt")) if own else None

    async def run(self, run: Run) -> Outcome:
        """Ask which scenario it is."""
        scenarios = [template.render(run) for template in self._scenarios]
        given, instructions = self._input.render(run) or run.question, self._instructions.render(run)
        remembered: list[Message] = []
        said = [*await run.messages(), *run.chat] if self._memory is not None else []
        if self._memory is not None and said:
            await self._memory.add(remembered, said, lambda asked: self._summary(run, asked))
        listed = msgspec.json.encode(scenarios).decode()
        asked = f'{{"input": {given}, "scenarios": {listed}, "instruction": {instructions}}}'
        system = (self._system.render(run) if self._system is not None else "") or _SYSTEM
        messages = [
            {"role": "system", "content": system},
            *_EXAMPLE,
            *remembered,
            {"role": "user", "content": asked},
        ]
        begun = now()
        reply = await self._asker.ask(self, run, messages)
        name = scenario_of(reply.answer)
        if name is None:
            raise self.failed("the model's answer names none of the scenarios as JSON.")
        chosen = closest(scenarios, name)
        output: dict[str, Any] = {
            "conditions": [
                {"output": one, "isFulfilled": number == chosen} for number, one in enumerate(scenarios)
            ],
            "content": reply.answer,
            "timeMetadata": time_metadata(begun),
        }
        usage = usage_metadata(reply.usage)
        if usage is not None:
            output["usageMetadata"] = usage
        output["responseMetadata"] = response_metadata(reply, whole=not self._asker.model.stream)
        chat = [{"role": "user", "content": run.question}] if not run.chat and run.question else []
        run.remember(chat)
        shown = [*remembered, {"role": "user", "content": _readable(given, scenarios, instructions)}]
        return Outcome(input={"messages": shown}, output=output, branch=chosen, chat=chat)

    async def _summary(self, run: Run, messages: list[Message]) -> str:
        return (await self._asker.ask(self, run, messages)).answer


def _readable(given: str, scenarios: list[str], instructions: str) -> str:
    listed = "\n".join(f"{number}. {scenario}" for number, scenario in enumerate(scenarios, 1))
    return f"### Input\n{given}\n\n### Scenarios\n{listed}\n\n### Instruction\n{instructions}"


def scenario_of(answer: str) -> str | None:
    """Return the ``output`` of the first JSON object of an answer, fenced or not; None without one."""
    fence = _FENCED.search(answer)
    at = answer.find("{", fence.end() if fence is not None else 0)
    for _ in range(_MOST_BRACES):
        if at < 0:
            break
        try:
            found, _end = _JSON.raw_decode(answer, at)
        except (ValueError, RecursionError):
            at = answer.find("{", at + 1)
            continue
        name = found.get("output")
        return name if isinstance(name, str) and name else None
    return None


def closest(scenarios: list[str], name: str) -> int:
    """Return the number of the scenario that is meant, however it is written; the last when none is."""
    names = [scenario.strip().lower() for scenario in scenarios]
    given = name.strip().lower()
    equal = (number for number, one in enumerate(names) if one == given)
    begins = (number for number, one in enumerate(names) if one.startswith(given))
    holds = (number for number, one in enumerate(names) if given in one or (one and one in given))
    return next(chain(equal, begins, holds), len(names) - 1)


def _build(build: Build) -> Step:
    asker = read_asker(build, KIND_OF)
    rows = build.rows("conditionAgentScenarios", ("scenario",))
    named = (row.get("scenario") for row in rows)
    scenarios = tuple(build.template(name if isinstance(name, str) else "") for name in named)
    if not scenarios:
        build.problem("it has no scenarios.")
    remembers = build.flag("conditionAgentEnableMemory", default=True)
    memory = read_memory(build, KIND_OF) if remembers else None
    if asker is None:
        return Step(build.node)  # never run: all its problems are noted
    return ConditionAgent(build, asker, scenarios, memory)


KIND = Kind("conditionAgentAgentflow", _build)
