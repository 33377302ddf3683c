"""`startAgentflow`: takes the question or the form, and sets the flow's state."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from flowkeys.flows.context import Run
from flowkeys.flows.graph.graph import START
from flowkeys.flows.graph.literals import unmarked
from flowkeys.flows.registry import Build, Kind, Outcome, Step

Entries = Sequence[Mapping[str, Any]]
CHAT: Final = "chatInput"
FORM: Final = "formInput"
_ELSEWHERE: Final = {"webhookTrigger": "a webhook", "scheduleInput": "a schedule"}


class Start(Step):
    """Takes the question, or the form with which a flow begins; of other types it takes nothing.

    A form is taken as it is: fields may be missing, be of another type or be more than were drawn.
    """

    waits = False

    def __init__(self, build: Build, kind: str, state: Mapping[str, Any]) -> None:
        super().__init__(build.node)
        self._kind = kind
        self._state = state
        self._forgets = build.flag("startEphemeralMemory")
        self.persists = build.flag("startPersistState")
        marks = {"ephemeralMemory": self._forgets, "persistState": self.persists}
        self._marks = {name: True for name, is_set in marks.items() if is_set}
        given = build.inputs if kind == FORM else {}
        members = {"title": "formTitle", "description": "formDescription", "inputs": "formInputTypes"}
        values = {name: given.get(member) for name, member in members.items()}
        self._shown = {"form": unmarked(values) if build.node.given else values}

    def at_once(self, run: Run) -> Outcome:
        """Begin with what was sent."""
        return self.begin(run, ())

    def begin(self, run: Run, kept: Entries) -> Outcome:
        """Begin with what was sent, and with the nodes that the session's last answer ran."""
        state = (_last_state(kept) if self.persists else None) or self._state
        if state and not run.update_state(state):
            raise self.failed("the state of the flow is longer than this server allows.")
        if self._forgets:
            run.forget()
        if self._kind == CHAT:
            taken = {"question": run.question} if run.question else _odd(run)
            return Outcome(input=taken, output={**taken, **self._marks} if self._marks else taken)
        if self._kind != FORM:
            return Outcome(output=self._marks)
        remembered = {} if run.form else _last_form(kept)
        if remembered:
            run.form = remembered
            return Outcome(input=self._shown, output={"form": remembered, **self._marks})
        taken = {"form": run.question} if run.question else {}
        return Outcome(input=self._shown, output={**taken, **self._marks})


class Remembering(Start):
    """Begins with what the session kept: its state, or the form of its last answer."""

    waits = True

    async def run(self, run: Run) -> Outcome:
        """Begin with what was sent, and with what the session kept."""
        latest = run.call.latest
        if latest is None or (run.form and not self.persists):
            return self.begin(run, ())
        return self.begin(run, await latest())


def _odd(run: Run) -> dict[str, Any]:
    """Return a question that is no text, as it was sent; nothing of what counts as false."""
    asked = run.call.asked
    is_odd = not isinstance(asked, str | msgspec.UnsetType) and (asked or isinstance(asked, list | Mapping))
    return {"question": asked} if is_odd else {}


def _last_state(kept: Entries) -> Mapping[str, Any] | None:
    """Return the state with which the session's last answer ended."""
    state = _data(kept[-1]).get("state") if kept else None
    return state if isinstance(state, Mapping) else None


def _last_form(kept: Entries) -> dict[str, Any]:
    """Return the form that the session's last answer began with; read from lines, its values are texts."""
    output = _data(kept[0]).get("output") if kept else None
    form = output.get("form") if isinstance(output, Mapping) else None
    if isinstance(form, Mapping):
        return dict(form)
    lines = form.split("\n") if isinstance(form, str) else ()
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, colon, value in pairs if colon and name.strip()}


def _data(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    data = entry.get("data")
    return data if isinstance(data, Mapping) else {}


def _build(build: Build) -> Step:
    given = build.inputs.get("startInputType", CHAT)
    kind = given if isinstance(given, str) else ""
    if not kind:
        build.problem("it has no input type. Choose chat or form.")
    elif kind in _ELSEWHERE:
        build.problem(f"it is begun by {_ELSEWHERE[kind]}, which this server does not do.")
    rows = build.rows("startState", ("key",))
    named = (row for row in rows if row.get("key") and isinstance(row["key"], str) and "value" in row)
    state = {str(row["key"]): unmarked(row["value"]) for row in named}
    made = Remembering if kind == FORM or build.flag("startPersistState") else Start
    return made(build, kind, state)


KIND = Kind(START, _build)
