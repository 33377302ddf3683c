"""One call of a chatflow, from what was asked to two stored messages."""

import asyncio
from contextlib import nullcontext
from typing import Any, Final

import msgspec

from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowType
from flowkeys.domain.errors import FlowkeysError, RunLimitExceeded, UpstreamFailed
from flowkeys.domain.ids import new_id, new_ordered_id
from flowkeys.domain.predictions import executed
from flowkeys.domain.predictions.conversation import Message, Role, Turn
from flowkeys.domain.predictions.executed import ExecutedData
from flowkeys.domain.predictions.execution import Execution, RunState, Waiting
from flowkeys.domain.predictions.execution import Taken as TakenRun
from flowkeys.domain.usage.tokens import ModelTokens
from flowkeys.service.ports.flows import (
    CompiledFlow,
    Emit,
    FlowCall,
    FlowResult,
    InnerAnswer,
    InnerCall,
    Resumed,
)
from flowkeys.service.ports.store import Store
from flowkeys.service.predictions.earlier import Earlier
from flowkeys.service.predictions.grants import CallInner, Grant, Outer, reserved_by
from flowkeys.service.predictions.input import PredictionInput, Session
from flowkeys.service.predictions.metering import RunMeter
from flowkeys.service.predictions.telling import as_seen, as_text, details, ignore, telling
from flowkeys.service.predictions.waiting import WaitingRuns, kept_flow

_AGENTFLOWS: Final = (ChatflowType.AGENTFLOW, ChatflowType.MULTIAGENT)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller gets, after both messages are stored."""

    question: Any
    """As it was asked; UNSET when nothing was."""
    form: Any = msgspec.UNSET
    """As it was sent, if it was."""
    chat_id: Any
    session_id: Any
    """As they were sent, of any type; UNSET for a session that has no name."""
    message_id: str
    execution_id: str | None
    result: FlowResult


class Run:
    """One call of a chatflow. Cancelling `execute` stops it, and then nothing of it is stored."""

    def __init__(
        self,
        store: Store,
        now: int,
        chatflow: Chatflow,
        flow: CompiledFlow,
        grant: Grant,
        request: PredictionInput,
        session: Session,
        waiting: WaitingRuns,
        call_inner: CallInner,
        taken: TakenRun | None = None,
        outer: Outer | None = None,
    ) -> None:
        """Begin a run, also one inside `outer`, or go on with one that waited and was `taken`."""
        self._store = store
        self._waiting = waiting
        self._call_inner = call_inner
        self._taken = taken
        self._outer = outer
        self._now = now
        self._chatflow = chatflow
        self.chatflow_id = chatflow.id
        self._flow = flow
        self._key_id = grant.record.key_id if grant.record is not None else None
        self._person_id = grant.person_id
        self._opens_all = grant.person_id is not None or (grant.is_operator and taken is None)
        self._resumed: Resumed | None = None
        self._execution_id = new_ordered_id(now) if chatflow.type in _AGENTFLOWS else None
        if taken is not None:
            assert request.human is not None
            self._resumed = Resumed(taken.saved, request.human)
            self._execution_id = taken.execution.id
            self._key_id, self._person_id = taken.execution.key_id, taken.execution.person_id
        if outer is not None:
            self._key_id, self._opens_all = outer.key_id, outer.opens_all
        self._seen = executed.seen_by(
            chatflow.extras.get(executed.FIELD),
            is_person=grant.person_id is not None or grant.is_operator,
            permissions=grant.record.permissions if grant.record is not None else None,
        )
        self._request = request
        self._session = session
        self._meter = RunMeter(reserved_by(grant.taken)) if outer is None else outer.meter
        self._message_id = new_id()

    @property
    def model_tokens(self) -> ModelTokens:
        """How many tokens its models read and wrote so far."""
        return self._meter.tokens

    async def execute(self, emit: Emit | None = None) -> Answer:
        """Run the chatflow, store the question and the answer, and return it.

        Without `emit` nobody reads the events, and a model is asked for its whole answer at once.

        Raises:
            InvalidInput: the call lacks something that the chatflow needs.
            UpstreamFailed: a model or service behind a node failed.
            RunLimitExceeded, QuotaExceeded: the operator allows one run no more, or too few tokens are left.
            NotFound: the chatflow was deleted while it ran.
            Unavailable: the messages could not be stored; there is no answer then.
        """
        entries: list[dict[str, Any]] = []
        taken = self._taken
        try:
            async with nullcontext() if taken is None else self._waiting.held(taken):
                tell = ignore if emit is None else telling(emit, self._seen)
                try:
                    result = await self._flow.run(self._call(entries, streamed=emit is not None), tell)
                finally:
                    if self._outer is None:  # else more may be used
                        self._meter.settle()
                if taken is None and result.stopped is None:
                    answer, stored = self._store_both(result)
                    await stored
                    return answer
                return await self._store_apart(result)
        except FlowkeysError as error:
            if taken is None and entries and self._execution_id is not None:
                failed = self._execution(RunState.ERROR, entries, error=str(error))
                await self._waiting.failed(failed)
            raise

    def execute_at_once(self) -> tuple[Answer, asyncio.Future[None]] | None:
        """Do what `execute` does without `emit`; the answer may be given when the future says so.

        None when the chatflow has something to wait for, and `execute` has to be awaited.

        Raises:
            InvalidInput: and what else `execute` raises before it stores.
        """
        try:
            result = self._flow.run_at_once(self._call(None, streamed=False))
        except (RunLimitExceeded, UpstreamFailed):  # once more, with time to remember
            return None
        if result is None:
            return None
        self._meter.settle()
        return self._store_both(result)

    @property
    def _earlier(self) -> Earlier:
        session_id = self._session.session_id
        return Earlier(self._store, self._chatflow, self._key_id, self._person_id, session_id)

    def _call(self, entries: list[dict[str, Any]] | None, *, streamed: bool) -> FlowCall:
        request, earlier = self._request, self._earlier
        return FlowCall(
            workspace_id=self._chatflow.workspace_id,
            chatflow_id=self._chatflow.id,
            session_id=self._session.session_id,
            chat_id=self._session.chat_id,
            memory_id=earlier.memory_id,
            message_id=self._message_id,
            question=request.taken,
            asked=None if request.question is msgspec.UNSET else request.question,
            attached=request.attached,
            form=request.fields,
            overrides=request.overrides,
            history=self._history,
            sent_history=request.history,
            latest=earlier.latest if self._session.remembered else None,
            now=self._now,
            streamed=streamed,
            meter=self._meter,
            resumed=self._resumed,
            inner=self._inner,
            limits=None if self._outer is None else self._outer.limits,
            depth=0 if self._outer is None else self._outer.depth,
            entries=entries,
        )

    async def _inner(self, call: InnerCall) -> InnerAnswer:
        """Call a chatflow for a node."""
        outer = Outer(
            workspace_id=self._chatflow.workspace_id,
            key_id=self._key_id,
            person_id=self._person_id,
            opens_all=self._opens_all,
            session=self._session,
            meter=self._meter,
            limits=call.limits,
            depth=call.depth,
        )
        return await self._call_inner(outer, call)

    def _store_both(self, result: FlowResult) -> tuple[Answer, asyncio.Future[None]]:
        answer = self._answer(result)
        return answer, self._store.add_messages(self._messages(result, listed=self._execution_id))

    async def _store_apart(self, result: FlowResult) -> Answer:
        """Store what was said together with the run, which stopped now or before."""
        stopped = result.stopped
        waiting = None if stopped is None else Waiting(saved=stopped.saved, flow=kept_flow(self._chatflow))
        item = self._execution(
            RunState.FINISHED if stopped is None else RunState.STOPPED,
            result.executed,
            action=None if stopped is None else stopped.action,
            text=as_text(result.text),
        )
        await self._waiting.store(item, self._messages(result, listed=None), waiting, self._taken)
        return self._answer(result)

    def _answer(self, result: FlowResult) -> Answer:
        chat_id, session_id = self._session.ids
        return Answer(
            question=self._request.question,
            form=self._request.form,
            chat_id=chat_id,
            session_id=session_id,
            message_id=self._message_id,
            execution_id=self._execution_id,
            result=result if self._seen is ExecutedData.FULL else as_seen(result, self._seen),
        )

    def _messages(self, result: FlowResult, *, listed: str | None) -> list[Message]:
        kept = details(result, self._execution_id)
        finish_reason = result.finish_reason
        text = as_text(result.text)
        return [
            self._message(new_id(), Role.USER, self._question_text(), {}),
            self._message(self._message_id, Role.ASSISTANT, text, kept, finish_reason, listed),
        ]

    def _execution(self, state: RunState, entries: list[dict[str, Any]], **members: Any) -> Execution:
        """Return the run as it is kept; of one that went on, with how it began."""
        if self._taken is not None:
            earlier = {"action": None, "error": None, "expires_at": None, **members}
            return msgspec.structs.replace(self._taken.execution, state=state, entries=entries, **earlier)
        assert self._execution_id is not None
        return Execution(
            id=self._execution_id,
            workspace_id=self._chatflow.workspace_id,
            chatflow_id=self._chatflow.id,
            key_id=self._key_id,
            person_id=self._person_id,
            session_id=self._session.session_id,
            chat_id=self._session.chat_id,
            state=state,
            question=self._question_text(),
            started_at=self._now,
            updated_at=self._now,
            entries=entries,
            **members,
        )

    async def _history(self) -> list[Turn]:
        if self._request.history is not None:
            return list(self._request.history)
        return await self._earlier.history() if self._session.remembered else []

    def _question_text(self) -> str:
        """Return what is stored of what was asked: a form in lines; a space when nothing was."""
        request = self._request
        human, question = request.human, request.question
        if human is not None and (human.feedback or not question):
            return human.feedback or " "
        asked = question if isinstance(question, str) else ""
        return asked or request.lines or as_text(question or request.form or " ")

    def _message(
        self,
        message_id: str,
        role: Role,
        content: str,
        details: dict[str, Any],
        finish_reason: str | None = None,
        execution_id: str | None = None,
    ) -> Message:
        return Message(
            id=message_id,
            workspace_id=self._chatflow.workspace_id,
            chatflow_id=self._chatflow.id,
            key_id=self._key_id,
            session_id=self._session.session_id,
            chat_id=self._session.chat_id,
            role=role,
            content=content,
            details=details,
            created_at=self._now,
            person_id=self._person_id,
            finish_reason=finish_reason,
            execution_id=execution_id,
        )
