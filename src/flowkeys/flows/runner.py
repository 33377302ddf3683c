"""Runs a plan: one step after the other, each once everything that leads to it has been decided."""

from collections.abc import Generator
from typing import Any, Final

import msgspec

from flowkeys.domain.errors import FlowkeysError
from flowkeys.flows.context import BETWEEN_ANSWERS, Run, least_finished
from flowkeys.flows.plan import Plan, Planned
from flowkeys.flows.registry import Outcome
from flowkeys.service.ports.flows import Emit, Event, FlowResult

REPEATED_BYTES: Final = 1_000_000
BEGUN: Final = Event("agentFlowEvent", "INPROGRESS")
FINISHED: Final = Event("agentFlowEvent", "FINISHED")
FAILED: Final = Event("agentFlowEvent", "ERROR")


class _Shown:
    """The nodes that have run, sent as Flowise does: after each node, all that there are so far.

    Repeated without end that grows with the square of their number. Once `REPEATED_BYTES` have been sent,
    the list is kept back, and sent one last time when it is complete.
    """

    def __init__(self, emit: Emit, *, is_read: bool) -> None:
        self._is_read = is_read
        self.entries: list[dict[str, Any]] = []
        self._emit = emit
        self._size = 0
        self._left = REPEATED_BYTES
        self._unsent = 0

    def add(self, entry: dict[str, Any]) -> None:
        """Add a node that has run."""
        self.entries.append(entry)
        if not self._is_read:
            return
        self._size += len(msgspec.json.encode(entry))
        self._unsent += 1

    async def send(self, *, last: bool = False) -> None:
        """Send the list, if it has grown and may be repeated; the last one in any case."""
        if not self._unsent or (self._size > self._left and not last):
            return
        self._left -= self._size
        self._unsent = 0
        await self._emit(Event("agentFlowExecutedData", list(self.entries)))


async def run_plan(plan: Plan, run: Run, *, node_events: bool) -> FlowResult:
    """Run all steps and return the answer; `node_events` is whether it is an agentflow, whose nodes show.

    The tokens that are sent, put together, are exactly the text that is returned.
    """
    emit = run.emit
    if plan.uses_history:
        await run.history()
    if node_events:
        await emit(BEGUN)
    shown = _Shown(emit, is_read=run.call.streamed)
    text, finish_reason = await _steps(plan, run, shown if node_events else None)
    if node_events:
        await shown.send(last=True)
        await emit(FINISHED)
    if run.sources:
        await emit(Event("sourceDocuments", run.sources))
    if run.tools:
        await emit(Event("usedTools", run.tools))
    return FlowResult(
        text=text,
        source_documents=run.sources,
        used_tools=run.tools,
        executed=shown.entries,
        finish_reason=finish_reason,
        model_tokens=run.model_tokens,
    )


def run_plan_at_once(plan: Plan, run: Run, *, node_events: bool) -> FlowResult:
    """Do what `run_plan` does for a plan that waits for nothing, where nobody reads the events."""
    entries: list[dict[str, Any]] = []
    walk = _walk(plan)
    planned = next(walk)
    while True:
        run.begin_step(streaming=planned.stream)
        outcome = planned.step.at_once(run)
        run.outputs[planned.id] = outcome.output
        if node_events:
            entries.append(_done(planned, outcome, run))
        try:
            planned = walk.send(outcome)
        except StopIteration as ended:
            text, finish_reason, _ = ended.value
            return FlowResult(text=text, executed=entries, finish_reason=finish_reason)


async def _steps(plan: Plan, run: Run, shown: _Shown | None) -> tuple[str, str | None]:
    """Run the steps that the branches taken lead to, and return what was said and how that ended."""
    walk = _walk(plan)
    planned = next(walk)
    while True:
        outcome = await (_step(planned, run) if shown is None else _visible(planned, run, shown))
        try:
            planned = walk.send(outcome)
        except StopIteration as ended:
            text, finish, is_said = ended.value
            break
    if not is_said:
        run.begin_step(streaming=True)
        await run.say(text)
    return text, finish


def _walk(plan: Plan) -> Generator[Planned, Outcome, tuple[str, str | None, bool]]:
    """Yield each step that is to be run, and take its outcome.

    Return what was said, how that ended, and whether the steps themselves have said it: where the branch that
    was taken leads nowhere, what was said before it counts.
    """
    live = [False] * len(plan.steps)
    live[0] = True  # Start is the first: nothing leads to it, and all else is reached from it
    answers: list[str] = []
    finishes: list[str | None] = []
    answered = False
    latest = ""
    finish: str | None = None
    for position, planned in enumerate(plan.steps):
        if not live[position]:
            continue
        outcome = yield planned
        for target, output in planned.targets:
            if outcome.branch is None or outcome.branch == output:
                live[target] = True
        if outcome.text is not None:
            latest, finish = outcome.text, outcome.finish_reason
            if planned.last:
                answered = True
                answers.append(latest)
                finishes.append(finish)
    if answered or not latest:
        return BETWEEN_ANSWERS.join(filter(None, answers)), least_finished(finishes), True
    return latest, finish, False


async def _step(planned: Planned, run: Run) -> Outcome:
    run.begin_step(streaming=planned.stream)
    outcome = await planned.step.run(run)
    run.outputs[planned.id] = outcome.output
    return outcome


async def _visible(planned: Planned, run: Run, shown: _Shown) -> Outcome:
    """Run one step and send the events that show it."""
    emit: Emit = run.emit
    await emit(planned.begun)
    try:
        outcome = await _step(planned, run)
    except FlowkeysError as error:
        message = str(error)
        shown.add(_entry(planned, {"id": planned.id, "name": planned.kind, "error": message}, "ERROR"))
        status = {"nodeId": planned.id, "nodeLabel": planned.label, "status": "ERROR", "error": message}
        await emit(Event("nextAgentFlow", status))
        await shown.send(last=True)
        await emit(FAILED)
        raise
    shown.add(_done(planned, outcome, run))
    await emit(planned.finished)
    await shown.send()
    return outcome


def _done(planned: Planned, outcome: Outcome, run: Run) -> dict[str, Any]:
    data = {
        "id": planned.id,
        "name": planned.kind,
        "input": outcome.input,
        "output": outcome.output,
        "state": dict(run.state),
    }
    return _entry(planned, data, "FINISHED")


def _entry(planned: Planned, data: dict[str, Any], status: str) -> dict[str, Any]:
    return {
        "nodeId": planned.id,
        "nodeLabel": planned.label,
        "data": data,
        "previousNodeIds": planned.previous,
        "status": status,
    }
