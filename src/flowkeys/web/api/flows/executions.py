"""``/executions``: runs of agentflows, and answers to those that wait."""

from typing import Annotated

from fastapi import Query, Response

from flowkeys.domain.keys.decision import Denied
from flowkeys.domain.predictions.execution import RunState
from flowkeys.service.audit.input import read_span
from flowkeys.service.ports.flows import HumanAnswer
from flowkeys.web import render
from flowkeys.web.api.lists import Before, PageLimit, PageNumber, Slice, list_response
from flowkeys.web.errors import Refused, of_denial
from flowkeys.web.requests.context import Use, context_of
from flowkeys.web.routes import GuardedRouter, json_response
from flowkeys.web.schemas import executions as shown
from flowkeys.web.schemas.chatflows import PredictionOut
from flowkeys.web.schemas.executions import (
    ExecutionDetailOut,
    ExecutionOut,
    ExecutionPageOut,
    ResumeIn,
    State,
)
from flowkeys.web.schemas.keys import AffectedOut
from flowkeys.web.services import Call

router = GuardedRouter(tags=["Executions"])


@router.on(
    "GET",
    "/executions",
    needs="executions:view",
    answers=list[ExecutionOut] | ExecutionPageOut,
    errors=("validation_failed",),
)
async def list_executions(
    call: Call,
    chatflow_id: Annotated[
        str | None, Query(alias="agentflowId", max_length=200, description="Runs of this chatflow.")
    ] = None,
    session_id: Annotated[
        str | None, Query(alias="sessionId", max_length=255, description="Together with `agentflowId`.")
    ] = None,
    state: Annotated[State | None, Query(description="STOPPED: those that wait for a person.")] = None,
    since: Annotated[str | None, Query(alias="from", max_length=40, description="A time or day.")] = None,
    until: Annotated[str | None, Query(alias="to", max_length=40, description="A time or day.")] = None,
    before: Before = None,
    page: PageNumber = None,
    limit: PageLimit = None,
) -> Response:
    """List runs without their steps, the newest first: an array, or with `page` one page and their number."""
    part = Slice.of(page, limit)
    begin, end = read_span(since, until)
    found = await call.services.executions.page(
        call.caller,
        chatflow_id=chatflow_id,
        session_id=session_id,
        state=None if state is None else RunState(state),
        since=begin,
        until=end,
        before=before,
        limit=part.limit,
        offset=part.offset,
    )
    return list_response(
        call, part, [shown.execution(item) for item in found.items], found.total, linked=True
    )


@router.on(
    "GET",
    "/executions/{execution_id}",
    needs="executions:view",
    answers=ExecutionDetailOut,
    errors=("not_found",),
)
async def get_execution(execution_id: str, call: Call) -> Response:
    """Return a run with its steps: all that its nodes were given and gave."""
    return json_response(shown.detail(await call.services.executions.get(call.caller, execution_id)))


@router.on(
    "DELETE",
    "/executions/{execution_id}",
    needs="executions:delete",
    answers=AffectedOut,
    errors=("not_found",),
)
async def delete_execution(execution_id: str, call: Call) -> Response:
    """Delete a run with its steps. One that waits can be answered no more; what was said stays."""
    await call.services.executions.delete(call.caller, execution_id)
    return json_response({"raw": [], "affected": 1})


@router.on(
    "POST",
    "/executions/{execution_id}/resume",
    needs="executions:update",
    answers=PredictionOut,
    errors=(
        *("not_found", "already_resumed", "cannot_resume", "flow_not_runnable", "upstream_failed"),
        *("run_limit_exceeded", "validation_failed", "invalid_json", "too_large", "quota_exceeded"),
    ),
)
async def resume_execution(execution_id: str, body: ResumeIn, call: Call) -> Response:
    """Answer a run that waits for a person, whoever began it; the answer is what it then says.

    It is a call of the key that began it, and takes of that one's limits. When it fails, or they are used up,
    the run waits on, and can be answered again.
    """
    given = body.model_dump(by_alias=True, exclude_defaults=True) | {"type": body.type}
    answered = await call.services.executions.resume(call.caller, execution_id, HumanAnswer(given))
    if isinstance(answered, Denied):
        raise Refused(of_denial(answered))
    run = answered.run
    use = context_of(call.scope).use = Use(answered.record, call.caller.workspace_id, run.chatflow_id)
    try:
        made = await run.execute()
    finally:
        use.model_tokens = run.model_tokens
    return json_response(render.answer(made))
