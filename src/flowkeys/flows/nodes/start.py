"""`startAgentflow`: takes the question or the form, and sets the flow's state."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from flowkeys.domain.errors import FieldError, InvalidInput
from flowkeys.flows.context import Run
from flowkeys.flows.graph.graph import START
from flowkeys.flows.graph.variables import as_text, unmarked
from flowkeys.flows.registry import Build, Kind, Outcome, Step
from flowkeys.service.ports.flows import FlowCall

_OPTIONS: Final = 1000


class Field(msgspec.Struct, frozen=True):
    """One field of a form."""

    name: str
    label: str
    type: str
    options: tuple[str, ...] = ()

    def fault(self, value: Any) -> str | None:
        """Return what is wrong with a value of this field, or None."""
        if value is None or value == "":
            return None if self.type == "boolean" else f"{self.label} is missing."
        if self.type == "number" and not _is_number(value):
            return f"{self.label} has to be a number."
        if self.type == "options" and self.options and as_text(value) not in self.options:
            return f"{self.label} has to be one of: {', '.join(self.options)}."
        return None


class ChatStart(Step):
    """Starts with a question."""

    waits = False

    def __init__(self, build: Build, state: Mapping[str, Any]) -> None:
        super().__init__(build.node)
        self._state = state
        self._forget = build.flag("startEphemeralMemory")

    def admit(self, call: FlowCall) -> None:
        """Refuse a call without a question."""
        if not call.question and not call.form:
            raise InvalidInput.of("question", "This chatflow needs a question.")

    def at_once(self, run: Run) -> Outcome:
        """Take the question."""
        self._begin(run)
        taken = {"question": run.question}
        return Outcome(input=taken, output=self._marked(taken))

    def _begin(self, run: Run) -> None:
        if self._state and not run.update_state(self._state):
            raise self.failed("the state of the flow is longer than this server allows.")
        if self._forget:
            run.forget()

    def _marked(self, output: dict[str, Any]) -> dict[str, Any]:
        return {**output, "ephemeralMemory": True} if self._forget else output


class FormStart(ChatStart):
    """Starts with a filled-in form."""

    def __init__(self, build: Build, state: Mapping[str, Any]) -> None:
        super().__init__(build, state)
        rows = build.rows("formInputTypes")
        self._fields = tuple(_fields(build, rows))
        self._shown = {
            "form": {
                "title": _shown(build.inputs.get("formTitle")),
                "description": _shown(build.inputs.get("formDescription")),
                "inputs": [
                    {name: _options(row) if name == "addOptions" else _shown(row[name]) for name in row}
                    for row in rows
                ],
            }
        }

    def admit(self, call: FlowCall) -> None:
        """Refuse a form with missing or wrong fields, naming each."""
        form = call.form or {}
        faults = [
            FieldError(f"form.{field.name}", fault)
            for field in self._fields
            if (fault := field.fault(form.get(field.name))) is not None
        ]
        if faults:
            raise InvalidInput(*faults)

    def at_once(self, run: Run) -> Outcome:
        """Take the form."""
        self._begin(run)
        return Outcome(input=self._shown, output=self._marked({"form": dict(run.form)}))


def _build(build: Build) -> Step:
    kind = build.text("startInputType", "chatInput")
    if kind not in {"chatInput", "formInput"}:
        build.problem(f"the input type {kind!r} is not supported; chatInput and formInput are.")
    if build.flag("startPersistState"):
        build.problem("Persist State is not supported: the state lives for one answer.")
    rows = build.rows("startState", ("key",))
    named = (row for row in rows if row.get("key") and isinstance(row["key"], str))
    state = {str(row["key"]): unmarked(row.get("value", "")) for row in named}
    return FormStart(build, state) if kind == "formInput" else ChatStart(build, state)


def _shown(value: Any) -> Any:
    """Return what a form shows: texts, numbers and such; nothing else belongs there."""
    return unmarked(value) if isinstance(value, str | int | float) else None


def _options(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = row.get("addOptions")
    options = given[:_OPTIONS] if isinstance(given, list) else []
    return [{"option": _shown(option.get("option"))} for option in options if isinstance(option, Mapping)]


def _fields(build: Build, rows: Sequence[Mapping[str, Any]]) -> list[Field]:
    fields = []
    for row in rows:
        name = row.get("name")
        if not isinstance(name, str) or not name:
            build.problem("a form field has no variable name.")
            continue
        names = [as_text(option["option"]) for option in _options(row)]
        label = as_text(row.get("label")) or name
        fields.append(Field(name, label, as_text(row.get("type")) or "string", tuple(n for n in names if n)))
    return fields


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return True
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


KIND = Kind(START, _build)
