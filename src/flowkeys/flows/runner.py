"""Runs a plan: one step after the other, each once everything that leads to it has been decided."""

from typing import Any, Final

from flowkeys.domain.errors import FlowkeysError
from flowkeys.flows.context import BETWEEN_ANSWERS, Run
from flowkeys.flows.plan import Plan, Planned
from flowkeys.flows.registry import Outcome
from flowkeys.service.ports.flows import Emit, Event, FlowResult

BEGUN: Final = Event("agentFlowEvent", "INPROGRESS")
FINISHED: Final = Event("agentFlowEvent", "FINISHED")
FAILED: Final = Event("agentFlowEvent", "ERROR")


async def run_plan(plan: Plan, run: Run, *, node_events: bool) -> FlowResult:
    """Run all steps and return the answer; `node_events` is whether it is an agentflow, whose nodes show.

    The tokens that are sent, put together, are exactly the text that is returned.
    """
    emit = run.emit
    if plan.uses_history:
        await run.history()
    if node_events:
        await emit(BEGUN)
    executed: list[dict[str, Any]] = []
    text = await _steps(plan, run, executed if node_events else None)
    if node_events:
        await emit(FINISHED)
    if run.sources:
        await emit(Event("sourceDocuments", run.sources))
    if run.tools:
        await emit(Event("usedTools", run.tools))
    return FlowResult(text=text, source_documents=run.sources, used_tools=run.tools, executed=executed)


async def _steps(plan: Plan, run: Run, executed: list[dict[str, Any]] | None) -> str:
    """Run the steps that the branches taken lead to, and return what was said."""
    live = [False] * len(plan.steps)
    live[0] = True  # Start is the first: nothing leads to it, and all else is reached from it
    answers: list[str] = []
    answered = False
    latest = ""
    for position, planned in enumerate(plan.steps):
        if not live[position]:
            continue
        outcome = await (_step(planned, run) if executed is None else _visible(planned, run, executed))
        for target, output in planned.targets:
            if outcome.branch is None or outcome.branch == output:
                live[target] = True
        if outcome.text is not None:
            latest = outcome.text
            if planned.last:
                answered = True
                answers.append(latest)
    if answered or not latest:
        return BETWEEN_ANSWERS.join(filter(None, answers))
    run.begin_step(streaming=True)  # the branch that was taken leads nowhere: what was said before it counts
    await run.say(latest)
    return latest


async def _step(planned: Planned, run: Run) -> Outcome:
    run.begin_step(streaming=planned.stream)
    outcome = await planned.step.run(run)
    run.outputs[planned.id] = outcome.output
    return outcome


async def _visible(planned: Planned, run: Run, executed: list[dict[str, Any]]) -> Outcome:
    """Run one step and send the events that show it."""
    emit: Emit = run.emit
    await emit(planned.begun)
    try:
        outcome = await _step(planned, run)
    except FlowkeysError as error:
        message = str(error)
        executed.append(_entry(planned, {"id": planned.id, "name": planned.kind, "error": message}, "ERROR"))
        status = {"nodeId": planned.id, "nodeLabel": planned.label, "status": "ERROR", "error": message}
        await emit(Event("nextAgentFlow", status))
        await emit(Event("agentFlowExecutedData", list(executed)))
        await emit(FAILED)
        raise
    data = {
        "id": planned.id,
        "name": planned.kind,
        "input": outcome.input,
        "output": outcome.output,
        "state": dict(run.state),
    }
    executed.append(_entry(planned, data, "FINISHED"))
    await emit(planned.finished)
    await emit(Event("agentFlowExecutedData", list(executed)))
    return outcome


def _entry(planned: Planned, data: dict[str, Any], status: str) -> dict[str, Any]:
    return {
        "nodeId": planned.id,
        "nodeLabel": planned.label,
        "data": data,
        "previousNodeIds": planned.previous,
        "status": status,
    }
