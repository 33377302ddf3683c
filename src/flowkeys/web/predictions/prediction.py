"""``/prediction/{id}``: plain ASGI, since this is the call that keys exist for."""

import re
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.errors import (
    Conflict,
    FlowNotRunnable,
    InvalidInput,
    NotFound,
    QuotaExceeded,
    TooLarge,
    UpstreamFailed,
)
from flowkeys.domain.keys.bearer import read_credential
from flowkeys.domain.keys.decision import Reason
from flowkeys.service.ports.verification import ChatflowDirectory
from flowkeys.service.predictions.grants import Grant, release
from flowkeys.service.predictions.input import read_prediction
from flowkeys.service.predictions.predictor import Predictor
from flowkeys.service.predictions.run import Run
from flowkeys.web import render
from flowkeys.web.errors import Refused, of_error, problem
from flowkeys.web.predictions.failures import log_failure
from flowkeys.web.predictions.stream import EventStream, run_watched
from flowkeys.web.refusals import Refusals
from flowkeys.web.requests.body import decode, require_identity
from flowkeys.web.requests.context import Use, context_of, origin
from flowkeys.web.requests.raw_body import read_body
from flowkeys.web.respond import JSON, NO_STORE, RawHeaders, send_bytes, send_problem

ROUTE: Final = "/api/v1/prediction/{chatflow_id}"
GRANT: Final = "flowkeys.grant"
"""Where the hot routes leave in a scope what they decided: it is not decided twice."""
_PREFIX: Final = "/api/v1/prediction/"
_PATH: Final = re.compile(r"/api/v1/prediction/([^/]+)")
_OF_THE_CALL: Final = (
    *(InvalidInput, NotFound, Conflict, FlowNotRunnable),
    *(QuotaExceeded, UpstreamFailed, TooLarge),
)
ANY_ORIGIN: Final = (b"access-control-allow-origin", b"*")
_VARY: Final = (b"vary", b"origin")
_PREFLIGHT: Final = (
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", b"content-type, authorization"),
    (b"access-control-max-age", b"600"),
)


class Predictions:
    """An ASGI application for the one route."""

    def __init__(
        self, predictor: Predictor, directory: ChatflowDirectory, refusals: Refusals, max_body_bytes: int
    ) -> None:
        self._predictor = predictor
        self._directory = directory
        self._refusals = refusals
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a prediction, or the preflight of one."""
        context_of(scope).route = ROUTE
        match = _PATH.fullmatch(scope["path"])
        if match is None:
            await send_problem(scope, send, problem("not_found"))
        elif scope["method"] == "POST":
            await self._predict(match[1], scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await self._preflight(match[1], scope, send)
        else:
            allow = (b"allow", b"POST, OPTIONS")
            await send_problem(scope, send, problem("method_not_allowed"), [allow])

    async def _predict(self, chatflow_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        async def again() -> Grant:
            return await self._authorize(chatflow_id, scope, counts=False)

        try:
            grant = scope.get(GRANT) or await self._authorize(chatflow_id, scope)
        except Refused as refused:
            told = refused.problem.text is not None and refused.problem.code == Reason.RATE_LIMITED
            await send_problem(scope, send, refused.problem, [ANY_ORIGIN] if told else [])
            return
        headers = cors(grant.access, scope["headers"])
        size = self._max_body_bytes
        await answer(self._predictor, grant, size, scope, receive, send, headers, again=again)

    async def _authorize(self, chatflow_id: str, scope: Scope, *, counts: bool = True) -> Grant:
        context = context_of(scope)
        credential = read_credential(scope["headers"])
        found = await self._predictor.authorize(chatflow_id, credential, context.client, counts=counts)
        if isinstance(found, Grant):
            return found
        record = found.record
        context.use = Use(record)
        if record is not None:
            context.calls(record)
            context.use.workspace_id = record.workspace_id
            context.use.chatflow_id = chatflow_id if chatflow_id in record.chatflow_ids else ""
        raise Refused(self._refusals.refuse(found, context.address))

    async def _preflight(self, chatflow_id: str, scope: Scope, send: Send) -> None:
        """Let other sites' pages call public chatflows, and say nothing of others (no credentials, ever)."""
        access = await self._directory.access(chatflow_id)
        headers = [] if access is None else cors(access, scope["headers"])
        allowed = any(name == ANY_ORIGIN[0] for name, _ in headers)
        await send_bytes(send, 204, b"", [*headers, *_PREFLIGHT] if allowed else headers)


class WithPredictions:
    """ASGI middleware: predictions pass the framework by, which would give the same answers, slower."""

    def __init__(self, app: ASGIApp, predictions: Predictions) -> None:
        self.app = app
        self._predictions = predictions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer predictions; hand everything else on."""
        if scope["type"] == "http" and scope["path"].startswith(_PREFIX):
            await self._predictions(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def cors(access: ChatflowAccess, headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """Return the headers by which pages of other sites may read the answer: of a public chatflow only.

    With allowed origins they name the one that asks, if it is one of them.
    """
    if not access.is_public:
        return []
    rules = access.visitors
    if rules is None or rules.origins is None:
        return [ANY_ORIGIN]
    asking = origin(headers)
    if asking is None or not rules.admits(asking):
        return [_VARY]
    return [(ANY_ORIGIN[0], asking.encode("latin-1")), _VARY]


async def answer(
    predictor: Predictor,
    grant: Grant,
    max_body_bytes: int,
    scope: Scope,
    receive: Receive,
    send: Send,
    headers: RawHeaders = (),
    *,
    again: Callable[[], Awaitable[Grant]] | None = None,
) -> None:
    """Read the question of a call that was allowed, run the chatflow, and send its answer or its stream.

    `again` decides anew behind the body, which a client may hold back until its key is long revoked.
    """
    use = _note(scope, grant)
    headers = list(headers)
    run: Run | None = None
    try:
        require_identity(scope["headers"])
        body = await read_body(scope, receive, max_body_bytes)
        use.asked_bytes = len(body)
        request = read_prediction(decode(body, _content_type(scope)))
        if again is not None:
            grant = msgspec.structs.replace(await again(), taken=grant.taken)
        run = await predictor.open(grant, request)
        if request.streaming:
            await EventStream(scope, send).run(run, receive, predictor.stopping, headers)
            return
        made = await run_watched(run.execute(), receive)
    except Refused as error:
        await send_problem(scope, send, error.problem, headers)
    except _OF_THE_CALL as error:
        log_failure(error, context_of(scope).request_id)
        await send_problem(scope, send, of_error(error), headers)
    else:
        await send_bytes(send, 200, msgspec.json.encode(render.answer(made)), [JSON, NO_STORE, *headers])
    finally:
        if run is not None:
            use.model_tokens = run.model_tokens
        release(grant.taken)


def _note(scope: Scope, grant: Grant) -> Use:
    """Note whose call it is, for the log, and return what is counted of it."""
    context = context_of(scope)
    use = Use(grant.record, grant.access.workspace_id, grant.access.id)
    if grant.person_id is None:  # who tries a chatflow on its page is not counted
        context.use = use
    context.facts["chatflow_id"] = grant.access.id
    context.taken = grant.taken
    if grant.record is not None:
        context.calls(grant.record)
    if grant.person_id is not None:
        context.facts["person_id"] = grant.person_id
    return use


def _content_type(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"content-type"), "")
