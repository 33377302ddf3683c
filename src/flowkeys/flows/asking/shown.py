"""What a node that asks a model shows as its input: the messages, and its own members that are filled in."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flowkeys.flows.context import Run
from flowkeys.flows.graph.literals import unmarked
from flowkeys.flows.graph.variables import Template
from flowkeys.flows.registry import Build

_CREDENTIAL: Final = "FLOWISE_CREDENTIAL_ID"


class Shown:
    """The members of a node, with variables put in for each run."""

    def __init__(
        self, build: Build, *, without: Sequence[str], texts: Sequence[str], rows: Sequence[str]
    ) -> None:
        """`texts` and `rows` (of which the ``value`` counts) are those in which variables are put in."""
        inputs = {
            name: unmarked(value)
            for name, value in build.inputs.items()
            if not (isinstance(value, str) and value == "") and name not in without
        }
        self._streamed: Mapping[str, Any] = inputs
        self._whole: Mapping[str, Any] = _without_credentials(inputs)
        self._texts = tuple(
            (name, build.template(build.inputs[name])) for name in texts if isinstance(inputs.get(name), str)
        )
        self._rows = tuple(
            (name, tuple(_row(build, row) for row in build.inputs[name]))
            for name in rows
            if isinstance(inputs.get(name), list)
        )

    def of(self, run: Run, messages: Sequence[Mapping[str, Any]], *, asked: bool = False) -> dict[str, Any]:
        """Return the input of one run.

        Ids of credentials stand in streams, and in what a person is `asked`, as Flowise has it.
        """
        shown = {"messages": messages, **(self._streamed if asked or run.call.streamed else self._whole)}
        for name, template in self._texts:
            shown[name] = template.render(run)
            if not shown[name]:
                del shown[name]
        for name, rows in self._rows:
            shown[name] = [
                row if template is None else {**row, "value": template.value(run)} for row, template in rows
            ]
        return shown


def _row(build: Build, row: Any) -> tuple[Any, Template | None]:
    value = row.get("value") if isinstance(row, Mapping) else None
    return unmarked(row), build.template(value) if isinstance(value, str) else None


def _without_credentials(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_credentials(inner) for name, inner in value.items() if name != _CREDENTIAL}
    if isinstance(value, list):
        return [_without_credentials(item) for item in value]
    return value
