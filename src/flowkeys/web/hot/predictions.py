"""``POST /api/v1/prediction/{id}``, the plain cases: who is refused is so before the body is waited for.

A question that comes whole, in a body that is as it should be, and wants its answer whole is answered here.
Everything else is the framework's: it gives the same answers, and says what is wrong with a body.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec
import structlog

from flowkeys.domain.errors import (
    Conflict,
    FlowkeysError,
    FlowNotRunnable,
    InvalidInput,
    NotFound,
    QuotaExceeded,
    TooLarge,
    UpstreamFailed,
)
from flowkeys.domain.keys.decision import Denied, Reason
from flowkeys.domain.usage.tokens import NO_TOKENS, ModelTokens
from flowkeys.domain.usage.usage import CLIENT_GONE as GONE
from flowkeys.domain.usage.usage import OK, Door
from flowkeys.service.ports.verification import PENDING, Pending
from flowkeys.service.predictions.grants import Grant, release
from flowkeys.service.predictions.input import PredictionInput, read_prediction
from flowkeys.service.predictions.predictor import Predictor
from flowkeys.service.predictions.run import Answer, Run
from flowkeys.web import render
from flowkeys.web.errors import Problem, Refused, of_error, problem
from flowkeys.web.gate import CLIENT_GONE, STOPPING
from flowkeys.web.hot.call import Call, Refuser, of_failure, read_head
from flowkeys.web.hot.reply import JSON, NO_STORE, Form, Reply, form, of_problem, to_limited, to_replaced
from flowkeys.web.predictions.failures import log_failure
from flowkeys.web.predictions.prediction import ANY_ORIGIN, ROUTE, cors
from flowkeys.web.requests.body import decode

PREFIX: Final = b"/api/v1/prediction/"
_PLAIN: Final = re.compile(rb"/api/v1/prediction/([0-9A-Za-z-]{1,64})")
_DOOR: Final = Door.PREDICTION.value
_OK: Final = form(200, JSON, NO_STORE)
_OK_FOR_ALL: Final = form(200, JSON, NO_STORE, ANY_ORIGIN)
_OF_THE_CALL: Final = (
    *(InvalidInput, NotFound, Conflict, FlowNotRunnable),
    *(QuotaExceeded, UpstreamFailed, TooLarge),
)
"""What a page of another site is told too."""
_encode: Final = msgspec.json.Encoder().encode


def is_plain(target: bytes) -> bool:
    """Tell whether a target is that of a prediction alone; a token in it is the gate's to refuse."""
    return _PLAIN.fullmatch(target) is not None and b"fl-" not in target


class PredictionCalls:
    """Decides who may run a chatflow, and runs it for plain calls."""

    __slots__ = ("_hands_on", "_predictor", "_refuser")

    def __init__(self, predictor: Predictor, refuser: Refuser, *, hands_on: bool = False) -> None:
        self._hands_on = hands_on
        self._predictor = predictor
        self._refuser = refuser

    def answer(self, call: Call, earlier: Grant | None = None) -> Reply | Grant | None:
        """Return a refusal, or what was granted, or None: then it is decided further in.

        `earlier` is what was granted to the call before its body had come: that was the use of its key, and
        took of its limits.
        """
        plain = _PLAIN.fullmatch(call.target)
        if plain is None or b"fl-" in call.target:  # a token in the URL is the gate's to refuse
            return None
        try:
            credential = read_head(call)
            if isinstance(credential, Problem):
                return self._refuser.refuse(call, ROUTE, credential, door=_DOOR)
            chatflow_id = plain[1].decode("ascii")
            found = self._predictor.authorize_at_once(chatflow_id, credential, call, counts=earlier is None)
            if not isinstance(found, Denied):
                if earlier is None or found is None or earlier.taken is None:
                    return found
                return msgspec.structs.replace(found, taken=earlier.taken)
            if earlier is not None:
                release(earlier.taken)
            return self.refused(call, found)
        except Exception as error:  # noqa: BLE001 - every call gets an answer
            return self.undecided(call, error)

    def before_body(self, call: Call) -> Reply | Grant | Literal[Pending.PENDING] | None:
        """Return what `answer` returns of a call whose body has not come, which is not to be waited for.

        `PENDING`: its key or chatflow has to be looked up first, which whoever awaits that does. None: it
        waits for its body, and then for what counts it.
        """
        found = self.answer(call)
        return PENDING if found is None and not self._is_at_hand(call) else found

    def _is_at_hand(self, call: Call) -> bool:
        """Tell whether all is at hand to decide about a call but what several processes count."""
        credential = read_head(call)
        if isinstance(credential, Problem):
            return True
        try:
            found = self._predictor.authorize_at_once(_called(call), credential, call, counts=False)
        except Exception:  # noqa: BLE001 - whoever decides instead says why
            return False
        return found is not None

    def refused(self, call: Call, why: Denied) -> Reply:
        """Return the refusal of a call."""
        more = [ANY_ORIGIN] if why.reason is Reason.RATE_LIMITED and why.text is not None else ()
        chatflow_id = _called(call)
        return self._refuser.refuse(call, ROUTE, why, door=_DOOR, chatflow_id=chatflow_id, headers=more)

    def undecided(self, call: Call, error: BaseException) -> Reply:
        """Return what is said of a call that could not be decided about, or not before the server stops."""
        found = of_failure(error, call) if isinstance(error, Exception) else STOPPING
        return self._refuser.refuse(call, ROUTE, found, door=_DOOR)

    def ask(self, call: Call, then: Callable[[Grant | Denied | None], None]) -> bool:
        """Have whoever counts asked about a call that `answer` had no answer for; see `Predictor.ask`."""
        try:
            credential = read_head(call)
            return not isinstance(credential, Problem) and self._predictor.ask(
                _called(call), credential, call, then
            )
        except Exception:  # noqa: BLE001 - whoever decides instead says why
            return False

    async def decide(self, call: Call) -> Grant | Denied:
        """Return what was granted to a call that has to be awaited.

        Raises:
            Unavailable: it cannot be decided about.
        """
        credential = read_head(call)
        assert not isinstance(credential, Problem)
        return await self._predictor.authorize(_called(call), credential, call)

    def open(self, call: Call, body: bytes, grant: Grant) -> Run | None:
        """Return the run of a call that was granted and whose body has been read, or None."""
        request = self.question(call, body)
        return None if request is None else self.run(grant, request)

    def question(self, call: Call, body: bytes) -> PredictionInput | None:
        """Return what is asked, when that is plain: whole, in a body as it should be, for a whole answer."""
        if self._hands_on:
            return None
        call.asked_bytes = len(body)
        for name, _ in call.headers:
            if name == b"content-encoding":
                return None
        try:
            request = read_prediction(decode(body))
        except (Refused, InvalidInput):
            return None
        return None if request.streaming else request

    def run(self, grant: Grant, question: PredictionInput) -> Run | None:
        """Return the run of a call that was granted, if its chatflow is at hand."""
        return self._predictor.open_at_once(grant, question)

    async def opened(self, grant: Grant, question: PredictionInput) -> Run:
        """Return the run when its chatflow is loaded; see `Predictor.open`."""
        return await self._predictor.open(grant, question)

    def answered(self, call: Call, grant: Grant, answer: Answer, tokens: ModelTokens) -> Reply:
        """Return the answer to a call of which both messages are stored."""
        reply = Reply(_form(call, grant), call.request_id, _encode(render.answer(answer)))
        self._refuser.note(call, ROUTE, reply.status, _facts(grant))
        self._count(call, grant, OK, len(reply.body), tokens)
        return _to(grant, reply)

    def failed(
        self, call: Call, grant: Grant, error: BaseException, tokens: ModelTokens = NO_TOKENS
    ) -> Reply:
        """Return what is said of a run that failed, or that was cancelled because the server stops."""
        request_id = call.request_id.decode("ascii")
        of_the_call = isinstance(error, _OF_THE_CALL)
        if isinstance(error, asyncio.CancelledError):
            found = STOPPING
        elif isinstance(error, FlowkeysError):
            log_failure(error, request_id)
            found = of_error(error)
        else:
            structlog.get_logger("flowkeys").error("failed", request_id=request_id, exc_info=error)
            found = problem("internal_error")
        more = cors(grant.access, call.headers) if of_the_call else []
        reply = of_problem(found, call.request_id, *more)
        self._refuser.note(call, ROUTE, reply.status, {**_facts(grant), "code": found.code})
        self._count(call, grant, found.code, len(reply.body), tokens)
        return _to(grant, reply)

    def left(self, call: Call, grant: Grant, tokens: ModelTokens = NO_TOKENS) -> None:
        """Note that nobody waits for an answer any more."""
        release(grant.taken)
        self._refuser.note(call, ROUTE, CLIENT_GONE, _facts(grant))
        self._count(call, grant, GONE, tokens=tokens)

    def _count(
        self, call: Call, grant: Grant, outcome: str, size: int = 0, tokens: ModelTokens = NO_TOKENS
    ) -> None:
        access = grant.access
        self._refuser.calls.count_run(
            outcome,
            grant.record,
            access.workspace_id,
            access.id,
            call.started,
            tokens=tokens,
            sizes=(call.asked_bytes, size),
        )


def _called(call: Call) -> str:
    """Return the id of the chatflow that a plain target names."""
    return call.target[len(PREFIX) :].decode("ascii")


def _to(grant: Grant, reply: Reply) -> Reply:
    record = grant.record
    if grant.taken is not None:
        reply = to_limited(reply, grant.taken)
    return reply if record is None or record.replaced is None else to_replaced(reply, record)


def _form(call: Call, grant: Grant) -> Form:
    access = grant.access
    if not access.is_public:
        return _OK
    if access.visitors is None or access.visitors.origins is None:
        return _OK_FOR_ALL
    return form(200, JSON, NO_STORE, *cors(access, call.headers))


def _facts(grant: Grant) -> dict[str, Any]:
    facts = {"chatflow_id": grant.access.id}
    if grant.record is not None:
        facts["key_id"] = grant.record.key_id
    return facts
