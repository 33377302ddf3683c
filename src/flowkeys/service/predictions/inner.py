"""Chatflows that nodes of a run call: who may call which, and what becomes of it.

Such a call is a part of the run that it is in. It takes nothing of limits, and is counted nowhere; what its
models use counts against the quotas of the one who called. What is said is stored as that caller's, in the
session of the run: the other chatflow remembers what the same caller said there, and nothing else.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.errors import (
    Conflict,
    FlowkeysError,
    FlowNotRunnable,
    InvalidInput,
    NotFound,
    QuotaExceeded,
    RunLimitExceeded,
    Unavailable,
    UpstreamFailed,
)
from flowkeys.domain.ids import new_ordered_id
from flowkeys.domain.keys.api_key import ApiKey
from flowkeys.domain.keys.decision import AccessRequest, Denied, Reason
from flowkeys.domain.times import Clock
from flowkeys.service.keys.verifier import Verifier
from flowkeys.service.ports.flows import InnerAnswer, InnerCall
from flowkeys.service.ports.store import Store
from flowkeys.service.ports.verification import ChatflowDirectory
from flowkeys.service.predictions.grants import Grant, Outer
from flowkeys.service.predictions.input import PredictionInput, Session, is_uuid, read_prediction
from flowkeys.service.predictions.loaded import LoadedFlows
from flowkeys.service.predictions.run import Run
from flowkeys.service.predictions.waiting import WaitingRuns

_ENDING: Final = (RunLimitExceeded, QuotaExceeded, Unavailable)
"""What ends the run that called, too."""
_CODES: Final[Mapping[type[FlowkeysError], str]] = {
    InvalidInput: "validation_failed",
    NotFound: "not_found",
    FlowNotRunnable: "flow_not_runnable",
    UpstreamFailed: "upstream_failed",
}
Failed = Callable[[FlowkeysError, str], object]
"""Takes what went wrong, and the id of the chatflow."""
_CLOSED: Final = (
    "The chatflow {id} is not public, and the key of this call does not open it. Bind that key to it, make "
    "it public, or name a credential with a key that opens it."
)
_REFUSED: Final = "The key that the node's credential holds does not open the chatflow {id} ({reason})."


class InnerFlows:
    """Runs chatflows for nodes of runs."""

    def __init__(
        self,
        store: Store,
        directory: ChatflowDirectory,
        verifier: Verifier,
        flows: LoadedFlows,
        clock: Clock,
        waiting: WaitingRuns,
        failed: Failed,
    ) -> None:
        """`failed` is told why a chatflow failed: the caller hears of that in short, and as an answer."""
        self._failed = failed
        self._store = store
        self._directory = directory
        self._verifier = verifier
        self._flows = flows
        self._clock = clock
        self._waiting = waiting

    async def call(self, outer: Outer, call: InnerCall) -> InnerAnswer:
        """Run a chatflow for a node of `outer`, and return what it says; a refusal and a failure, too.

        One that stops for a person has said what it asks. It waits by itself, and the run that called goes
        on.

        Raises:
            RunLimitExceeded, QuotaExceeded, Unavailable: they end the run that called as well.
        """
        access = await self._directory.access(call.chatflow_id)
        if access is None or access.workspace_id != outer.workspace_id:
            return _told("not_found", f"There is no chatflow {call.chatflow_id} here.")
        denied = await self._denied(access, outer, call.token)
        if denied is not None:
            return _told(denied.reason.value, denied.detail or "")
        try:
            request = read_prediction({"question": call.question, "overrideConfig": dict(call.overrides)})
            now = self._clock()
            chatflow, flow = await self._flows.load(access)
            session = _session(outer, request, now)
            grant = Grant(access, None, outer.person_id)
            run = Run(
                *(self._store, now, chatflow, flow, grant, request, session, self._waiting, self.call),
                outer=outer,
            )
            result = (await run.execute()).result
        except _ENDING:
            raise
        except FlowkeysError as error:
            self._failed(error, access.id)
            code = error.code if isinstance(error, Conflict) else _CODES.get(type(error), "failed")
            return _told(code, str(error))
        return InnerAnswer(
            content=result.text, finish_reason=result.finish_reason, model_tokens=result.model_tokens
        )

    async def _denied(self, access: ChatflowAccess, outer: Outer, token: str | None) -> Denied | None:
        """Decide whether a run may call a chatflow of its workspace.

        The caller's key is looked at as it is now, which may be long after it was let in.
        """
        if access.is_public or outer.opens_all:
            return None
        key_id = outer.key_id
        if key_id is not None:
            key = await self._store.read(lambda tx: tx.keys.get(outer.workspace_id, key_id))
            if key is not None and _opens(key, access.id, self._clock()):
                return None
        if token is None:
            return Denied(Reason.CHATFLOW_NOT_ALLOWED, detail=_CLOSED.format(id=access.id))
        request = AccessRequest(chatflow_id=access.id, workspace_id=access.workspace_id)
        decision = await self._verifier.verify(token.encode(), request)
        if not isinstance(decision, Denied):
            return None
        reason = decision.reason
        return Denied(reason, detail=_REFUSED.format(id=access.id, reason=reason.value.replace("_", " ")))


def _opens(key: ApiKey, chatflow_id: str, now: int) -> bool:
    return key.is_accepted_at(now) and any(bound.id == chatflow_id for bound in key.chatflows)


def _session(outer: Outer, request: PredictionInput, now: int) -> Session:
    """Return the session of the run that called, unless the node names another.

    What is said without a key is found again by ids alone that cannot be guessed, here as elsewhere.
    """
    session, named = outer.session, request.session_id
    anonymous = outer.key_id is None and outer.person_id is None
    if named is None:
        return msgspec.structs.replace(session, remembered=session.remembered or not anonymous)
    if anonymous and not is_uuid(named):
        return Session(new_ordered_id(now), session.chat_id, remembered=False)
    return Session(named, session.chat_id, remembered=True)


def _told(code: str, message: str) -> InnerAnswer:
    """Return a refusal or a failure as a node says it: as JSON with two spaces, as Flowise prints it."""
    said: dict[str, Any] = {"success": False, "code": code, "message": message}
    return InnerAnswer(content=msgspec.json.format(msgspec.json.encode(said), indent=2).decode())
