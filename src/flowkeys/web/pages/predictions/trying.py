"""``/chatflows/{id}/try``: somebody who is signed in asks a chatflow, and reads on while it answers."""

import asyncio
from typing import Any, Final

from fastapi import Response
from fastapi.responses import RedirectResponse
from starlette.types import Receive, Scope, Send

from flowkeys.domain.errors import FlowkeysError, FlowNotRunnable, InvalidInput, UpstreamFailed
from flowkeys.domain.ids import new_id
from flowkeys.domain.listing import MessageQuery
from flowkeys.domain.predictions.conversation import Message
from flowkeys.service.ports.flows import Emit, Event
from flowkeys.service.predictions.grants import Grant
from flowkeys.service.predictions.input import is_uuid, read_prediction
from flowkeys.service.predictions.predictor import Predictor
from flowkeys.service.predictions.run import Answer, Run
from flowkeys.web.errors import of_error
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.predictions.answers import formatted
from flowkeys.web.pages.predictions.said import LONGEST, said
from flowkeys.web.pages.predictions.start_form import filled_in, lacking, start_form
from flowkeys.web.pages.router import PageRouter
from flowkeys.web.predictions.failures import log_failure
from flowkeys.web.predictions.stream import EventStream, run_watched
from flowkeys.web.requests.context import context_of
from flowkeys.web.respond import send_problem

router = PageRouter()

_STREAM: Final = "text/event-stream"
_REPLACED: Final = {b"content-length", b"content-type", b"cache-control"}
_TURNS: Final = 100


@router.page("GET", "/chatflows/{chatflow_id}/try", needs="chatflows:update")
async def show(chatflow_id: str, call: PageCall) -> Response:
    """Show a conversation of one's own with a chatflow, and where to go on with it."""
    session_id = call.query_params.get("session", "")
    return await _page(call, chatflow_id, session_id if is_uuid(session_id) else new_id(), {}, {})


@router.page("POST", "/chatflows/{chatflow_id}/try", needs="chatflows:update")
async def ask(chatflow_id: str, call: PageCall) -> Response:
    """Run the chatflow: streamed when a script asks, else the page with the answer follows."""
    grant = await call.services.predictor.authorize_person(call.caller, chatflow_id)
    context_of(call.scope).facts["chatflow_id"] = chatflow_id
    sent = await call.form(max_bytes=call.services.max_body_bytes)
    session_id = sent.text("session") if is_uuid(sent.text("session")) else new_id()
    body: dict[str, Any] = {"question": sent.text("question"), "sessionId": session_id}
    chatflow = (
        await call.services.chatflows.get(call.caller, chatflow_id, permission="chatflows:update")
    ).chatflow
    form = await start_form(chatflow.flow_data)
    wrong = lacking(form, sent)
    if form is not None:
        body["form"] = filled_in(form, sent)
    if _STREAM in call.headers.get("accept", ""):
        return _Streamed(call.services.predictor, grant, body, wrong)
    try:
        if wrong is not None:
            raise wrong
        run = await call.services.predictor.open(grant, read_prediction(body))
        await run_watched(run.execute(), call.receive)
    except (InvalidInput, FlowNotRunnable, UpstreamFailed) as error:
        log_failure(error, context_of(call.scope).request_id)
        fields = error.errors if isinstance(error, InvalidInput) else ()
        errors = {item.field: item.message for item in fields} or {"question": str(error)}
        typed = {name: sent.text(name) for name in sent.values}
        return await _page(call, chatflow_id, session_id, errors, typed, of_error(error).status)
    return RedirectResponse(f"/chatflows/{chatflow_id}/try?session={session_id}#try", 303)


class _Streamed(Response):
    """The events of one run, as predictions send them; a problem when it does not begin."""

    def __init__(
        self, predictor: Predictor, grant: Grant, body: dict[str, Any], wrong: InvalidInput | None
    ) -> None:
        super().__init__()
        self._predictor = predictor
        self._grant = grant
        self._body = body
        self._wrong = wrong

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the chatflow and send what it says."""
        headers = [item for item in self.raw_headers if item[0] not in _REPLACED]
        try:
            if self._wrong is not None:
                raise self._wrong
            run = await self._predictor.open(self._grant, read_prediction(self._body))
            formatting = _Formatting(run)
            await EventStream(scope, send).run(formatting, receive, self._predictor.stopping, headers)
        except FlowkeysError as error:
            log_failure(error, context_of(scope).request_id)
            await send_problem(scope, send, of_error(error), headers)


class _Formatting:
    """A run whose answer is sent once more at its end, as HTML for the page, when there is Markdown in it."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def execute(self, emit: Emit) -> Answer:
        """Run to the end, as the run does."""
        answer = await self._run.execute(emit)
        text = answer.result.text
        is_text = isinstance(text, str) and len(text) <= LONGEST
        html = await asyncio.to_thread(formatted, text) if is_text else None
        if html is not None:
            await emit(Event("formatted", str(html)))
        return answer


async def _page(
    call: PageCall,
    chatflow_id: str,
    session_id: str,
    errors: dict[str, str],
    typed: dict[str, str],
    status: int = 200,
) -> Response:
    checked = await call.services.chatflows.get(call.caller, chatflow_id, permission="chatflows:update")
    chatflow = checked.chatflow
    start = await start_form(chatflow.flow_data)
    turns = await _turns(call, chatflow_id, session_id)

    def draw() -> Response:
        return call.render(
            "chatflows/try.html",
            status,
            chatflow=chatflow,
            check=checked.check,
            start=start,
            session_id=session_id,
            turns=said(turns),
            errors=errors,
            typed=typed,
        )

    return await asyncio.to_thread(draw)  # it may be large, and nobody else should wait for it


async def _turns(call: PageCall, chatflow_id: str, session_id: str) -> list[Message]:
    """Return what the person said in a session, the latest first; nothing when they may not see it."""
    if not call.may("chatflows:view"):
        return []
    query = MessageQuery(
        workspace_id=call.caller.workspace_id,
        chatflow_id=chatflow_id,
        session_id=session_id,
        limit=_TURNS,
        shorten_to=LONGEST,
    )
    found = await call.services.chatflows.messages(call.caller, query)
    return [item for item in found.items if item.person_id == call.person.id]
