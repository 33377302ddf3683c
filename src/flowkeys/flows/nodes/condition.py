"""`conditionAgentflow`: goes on from the output of the first condition that holds, else from the last."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.predictions import javascript
from flowkeys.flows.context import Run
from flowkeys.flows.graph.plain import without_markdown
from flowkeys.flows.graph.regex import search
from flowkeys.flows.graph.variables import text_of
from flowkeys.flows.nodes.shown import compile_json
from flowkeys.flows.registry import Build, Kind, Outcome, Step

_REGEX: Final = "regex"
_PROCESSES: Final = 4
_ELSE: Final = {"type": "string", "value1": "", "operation": "equal", "value2": ""}

Compare = Callable[[Any, Any], bool]


def _words(value: Any) -> str:
    return text_of(value) if value else ""


def _is_same(one: Any, two: Any) -> bool:
    """Tell whether ``one === two``: a number is no text, and a truth value no number."""
    numbers = (int, float)
    if isinstance(one, bool) or isinstance(two, bool):
        return one is two
    if isinstance(one, numbers) and isinstance(two, numbers):
        return one == two
    return type(one) is type(two) and isinstance(one, str | None) and one == two


def _is_empty(one: Any, _: Any) -> bool:
    return one is None or one == ""


_OPERATIONS: Final[Mapping[str, Compare]] = {
    "contains": lambda one, two: _words(two) in _words(one),
    "notContains": lambda one, two: _words(two) not in _words(one),
    "equal": _is_same,
    "notEqual": lambda one, two: not _is_same(one, two),
    "smaller": lambda one, two: javascript.number(one) < javascript.number(two),
    "smallerEqual": lambda one, two: javascript.number(one) <= javascript.number(two),
    "larger": lambda one, two: javascript.number(one) > javascript.number(two),
    "largerEqual": lambda one, two: javascript.number(one) >= javascript.number(two),
    "isEmpty": _is_empty,
    "notEmpty": lambda one, two: not _is_empty(one, two),
}
_OF_TEXTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
}


class Condition(Step):
    """Chooses one of its outputs."""

    waits = False

    def __init__(self, build: Build, rows: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(build.node)
        self._rows = [{**row} for row in rows]
        self._resolved = [compile_json(build, row) for row in rows]
        operations = [str(row.get("operation")) for row in rows]
        self.waits = any(one == _REGEX or "{{" in one for one in operations)
        self._processes = asyncio.Semaphore(_PROCESSES)

    def at_once(self, run: Run) -> Outcome:
        """Choose by conditions that wait for nothing."""
        rows = [item.value(run) for item in self._resolved]
        return self._chosen(rows, next((n for n, row in enumerate(rows) if self._holds(row)), len(rows)))

    async def run(self, run: Run) -> Outcome:
        """Choose."""
        if not self.waits:
            return self.at_once(run)
        rows = [item.value(run) for item in self._resolved]
        for number, row in enumerate(rows):
            if await self._is_found(row) if row.get("operation") == _REGEX else self._holds(row):
                return self._chosen(rows, number)
        return self._chosen(rows, len(rows))

    def _chosen(self, rows: list[dict[str, Any]], chosen: int) -> Outcome:
        output = [*rows, {**_ELSE, "isFulfilled": chosen == len(rows)}]
        if chosen < len(rows):
            output[chosen] = {**rows[chosen], "isFulfilled": True}
        shown = {str(number): row for number, row in enumerate(rows)}
        return Outcome(input={"conditions": shown}, output={"conditions": output}, branch=chosen)

    def _holds(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a condition holds.

        Raises:
            InvalidInput: it compares what its operation does not compare, or has none that there is.
        """
        one, two = self._values(row)
        operation = row.get("operation")
        compare = _OPERATIONS.get(str(operation))
        if compare is not None:
            return compare(one, two)
        texts = _OF_TEXTS.get(str(operation))
        if texts is None:
            raise self._refused(f"there is no operation {str(operation)[:50]!r}.")
        if not isinstance(one, str):
            raise self._refused(f"{operation} compares texts alone.")
        return texts(one, two if isinstance(two, str) else text_of(two))

    async def _is_found(self, row: Mapping[str, Any]) -> bool:
        one, two = self._values(row)
        async with self._processes:
            return await search(_words(two), _words(one))

    def _values(self, row: Mapping[str, Any]) -> tuple[Any, Any]:
        one, two = row.get("value1"), row.get("value2")
        kind = row.get("type")
        if kind == "boolean":
            return one, two
        if kind == "number":
            return _leading(one), _leading(two)
        return self._plain(one), self._plain(two)

    def _plain(self, value: Any) -> str:
        if not value:
            return ""
        if not isinstance(value, str):
            raise self._refused("a condition of the type string compares texts alone, and this is none.")
        return without_markdown(value)

    def _refused(self, what: str) -> InvalidInput:
        field = "overrideConfig" if self.node.given else "chatflow"
        return InvalidInput.of(field, f"{self.node.label}: {what}")


def _leading(value: Any) -> float:
    return javascript.leading_number(javascript.string(value))


def _build(build: Build) -> Step:
    rows = build.rows("conditions")
    if any(edge.output is None or edge.output > len(rows) for edge in build.outgoing):
        build.problem("a connection leaves it from an output that it does not have.")
    return Condition(build, rows)


KIND = Kind("conditionAgentflow", _build)
