"""``/executions``: runs, the newest first; those that wait for a person by themselves."""

from typing import Final

from fastapi import Response

from flowkeys.domain.ids import is_id
from flowkeys.domain.predictions.conversation import in_one_line
from flowkeys.domain.predictions.execution import Execution, RunState
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

_LISTED: Final = 25
CHOICES: Final = (("", "All"), ("STOPPED", "Waiting"), ("ERROR", "Failed"), ("FINISHED", "Finished"))
WORDS: Final = {
    RunState.STOPPED: ("Waits for a person", "warn"),
    RunState.IN_PROGRESS: ("Goes on", "plain"),
    RunState.FINISHED: ("Finished", "good"),
    RunState.ERROR: ("Failed", "danger"),
    RunState.TIMEOUT: ("Nobody answered", "quiet"),
}


@router.page("GET", "/executions", needs="executions:view")
async def show(call: PageCall) -> Response:
    """List runs."""
    asked = call.query_params
    state = asked.get("state", "")
    state = state if state in dict(CHOICES) else ""
    chatflow_id = asked.get("chatflow") or None
    before = asked.get("before")
    found = await call.services.executions.page(
        call.caller,
        chatflow_id=chatflow_id,
        state=RunState(state) if state else None,
        before=before if before is not None and is_id(before) else None,
        limit=_LISTED + 1,
    )
    runs = found.items[:_LISTED]
    names = await _names(call, {chatflow_id, *(run.chatflow_id for run in runs)})
    return call.render(
        "executions/list.html",
        title="Runs",
        runs=[(run, title(run), *WORDS[run.state]) for run in runs],
        names=names,
        state=state,
        answers=call.may("executions:update") and any(run.state is RunState.STOPPED for run in runs),
        choices=CHOICES,
        chatflow_id=chatflow_id,
        is_first=before is None,
        older=runs[-1].id if len(found.items) > _LISTED else None,
    )


def title(run: Execution) -> str:
    """Return what a run is told by: its question in one line."""
    return in_one_line(run.question) or "(no words)"


async def _names(call: PageCall, ids: set[str | None]) -> dict[str, str]:
    """Return the names of chatflows, for those who may see them."""
    wanted = [each for each in ids if each is not None]
    if not wanted or not call.may("chatflows:view"):
        return {}
    choices = await call.services.chatflows.choices(call.caller, limit=0, ids=wanted)
    return {choice.id: choice.name for choice in choices}
