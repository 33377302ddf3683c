"""Runs a plan as Flowise does: a queue, first in first out, one node at a time.

What follows a node is put in the queue in the order of the flow's connections. A node with several that lead
to it waits for all of them; those that stand behind one and the same choice are one group, of which one is
enough (`Planned.needs`). A node that waits for a branch that was not taken never runs, and the run ends with
what ran last.

A step may wait for a person (`Waits`): then the run stops, and goes on from there when it is called again.
"""

from collections import deque
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final

import msgspec

from flowkeys.domain.errors import FlowkeysError, UpstreamFailed
from flowkeys.flows.context import Run
from flowkeys.flows.graph.joins import Needs
from flowkeys.flows.graph.literals import unmarked
from flowkeys.flows.plan import Plan, Planned
from flowkeys.flows.registry import Outcome
from flowkeys.flows.running.shown import AT_ONCE, Inside, Shown, size_of
from flowkeys.flows.waiting import Saved, Waits, read, write
from flowkeys.service.ports.flows import Emit, Event, FlowResult, Resumed, Stopped

BEGUN: Final = Event("agentFlowEvent", "INPROGRESS")
FINISHED: Final = Event("agentFlowEvent", "FINISHED")
FAILED: Final = Event("agentFlowEvent", "ERROR")
STOPPED: Final = Event("agentFlowEvent", "STOPPED")
NOTHING_SAID: Final = " "
"""The answer of a run whose last node says nothing."""


Come = dict[int, set[int]]
"""What has come to steps that wait for several, by their positions."""
Walk = Generator[Planned, Outcome, None]


class _Rounds:
    """Runs what is drawn in iterations."""

    def __init__(self, plan: Plan, run: Run, shown: Shown | None) -> None:
        self._inner = plan.inner
        self._run = run
        self._shown = shown

    def has(self, node_id: str) -> bool:
        """Tell whether anything is drawn in an iteration; in one that is in another nothing runs."""
        return node_id in self._inner and self._run.item is msgspec.UNSET

    async def run(self, node_id: str, items: Sequence[Any]) -> list[Any]:
        """Run it for each item, and return what was said last in each round."""
        run, chat = self._run, self._run.chat
        said = []
        try:
            for index, item in enumerate(items):
                run.item, run.chat = item, []
                context = {
                    "index": index,
                    "value": item,
                    "isFirst": index == 0,
                    "isLast": index == len(items) - 1,
                    "sessionId": run.call.session_id,
                }
                members = {"iterationIndex": index, "iterationContext": context, "parentNodeId": node_id}
                try:
                    said.append(await self._round(self._inner[node_id], members))
                except UpstreamFailed as error:
                    said.append(f"Error in iteration {index + 1}: {error}")
        finally:
            run.item, run.chat = msgspec.UNSET, chat
        return said

    async def _round(self, inner: Plan, members: Mapping[str, Any]) -> Any:
        shown = None if self._shown is None else Inside(self._run, members)
        last = await _steps(_walk(inner, self._run, {}, 0), self._run, shown)
        if shown is not None and self._shown is not None:
            for entry in shown.told():
                self._shown.add(entry)
        return NOTHING_SAID if last.text is msgspec.UNSET else last.text


async def run_plan(plan: Plan, run: Run, *, node_events: bool) -> FlowResult:
    """Run what the branches taken lead to and return the answer: what the node said that ran last.

    `node_events` is whether it is an agentflow, whose nodes show.

    Raises:
        RunLimitExceeded: it takes more steps, time or calls, or comes to more, than the operator allows.
    """
    emit = run.emit
    if plan.uses_history:
        await run.history()
    if node_events:
        await emit(BEGUN)
    shown = Shown(run, emit)
    run.rounds = _Rounds(plan, run, shown if node_events else None)
    come: Come = {}
    walk = _walk(
        plan, run, come, 0 if run.call.resumed is None else _go_on(plan, run, run.call.resumed, come, shown)
    )
    try:
        last = await _steps(walk, run, shown if node_events else None)
    except FlowkeysError:
        if node_events:
            await shown.send(last=True)
            await emit(FAILED)
        raise
    if node_events:
        await shown.send(last=True)
        await emit(STOPPED if run.has_asked else FINISHED)
    if run.sources:
        await emit(Event("sourceDocuments", run.sources))
    if run.tools:
        await emit(Event("usedTools", run.tools))
    return FlowResult(
        text=NOTHING_SAID if last.text is msgspec.UNSET else last.text,
        source_documents=run.sources,
        used_tools=run.tools,
        executed=shown.entries,
        finish_reason=last.finish_reason,
        model_tokens=run.model_tokens,
        stopped=None if last.waits is None else _stopped(plan, run, come, shown, last.waits),
    )


def run_plan_at_once(plan: Plan, run: Run, *, node_events: bool) -> FlowResult:
    """Do what `run_plan` does for a plan that waits for nothing, where nobody reads the events."""
    entries: list[dict[str, Any]] = []
    walk = _walk(plan, run, {}, 0)
    planned = next(walk)
    while True:
        run.begin_step(streaming=planned.stream)
        outcome = planned.step.at_once(run)
        run.outputs[planned.id] = outcome.output
        if node_events:
            entries.append(_done(planned, outcome, run))
            if len(entries) % AT_ONCE == 0:
                run.limits.take_bytes(size_of(entries[-AT_ONCE:]))
        try:
            planned = walk.send(outcome)
        except StopIteration:
            text = NOTHING_SAID if outcome.text is msgspec.UNSET else outcome.text
            return FlowResult(text=text, executed=entries, finish_reason=outcome.finish_reason)


async def _steps(walk: Walk, run: Run, shown: Shown | None) -> Outcome:
    """Run as long as anything is in the queue and nothing waits, and return what the last step did."""
    planned = next(walk)
    while True:
        outcome = await (_step(planned, run) if shown is None else _visible(planned, run, shown))
        try:
            planned = walk.send(outcome)
        except StopIteration:
            return outcome


def _go_on(plan: Plan, run: Run, resumed: Resumed, come: Come, shown: Shown) -> int:
    """Take up a run that waited, and return where it goes on."""
    saved = read(resumed.saved)
    run.go_on(saved, resumed.answer)
    shown.entries += saved.entries
    positions = {planned.id: position for position, planned in enumerate(plan.steps)}
    for node_id, sources in saved.come.items():
        come[positions[node_id]] = {positions[source] for source in sources}
    return positions[saved.node]


def _stopped(plan: Plan, run: Run, come: Come, shown: Shown, waits: Waits) -> Stopped:
    """Return what a run goes on from that waits: at the step that ran last."""
    node_id = waits.action["data"]["nodeId"]
    limits = run.limits
    saved = Saved(
        node=node_id,
        kept=waits.kept,
        state=run.state,
        outputs={name: dict(output) for name, output in run.outputs.items() if name != node_id},
        come={plan.steps[at].id: [plan.steps[source].id for source in some] for at, some in come.items()},
        form=dict(run.form) if run.form else None,
        loops=run.loops,
        loop_count=run.loop_count,
        entries=shown.entries[:-1],
        steps_left=limits.steps_left,
        bytes_left=limits.bytes_left,
        calls_left=limits.calls_left,
        seconds_left=limits.seconds_left,
    )
    return Stopped(waits.action, write(saved))


def _walk(plan: Plan, run: Run, come: Come, first: int) -> Walk:
    """Yield each step that is to be run, and take its outcome; one that waits is the last."""
    queue = deque((first,))
    limits = run.limits
    while queue:
        position = queue.popleft()
        planned = plan.steps[position]
        limits.take_step()
        outcome = yield planned
        if outcome.waits is not None:
            return
        if outcome.back is not None and (back := _position(plan, outcome.back)) is not None:
            queue.append(back)
        for target, output in planned.targets:
            if outcome.branch is not None and outcome.branch != output:
                continue
            needs = plan.steps[target].needs
            if not needs or _has_all(come, needs, target, position):
                queue.append(target)


def _position(plan: Plan, node_id: str) -> int | None:
    """Return where a step is, by the id of its node."""
    return next((at for at, planned in enumerate(plan.steps) if planned.id == node_id), None)


def _has_all(come: dict[int, set[int]], needs: Needs, target: int, source: int) -> bool:
    """Note that `source` has come to `target`; tell whether that may run. Then it waits anew."""
    here = come.setdefault(target, set())
    here.add(source)
    if any(here.isdisjoint(group) for group in needs):
        return False
    del come[target]
    return True


async def _step(planned: Planned, run: Run) -> Outcome:
    run.begin_step(streaming=planned.stream)
    step = planned.step
    outcome = await (run.limits.in_time(step.run(run)) if step.waits else step.run(run))
    run.outputs[planned.id] = outcome.output
    if run.answer is not None:
        run.answer = run.kept = None
    return outcome


async def _visible(planned: Planned, run: Run, shown: Shown) -> Outcome:
    """Run one step and send the events that show it."""
    emit: Emit = run.emit
    await emit(planned.begun)
    try:
        outcome = await _step(planned, run)
        entry = _done(planned, outcome, run)
        shown.add(entry)
    except FlowkeysError as error:
        message = str(error)
        data = {"id": planned.id, "name": planned.kind, "error": message}
        shown.end(_entry(planned, data, "ERROR"))
        status = {"nodeId": planned.id, "nodeLabel": planned.label, "status": "ERROR", "error": message}
        await emit(Event("nextAgentFlow", status))
        raise
    if outcome.waits is not None:
        await _ask(planned, outcome.waits, run, shown)
        return outcome
    await emit(planned.finished)
    await shown.send()
    if outcome.after:
        told = {**outcome.output, "content": outcome.after}
        entry["data"] = {**entry["data"], "output": told}
        run.outputs[planned.id] = told
        await run.say(outcome.after)
    return outcome


async def _ask(planned: Planned, waits: Waits, run: Run, shown: Shown) -> None:
    """Send the events of a step that waits for a person."""
    emit = run.emit
    run.has_asked = True
    status = {"nodeId": planned.id, "nodeLabel": planned.label, "status": "STOPPED"}
    await emit(Event("nextAgentFlow", status))
    await shown.send(last=True)
    await emit(STOPPED)
    await emit(Event("action", waits.action))


def _done(planned: Planned, outcome: Outcome, run: Run) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": planned.id,
        "name": planned.kind,
        "input": unmarked(outcome.input) if planned.step.node.given else outcome.input,
        "output": unmarked(outcome.output) if planned.step.node.given else outcome.output,
        "state": dict(run.state),
    }
    if outcome.chat is not None:
        data["chatHistory"] = outcome.chat
    return _entry(planned, data, "FINISHED" if outcome.waits is None else "STOPPED")


def _entry(planned: Planned, data: dict[str, Any], status: str) -> dict[str, Any]:
    return {
        "nodeId": planned.id,
        "nodeLabel": planned.label,
        "data": data,
        "previousNodeIds": planned.previous,
        "status": status,
    }
