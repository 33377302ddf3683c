"""From a call to an allowed one, with a chatflow that is ready to run."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Literal

from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.errors import FlowNotRunnable, Forbidden, NotFound
from flowkeys.domain.keys.decision import AccessRequest, Allowed, Decision, Denied, Reason
from flowkeys.domain.keys.networks import Visitor
from flowkeys.domain.limits.gcra import Taken
from flowkeys.domain.predictions.execution import Execution
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock
from flowkeys.service.keys.verifier import Verifier
from flowkeys.service.ports.flows import FlowCompiler, HumanAnswer
from flowkeys.service.ports.store import Store, Transaction
from flowkeys.service.ports.verification import PENDING, ChatflowDirectory, Pending
from flowkeys.service.predictions.grants import Grant
from flowkeys.service.predictions.inner import Failed, InnerFlows
from flowkeys.service.predictions.input import PredictionInput, Session, session_of
from flowkeys.service.predictions.loaded import LoadedFlows, Ready
from flowkeys.service.predictions.run import Run
from flowkeys.service.predictions.waiting import WaitingRuns


class Predictor:
    """Lets calls in and runs chatflows. Implements `Runs`."""

    def __init__(
        self,
        store: Store,
        directory: ChatflowDirectory,
        verifier: Verifier,
        engine: FlowCompiler,
        clock: Clock,
        waiting: WaitingRuns,
        failed: Failed = lambda *_: None,
    ) -> None:
        """`failed` is told of chatflows that were called by another one and failed."""
        self._waiting = waiting
        self._store = store
        self._directory = directory
        self._verifier = verifier
        self._clock = clock
        self.flows = LoadedFlows(directory, engine)
        """To be told of changes."""
        self._inner = InnerFlows(store, directory, verifier, self.flows, clock, waiting, failed).call
        self.stopping = asyncio.Event()
        """Set when the server stops: streams end themselves instead of being cut."""

    def authorize_at_once(
        self,
        chatflow_id: str,
        credential: bytes | Denied,
        client: Visitor | None = None,
        *,
        counts: bool = True,
    ) -> Grant | Denied | None:
        """Return what `authorize` returns, or None when that has to be awaited."""
        now = self._clock()
        if isinstance(credential, Denied):
            if credential.reason is not Reason.MISSING_CREDENTIALS:
                return credential
            return self._visit_at_once(chatflow_id, credential, now, client if counts else None)
        request = AccessRequest(chatflow_id=chatflow_id)
        decision: Decision | None = self._verifier.at_once(credential, request, client, counts=False)
        if decision is None or isinstance(decision, Denied):
            return decision
        access = self._directory.at_once(chatflow_id, now)
        if access is PENDING:
            return None
        if access is None:
            return Denied(Reason.CHATFLOW_NOT_ALLOWED, decision.record)
        if counts:
            decision = self._verifier.call_at_once(decision, access, now, client, self)
            if decision is None or isinstance(decision, Denied):
                return decision
        return Grant(access, decision.record, taken=decision.taken)

    def ask(
        self,
        chatflow_id: str,
        credential: bytes | Denied,
        client: Visitor,
        then: Callable[[Grant | Denied | None], None],
    ) -> bool:
        """Decide as `authorize` does, and call `then` later with that, or with None: then await it.

        False: nothing is asked, or the chatflow is not at hand.

        Raises:
            Unavailable: the store cannot be reached.
        """
        asking = self._verifier.asking
        if asking is None or isinstance(credential, Denied):
            return False
        now = self._clock()
        request = AccessRequest(chatflow_id=chatflow_id)
        decision = self._verifier.at_once(credential, request, client, counts=False)
        access = self._directory.at_once(chatflow_id, now)
        if (
            not isinstance(decision, Allowed)
            or access is PENDING
            or access is None
            or not self.flows.at_once(access)
        ):
            return False
        return asking.call(decision, access, client, self, partial(_grant, access, then))

    def _visit_at_once(
        self, chatflow_id: str, missing: Denied, now: int, visitor: Visitor | None
    ) -> Grant | Denied | None:
        """Decide about a call without a key; without a `visitor` it takes nothing."""
        access = self._directory.at_once(chatflow_id, now)
        if access is PENDING:
            return None
        if access is None or not access.is_public:
            return missing
        if visitor is None:
            return Grant(access, None)
        visit = self._verifier.visit_at_once(access, visitor)
        return Grant(access, None, taken=visit) if isinstance(visit, Taken) else visit

    async def authorize(
        self,
        chatflow_id: str,
        credential: bytes | Denied,
        client: Visitor | None = None,
        *,
        counts: bool = True,
    ) -> Grant | Denied:
        """Decide who may call a chatflow: a key bound to it, or anyone when it is public.

        `counts` is False for a call that was decided before: then it was a use and took of limits.
        Without a credential the answer is the same for a closed chatflow and for none at all.
        """
        if isinstance(credential, Denied):
            if credential.reason is Reason.MISSING_CREDENTIALS:
                access = await self._directory.access(chatflow_id)
                if access is not None and access.is_public:
                    if not counts or client is None:
                        return Grant(access, None)
                    visit = await self._verifier.visit(access, client)
                    return Grant(access, None, taken=visit) if isinstance(visit, Taken) else visit
            return credential
        request = AccessRequest(chatflow_id=chatflow_id)
        decision = await self._verifier.verify(credential, request, client, counts=False)
        if isinstance(decision, Denied):
            return decision
        access = await self._directory.access(chatflow_id)
        if access is None:
            return Denied(Reason.CHATFLOW_NOT_ALLOWED, decision.record)
        if counts:
            decision = await self._verifier.call(decision, access, self._clock(), client, self)
            if isinstance(decision, Denied):
                return decision
        return Grant(access, decision.record, taken=decision.taken)

    async def authorize_person(self, caller: Caller, chatflow_id: str) -> Grant:
        """Let a signed-in person try a chatflow of their workspace, whoever else may call it.

        Raises:
            Forbidden: the caller lacks ``chatflows:update``, or is no signed-in person.
            NotFound: the workspace has no such chatflow.
        """
        caller.require("chatflows:update")
        principal = caller.principal
        if principal.kind != "person" or principal.id is None:
            raise Forbidden("Only a signed-in person may try a chatflow. A key calls those it is bound to.")
        access = await self._directory.access(chatflow_id)
        if access is None or access.workspace_id != caller.workspace_id:
            raise NotFound("chatflow")
        return Grant(access, None, principal.id)

    async def open(self, grant: Grant, request: PredictionInput) -> Run:
        """Return a run that is ready to start.

        Raises:
            FlowNotRunnable: the chatflow has kinds or settings this server cannot run.
            NotFound: the chatflow was deleted just now.
            Conflict: a run was to go on that was answered already, or none waits.
        """
        if request.human is not None:
            return await self._resume(grant, request, request.human)
        return self._run(grant, request, await self.flows.load(grant.access))

    def open_at_once(self, grant: Grant, request: PredictionInput) -> Run | None:
        """Return what `open` returns, or None when that has to be awaited."""
        ready = None if request.human is not None else self.flows.at_once(grant.access)
        return None if ready is None else self._run(grant, request, ready)

    def _run(self, grant: Grant, request: PredictionInput, ready: Ready) -> Run:
        chatflow, flow = ready
        anonymous = grant.record is None and grant.person_id is None
        now = self._clock()
        session = session_of(request, now, anonymous=anonymous)
        return Run(self._store, now, chatflow, flow, grant, request, session, self._waiting, self._inner)

    async def _resume(self, grant: Grant, request: PredictionInput, human: HumanAnswer) -> Run:
        """Return the waiting run of the caller's session, taken."""
        access, key_id = grant.access, None if grant.record is None else grant.record.key_id
        session = session_of(request, self._clock(), anonymous=key_id is None and grant.person_id is None)
        item = None
        if session.remembered:
            whose = (access.workspace_id, access.id, session.session_id, key_id, grant.person_id)
            item = await self._waiting.of_session(*whose)
        return await self.go_on(grant, request, item, human)

    async def go_on(
        self,
        grant: Grant,
        request: PredictionInput,
        item: Execution | None,
        human: HumanAnswer,
        told: Callable[[Transaction], None] | None = None,
    ) -> Run:
        """Return a run that waits, taken for an answer (`WaitingRuns.take`), with the flow as it was then.

        Raises:
            FlowNotRunnable: this server cannot run its flow any more. It waits as before.
        """
        taken = await self._waiting.take(item, human, told)
        try:
            chatflow, flow = await self.flows.as_it_was(grant.access, taken.flow)
        except BaseException as error:
            await self._waiting.give_back(taken, str(error))
            raise
        session = Session(taken.execution.session_id, taken.execution.chat_id, remembered=True)
        parts = self._store, self._clock(), chatflow, flow, grant, request, session, self._waiting
        return Run(*parts, self._inner, taken)

    def most_tokens_at_once(self, access: ChatflowAccess) -> int | Literal[Pending.PENDING]:
        """Return how many tokens models of a chatflow may use, if it is at hand."""
        ready = self.flows.at_once(access)
        return PENDING if ready is None else ready[1].most_tokens

    async def most_tokens(self, access: ChatflowAccess) -> int:
        """Return how many tokens models of a chatflow may use; none of one that cannot run."""
        try:
            return (await self.flows.load(access))[1].most_tokens
        except (FlowNotRunnable, NotFound):
            return 0


def _grant(
    access: ChatflowAccess, then: Callable[[Grant | Denied | None], None], decision: Decision | None
) -> None:
    if isinstance(decision, Allowed):
        then(Grant(access, decision.record, taken=decision.taken))
    else:
        then(decision)
