"""A question that is asked on the server's machine: as its operator, or with a token as its holder."""

from typing import Final

import msgspec

from flowkeys.bootstrap import Runtime
from flowkeys.cli.backends.backend import Emit, Json, Question
from flowkeys.cli.backends.reasons import tell
from flowkeys.domain.errors import NotFound, UpstreamFailed
from flowkeys.domain.keys.bearer import UNKNOWN
from flowkeys.domain.keys.decision import Denied
from flowkeys.domain.keys.networks import KnownClient
from flowkeys.domain.keys.token import Token
from flowkeys.domain.principal import Caller
from flowkeys.service.ports.flows import Event, Tokens
from flowkeys.service.predictions.grants import Grant
from flowkeys.service.predictions.input import read_prediction
from flowkeys.web import render
from flowkeys.web.errors import of_denial

_THIS_MACHINE: Final = KnownClient("127.0.0.1")
"""Where a key is used from that is asked with here."""


async def answer(runtime: Runtime, caller: Caller, question: Question, emit: Emit | None) -> Json:
    """Ask, and return the whole answer; `emit` takes each event before.

    Raises:
        NotFound: the workspace has no such chatflow.
        Refusal: the token may not ask it.
        UpstreamFailed: a model or service behind it failed; whoever asks here is told why.
    """

    async def handed_on(event: Event | Tokens) -> None:
        assert emit is not None
        if isinstance(event, Tokens):
            emit("token", "".join(event.pieces))
        else:
            told = event.data
            is_value = event.name == "token" and not isinstance(told, str)
            emit(event.name, msgspec.json.encode(told).decode() if is_value else told)

    request = read_prediction({"question": question.text, "sessionId": question.session_id})
    run = await runtime.predictor.open(await _grant(runtime, caller, question), request)
    try:
        found = await run.execute(handed_on if emit is not None else None)
    except UpstreamFailed as error:
        tell(error)  # whoever asks here is the operator
        raise
    if emit is not None:
        emit("metadata", render.metadata(found))
    return render.answer(found)


async def _grant(runtime: Runtime, caller: Caller, question: Question) -> Grant:
    access = await runtime.directory.access(question.chatflow_id)
    if question.token is None:
        if access is None or access.workspace_id != caller.workspace_id:
            raise NotFound("chatflow")
        return Grant(
            access, None, is_operator=True
        )  # the operator may try any chatflow (CONTRACT, the Try pane's right)
    token = Token.parse(question.token)
    credential = UNKNOWN if token is None else token.reveal().encode()
    grant = await runtime.predictor.authorize(question.chatflow_id, credential, _THIS_MACHINE)
    if isinstance(grant, Denied):
        from flowkeys.cli.failures import Refusal

        problem = of_denial(grant)
        raise Refusal(problem.code, problem.detail)
    return grant
