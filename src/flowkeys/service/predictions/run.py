"""One call of a chatflow, from what was asked to two stored messages."""

import asyncio
from collections.abc import Awaitable
from hashlib import blake2b
from typing import Any, Final

import msgspec

from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowAccess, ChatflowType
from flowkeys.domain.ids import new_id
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.limits.gcra import Passed, Taken
from flowkeys.domain.limits.spent import Reserved
from flowkeys.domain.predictions import executed
from flowkeys.domain.predictions.conversation import Message, Role, Turn
from flowkeys.domain.predictions.executed import ExecutedData
from flowkeys.domain.usage.tokens import ModelTokens
from flowkeys.service.ports.flows import CompiledFlow, Emit, Event, FlowCall, FlowResult, Tokens
from flowkeys.service.ports.store import Store
from flowkeys.service.predictions.input import PredictionInput, Session
from flowkeys.service.predictions.metering import RunMeter

HISTORY_MESSAGES: Final = 40
"""Stored messages that a flow with memory is given at most."""
_MEMORY_BYTES: Final = 16
_AGENTFLOWS: Final = (ChatflowType.AGENTFLOW, ChatflowType.MULTIAGENT)


class Grant(msgspec.Struct, frozen=True):
    """A call that was allowed: the chatflow, and who calls it: a key, a person, or anyone when public."""

    access: ChatflowAccess
    record: KeyRecord | None
    person_id: str | None = None
    taken: Taken | Passed | None = None
    """What the call took of limits, and what is left of them."""
    is_operator: bool = False
    """It is asked on the server's own machine, by who may read all of its files."""


def reserved_by(taken: Taken | Passed | None) -> Reserved | None:
    """Return what a call has reserved of quotas of tokens."""
    return taken.spent.reserved if isinstance(taken, Taken) and taken.spent is not None else None


def release(taken: Taken | Passed | None) -> None:
    """Give back what is reserved and not settled: nothing was run, or nothing more will be."""
    reserved = reserved_by(taken)
    if reserved is not None:
        reserved.settle(0)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller gets, after both messages are stored."""

    question: str
    chat_id: str
    session_id: str
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
    ) -> None:
        self._store = store
        self._now = now
        self._chatflow = chatflow
        self._flow = flow
        self._key_id = grant.record.key_id if grant.record is not None else None
        self._person_id = grant.person_id
        self._seen = executed.seen_by(
            chatflow.extras.get(executed.FIELD),
            is_person=grant.person_id is not None or grant.is_operator,
            permissions=grant.record.permissions if grant.record is not None else None,
        )
        self._request = request
        self._session = session
        self._meter = RunMeter(reserved_by(grant.taken))
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
            QuotaExceeded: too little is left of a quota of tokens.
            NotFound: the chatflow was deleted while it ran.
            Unavailable: the messages could not be stored; there is no answer then.
        """
        try:
            result = await self._flow.run(
                self._call(streamed=emit is not None), _ignore if emit is None else self._telling(emit)
            )
        finally:
            self._meter.settle()
        answer, stored = self._store_both(result)
        await stored
        return answer

    def execute_at_once(self) -> tuple[Answer, asyncio.Future[None]] | None:
        """Do what `execute` does without `emit`; the answer may be given when the future says so.

        None when the chatflow has something to wait for, and `execute` has to be awaited.

        Raises:
            InvalidInput: and what else `execute` raises before it stores.
        """
        result = self._flow.run_at_once(self._call(streamed=False))
        if result is None:
            return None
        self._meter.settle()
        return self._store_both(result)

    def _call(self, *, streamed: bool) -> FlowCall:
        return FlowCall(
            workspace_id=self._chatflow.workspace_id,
            chatflow_id=self._chatflow.id,
            session_id=self._session.session_id,
            chat_id=self._session.chat_id,
            memory_id=self._memory_id,
            message_id=self._message_id,
            question=self._request.question,
            form=self._request.form,
            overrides=self._request.overrides,
            history=self._history,
            now=self._now,
            streamed=streamed,
            meter=self._meter,
        )

    def _telling(self, emit: Emit) -> Emit:
        """Return what sends the caller the events as they may see them."""
        seen = self._seen
        if seen is ExecutedData.FULL:
            return emit

        def tell(event: Event | Tokens) -> Awaitable[None]:
            if isinstance(event, Event) and event.name in executed.TELLING:
                data = executed.event_data(event.name, event.data, seen)
                return _ignore(event) if data is None else emit(Event(event.name, data))
            return emit(event)

        return tell

    def _store_both(self, result: FlowResult) -> tuple[Answer, asyncio.Future[None]]:
        execution_id = new_id() if self._chatflow.type in _AGENTFLOWS else None
        seen = self._seen
        answer = Answer(
            question=self._request.question,
            chat_id=self._session.chat_id,
            session_id=self._session.session_id,
            message_id=self._message_id,
            execution_id=execution_id,
            result=result if seen is ExecutedData.FULL else _as_seen(result, seen),
        )
        messages = [
            self._message(new_id(), Role.USER, self._question_text(), {}),
            self._message(
                answer.message_id,
                Role.ASSISTANT,
                _text(result.text),
                _details(result, execution_id),
                result.finish_reason,
            ),
        ]
        return answer, self._store.add_messages(messages)

    def _memory_id(self) -> str:
        caller = self._key_id if self._person_id is None else ("person", self._person_id)
        whose = (self._chatflow.workspace_id, self._chatflow.id, caller, self._session.session_id)
        return blake2b(repr(whose).encode(), digest_size=_MEMORY_BYTES).hexdigest()

    async def _history(self) -> list[Turn]:
        if self._request.history is not None:
            return list(self._request.history)
        if not self._session.remembered:
            return []
        chatflow, session_id = self._chatflow, self._session.session_id
        return await self._store.read(
            lambda tx: tx.messages.history(
                chatflow.workspace_id,
                chatflow.id,
                self._key_id,
                session_id,
                HISTORY_MESSAGES,
                person_id=self._person_id,
            )
        )

    def _question_text(self) -> str:
        if self._request.question or self._request.form is None:
            return self._request.question
        return msgspec.json.encode(self._request.form).decode()

    def _message(
        self,
        message_id: str,
        role: Role,
        content: str,
        details: dict[str, Any],
        finish_reason: str | None = None,
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
        )


async def _ignore(event: Event | Tokens) -> None:
    """Take an event that nobody reads."""


def _text(value: Any) -> str:
    """Return what was asked or answered as the text that is stored of it."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _as_seen(result: FlowResult, seen: ExecutedData) -> FlowResult:
    """Return what the caller is given of a result, who does not see all of it."""
    return msgspec.structs.replace(
        result,
        executed=executed.entries(result.executed, seen),
        used_tools=executed.tools(result.used_tools, seen),
    )


def _details(result: FlowResult, execution_id: str | None) -> dict[str, Any]:
    """Return what is kept with an answer: all of it, whatever the caller saw."""
    kept: dict[str, Any] = {}
    if result.source_documents:
        kept["sourceDocuments"] = result.source_documents
    if result.used_tools:
        kept["usedTools"] = result.used_tools
    if result.executed:
        kept["agentFlowExecutedData"] = result.executed
    if execution_id is not None:
        kept["executionId"] = execution_id
    return kept
