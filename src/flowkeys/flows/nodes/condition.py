"""`conditionAgentflow`: goes on from the output of the first condition that holds, else from the last."""

import asyncio
import contextlib
import math
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from flowkeys.flows.context import Run
from flowkeys.flows.graph.variables import Template, as_text
from flowkeys.flows.registry import Build, Kind, Outcome, Step

REGEX_SECONDS: Final = 2.0
_REGEX_CHARACTERS: Final = 10_000
_PROCESSES: Final = 4
_SEARCH: Final = (
    "import json,re,sys\n"
    "pattern,text=json.load(sys.stdin)\n"
    "try: print(1 if re.search(pattern,text) else 0)\n"
    "except (re.error,RecursionError,OverflowError): print(0)\n"
)

_TEXT: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "contains": lambda one, two: two in one,
    "notContains": lambda one, two: two not in one,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "equal": str.__eq__,
    "notEqual": str.__ne__,
    "isEmpty": lambda one, _: not one,
    "notEmpty": lambda one, _: bool(one),
}
_NUMBER: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "smaller": lambda one, two: one < two,
    "smallerEqual": lambda one, two: one <= two,
    "equal": lambda one, two: one == two,
    "notEqual": lambda one, two: one != two,
    "larger": lambda one, two: one > two,
    "largerEqual": lambda one, two: one >= two,
}
_LEADING_NUMBER = re.compile(r"\s*([+-]?(?:\d{1,300}\.?\d{0,300}|\.\d{1,300})(?:[eE][+-]?\d{1,4})?)")


class Rule(msgspec.Struct, frozen=True):
    """One condition."""

    type: str
    operation: str
    value1: Template
    value2: Template

    async def holds(self, run: Run, processes: asyncio.Semaphore) -> bool:
        """Tell whether the condition holds; texts are compared without the white space around them."""
        one, two = self.value1.render(run).strip(), self.value2.render(run).strip()
        if self.operation == "regex":
            async with processes:
                return await search(two, one)
        if self.type == "number" and self.operation in _NUMBER:
            return _NUMBER[self.operation](number(one), number(two))
        if self.type == "boolean":
            one, two = one.lower(), two.lower()
        return _TEXT[self.operation](one, two)


class Condition(Step):
    """Chooses one of its outputs."""

    def __init__(self, build: Build, rules: tuple[Rule, ...]) -> None:
        super().__init__(build.node)
        self._rules = rules
        self._processes = asyncio.Semaphore(_PROCESSES)

    async def run(self, run: Run) -> Outcome:
        """Choose. The values that were compared are not shown to callers: they may be the owner's own."""
        chosen = len(self._rules)
        for index, rule in enumerate(self._rules):
            if await rule.holds(run, self._processes):
                chosen = index
                break
        shown = [{"type": rule.type, "operation": rule.operation} for rule in self._rules]
        shown.append({"type": "string", "operation": "else"})
        output = {"conditions": [{**row, "isFulfilled": i == chosen} for i, row in enumerate(shown)]}
        return Outcome(output=output, branch=chosen)


async def search(pattern: str, text: str) -> bool:
    """Tell whether a regular expression is found in a text.

    A pattern can take for ever, and Python cannot interrupt one: it runs in a process of its own, which is
    ended after `REGEX_SECONDS`. A pattern that takes longer, or is none, is not found.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", _SEARCH,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        question = msgspec.json.encode((pattern, text[:_REGEX_CHARACTERS]))
        async with asyncio.timeout(REGEX_SECONDS):
            answer, _ = await process.communicate(question)
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.wait())
    return answer.strip() == b"1"


def number(text: str) -> float:
    """Return the number that a text begins with, or 0."""
    match = _LEADING_NUMBER.match(text)
    value = float(match[1]) if match else 0.0
    return value if math.isfinite(value) else 0.0


def _build(build: Build) -> Step:
    rows = build.rows("conditions")
    if not rows:
        build.problem("it has no conditions.")
    rules = tuple(_rule(build, row) for row in rows)
    if any(edge.output is None or edge.output > len(rules) for edge in build.outgoing):
        build.problem("a connection leaves it from an output that it does not have.")
    return Condition(build, rules)


def _rule(build: Build, row: Mapping[str, Any]) -> Rule:
    kind = str(as_text(row.get("type")) or "string")
    operation = str(as_text(row.get("operation")) or "equal")
    allowed = {
        "string": _TEXT.keys() | {"regex"},
        "number": _NUMBER.keys() | {"isEmpty", "notEmpty"},
        "boolean": {"equal", "notEqual"},
    }
    if operation not in allowed.get(kind, ()):
        build.problem(f"the condition {kind} {operation} is not supported.")
    values = [build.template(as_text(row.get(name)) or "") for name in ("value1", "value2")]
    return Rule(kind, operation, values[0], values[1])


KIND = Kind("conditionAgentflow", _build)
