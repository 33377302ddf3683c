"""Runs of agentflows for those who look after them: listed, looked at step by step, answered, deleted."""

import msgspec

from flowkeys.domain.errors import InvalidInput, NotFound
from flowkeys.domain.journal import Subject
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.decision import Denied
from flowkeys.domain.listing import Page
from flowkeys.domain.predictions.execution import Execution, ExecutionQuery, RunState
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock
from flowkeys.service.journal import note
from flowkeys.service.keys.verifier import Verifier
from flowkeys.service.ports.flows import HumanAnswer
from flowkeys.service.ports.store import Store, Transaction
from flowkeys.service.ports.verification import ChatflowDirectory
from flowkeys.service.predictions.counted import Counted, CountedAnswers
from flowkeys.service.predictions.grants import Grant, release
from flowkeys.service.predictions.input import PredictionInput
from flowkeys.service.predictions.predictor import Predictor
from flowkeys.service.predictions.run import Run

VIEW = "executions:view"
UPDATE = "executions:update"
DELETE = "executions:delete"
_WHAT = "run"


class Answered(msgspec.Struct, frozen=True):
    """A run that was answered."""

    run: Run
    record: KeyRecord | None
    """The key whose call it is: that which began it, if that is still accepted."""


class Executions:
    """The runs of a workspace. Who may see them sees all that their nodes were given and gave."""

    def __init__(
        self,
        store: Store,
        directory: ChatflowDirectory,
        verifier: Verifier,
        predictor: Predictor,
        clock: Clock,
    ) -> None:
        self._store = store
        self._directory = directory
        self._predictor = predictor
        self._counted = CountedAnswers(store, verifier, predictor)
        self._clock = clock

    async def page(
        self,
        caller: Caller,
        *,
        chatflow_id: str | None = None,
        session_id: str | None = None,
        state: RunState | None = None,
        since: int | None = None,
        until: int | None = None,
        before: str | None = None,
        limit: int,
        offset: int = 0,
    ) -> Page[Execution]:
        """Return runs without their steps, the newest first.

        Raises:
            Forbidden: the caller lacks ``executions:view``.
            InvalidInput: a session without its chatflow: it is told by both.
        """
        caller.require(VIEW)
        if session_id is not None and chatflow_id is None:
            raise InvalidInput.of("chatflowId", "Say whose session: give chatflowId with sessionId.")
        query = ExecutionQuery(
            workspace_id=caller.workspace_id,
            chatflow_id=chatflow_id,
            session_id=session_id,
            state=state,
            since=since,
            until=until,
            before=before,
            now=self._clock(),
            limit=limit,
            offset=offset,
        )
        found = await self._store.read(lambda tx: tx.executions.page(query))
        return Page([self._as_of(item, query.now) for item in found.items], found.total)

    async def get(self, caller: Caller, execution_id: str) -> Execution:
        """Return a run with its steps.

        Raises:
            Forbidden: the caller lacks ``executions:view``.
            NotFound: the workspace has no such run.
        """
        caller.require(VIEW)
        return self._as_of(await self._get(caller, execution_id), self._clock())

    async def delete(self, caller: Caller, execution_id: str) -> None:
        """Delete a run: its steps, and whatever it would go on with. Its messages stay.

        Raises:
            Forbidden: the caller lacks ``executions:delete``.
            NotFound: the workspace has no such run.
        """
        caller.require(DELETE)
        now = self._clock()

        def work(tx: Transaction) -> None:
            item = tx.executions.get(caller.workspace_id, execution_id)
            if item is None or not tx.executions.delete(caller.workspace_id, execution_id):
                raise NotFound(_WHAT)
            _note(tx, caller, now, "execution.delete", item, {"state": item.state.value}, None)

        await self._store.write(work)

    async def resume(self, caller: Caller, execution_id: str, answer: HumanAnswer) -> Answered | Denied:
        """Return a run that waits, taken for an answer and ready to go on. The audit log says who answered.

        It is one more call of the key that began it, and takes of that one's limits and quotas, and of the
        chatflow's. Where they have too little left it is denied, and the run waits as before.

        Raises:
            Forbidden: the caller lacks ``executions:update``.
            NotFound: the workspace has no such run.
            Conflict: it was answered already, does not wait, or no more.
            InvalidInput: it waits elsewhere than the answer says.
            FlowNotRunnable: this server cannot run its flow any more. It waits as before.
        """
        caller.require(UPDATE)
        item = await self._get(caller, execution_id)
        access = await self._directory.access(item.chatflow_id)
        if access is None or access.workspace_id != caller.workspace_id:
            raise NotFound("chatflow")
        now = self._clock()
        counted: Counted | Denied = Counted()
        if self._as_of(item, now).state is RunState.STOPPED:  # else it is refused, which costs nothing
            counted = await self._counted.take(item, access, now)
        if isinstance(counted, Denied):
            return counted
        said = {"type": "proceed" if answer.proceeds else "reject", "feedback": answer.feedback}

        def told(tx: Transaction) -> None:
            _note(tx, caller, now, "execution.resume", item, None, said)

        request = PredictionInput(
            question=msgspec.UNSET,
            streaming=False,
            chat_id=item.chat_id,
            session_id=item.session_id,
            history=None,
            overrides={},
            human=answer,
        )
        grant = Grant(access, None, item.person_id, counted.taken, is_operator=caller.holds(VIEW))
        try:
            return Answered(await self._predictor.go_on(grant, request, item, answer, told), counted.record)
        except BaseException:
            release(counted.taken)
            raise

    async def _get(self, caller: Caller, execution_id: str) -> Execution:
        item = await self._store.read(lambda tx: tx.executions.get(caller.workspace_id, execution_id))
        if item is None:
            raise NotFound(_WHAT)
        return item

    @staticmethod
    def _as_of(item: Execution, now: int) -> Execution:
        """Return a run as it is now: one that waited too long waits no more."""
        if item.state is RunState.STOPPED and item.expires_at is not None and item.expires_at <= now:
            return msgspec.structs.replace(item, state=RunState.TIMEOUT)
        return item


def _note(
    tx: Transaction,
    caller: Caller,
    now: int,
    action: str,
    item: Execution,
    before: dict[str, str] | None,
    after: dict[str, str] | None,
) -> None:
    """Write who did it into the audit log: no cache keeps anything of a run."""
    named = {"chatflowId": item.chatflow_id}
    note(
        tx,
        caller,
        now,
        action=action,
        subject=Subject.EXECUTION,
        subject_id=item.id,
        before=None if before is None else {**named, **before},
        after=None if after is None else {**named, **after},
    )
