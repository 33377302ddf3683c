"""``/executions/{id}``: a run step by step, and a person's answer to one that waits."""

import asyncio
from contextlib import suppress
from typing import Final

from fastapi import Response

from flowkeys.domain.errors import Conflict, FlowkeysError, FlowNotRunnable, InvalidInput
from flowkeys.domain.keys.decision import Denied
from flowkeys.domain.predictions.execution import Execution, RunState
from flowkeys.service.ports.flows import HumanAnswer
from flowkeys.service.predictions.run import Answer
from flowkeys.web.errors import of_denial
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.predictions.executions import WORDS, title
from flowkeys.web.pages.predictions.steps import MOST, steps
from flowkeys.web.pages.router import PageRouter
from flowkeys.web.requests.context import Use, context_of

router = PageRouter()

PATIENCE_SECONDS: Final = 5.0
"""So long a page waits for what comes of an answer; the run goes on behind it."""
FEEDBACK_CHARACTERS: Final = 10_000
_going: Final[set[asyncio.Task[Answer]]] = set()
"""Runs that go on behind a page: a task that nobody holds may be collected."""


@router.page("GET", "/executions/{execution_id}", needs="executions:view")
async def show(execution_id: str, call: PageCall) -> Response:
    """Show a run."""
    run = await call.services.executions.get(call.caller, execution_id)
    return await _page(call, run)


@router.page("POST", "/executions/{execution_id}/answer", needs="executions:update")
async def answer(execution_id: str, call: PageCall) -> Response:
    """Answer a run that waits, and show what came of it, or that it goes on."""
    form = await call.form()
    kind, feedback = form.text("type"), form.text("feedback").strip()
    errors = {}
    if kind not in {"proceed", "reject"}:
        errors["type"] = "Choose whether the run proceeds."
    if len(feedback) > FEEDBACK_CHARACTERS:
        errors["feedback"] = f"Say it in at most {FEEDBACK_CHARACTERS} characters."
    target = f"/executions/{execution_id}" if call.may("executions:view") else "/"
    given = {"type": kind, **({"feedback": feedback} if feedback else {})}
    if not errors:
        try:
            answered = await call.services.executions.resume(call.caller, execution_id, HumanAnswer(given))
        except (Conflict, FlowNotRunnable, InvalidInput) as refused:
            return call.done(target, f"Nothing was done. {refused}")
        if isinstance(answered, Denied):
            refusal = of_denial(answered).detail
            return call.done(target, f"Nothing was done: it counts as a call of who began the run. {refusal}")
        run = answered.run
        use = context_of(call.scope).use = Use(answered.record, call.caller.workspace_id, run.chatflow_id)
        work = asyncio.get_running_loop().create_task(run.execute())
        _going.add(work)
        work.add_done_callback(_ended)
        await asyncio.wait((work,), timeout=PATIENCE_SECONDS)
        use.model_tokens = run.model_tokens
        return call.done(target, _said(work))
    if not call.may("executions:view"):
        raise InvalidInput.of(*next(iter(errors.items())))
    item = await call.services.executions.get(call.caller, execution_id)
    return await _page(call, item, errors, feedback)


def _said(work: "asyncio.Task[Answer]") -> str:
    if not work.done():
        return "Answered. The run goes on; look again in a while."
    with suppress(asyncio.CancelledError):
        error = work.exception()
        if error is None:
            stops = work.result().result.stopped is not None
            return "Answered. The run waits for the next answer." if stops else "Answered. The run is done."
        if isinstance(error, FlowkeysError):
            return f"The answer led nowhere: {error} The run waits on."
    return "The answer led nowhere: the log says more. The run waits on."


def _ended(work: "asyncio.Task[Answer]") -> None:
    _going.discard(work)
    if not work.cancelled():
        work.exception()  # the run's row has it


async def _page(
    call: PageCall, run: Execution, errors: dict[str, str] | None = None, feedback: str = ""
) -> Response:
    name = None
    if call.may("chatflows:view"):
        choices = await call.services.chatflows.choices(call.caller, limit=0, ids=[run.chatflow_id])
        name = choices[0].name if choices else None
    word, badge = WORDS[run.state]
    entries = run.entries

    def draw() -> Response:
        return call.render(
            "executions/view.html",
            422 if errors else 200,
            title=title(run),
            run=run,
            word=word,
            badge=badge,
            chatflow_name=name,
            steps=steps(entries),
            left_out=max(len(entries) - MOST, 0),
            waits=run.state is RunState.STOPPED,
            goes_on=run.state is RunState.IN_PROGRESS,
            asks_feedback=_asks_feedback(run),
            feedback=feedback,
            errors=errors or {},
        )

    return await asyncio.to_thread(draw)  # it may be large, and nobody else should wait for it


def _asks_feedback(run: Execution) -> bool:
    """Tell whether the node that waits wants to hear more than yes or no; one that does not say so may."""
    asked = (run.action or {}).get("data", {}).get("input", {})
    return not isinstance(asked, dict) or asked.get("humanInputEnableFeedback") is not False
