"""From an allowed call to a run chatflow and two stored messages."""

import asyncio
from collections import OrderedDict
from hashlib import blake2b
from typing import Any, Final

import msgspec

from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowAccess, ChatflowType
from flowkeys.domain.errors import Forbidden, NotFound
from flowkeys.domain.ids import new_id
from flowkeys.domain.journal import Subject
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.decision import AccessRequest, Denied, Reason
from flowkeys.domain.predictions.conversation import Message, Role, Turn
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock
from flowkeys.service.keys.verifier import Verifier
from flowkeys.service.ports.flows import CompiledFlow, Emit, Event, FlowCall, FlowEngine, FlowResult
from flowkeys.service.ports.store import Store
from flowkeys.service.ports.verification import PENDING, ChatflowDirectory
from flowkeys.service.predictions.input import PredictionInput, Session, session_of

HISTORY_MESSAGES: Final = 40
"""Stored messages that a flow with memory is given at most."""
_MEMORY_BYTES: Final = 16
_LOADED: Final = 256
_AGENTFLOWS: Final = frozenset({ChatflowType.AGENTFLOW, ChatflowType.MULTIAGENT})


class Grant(msgspec.Struct, frozen=True):
    """A call that was allowed: the chatflow, and who calls it: a key, a person, or anyone when public."""

    access: ChatflowAccess
    record: KeyRecord | None
    person_id: str | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller gets, after both messages are stored."""

    question: str
    chat_id: str
    session_id: str
    message_id: str
    execution_id: str | None
    result: FlowResult


class Predictor:
    """Lets calls in and runs chatflows. Implements `ChangeListener` for those that it keeps compiled."""

    def __init__(
        self,
        store: Store,
        directory: ChatflowDirectory,
        verifier: Verifier,
        engine: FlowEngine,
        clock: Clock,
    ) -> None:
        self._store = store
        self._directory = directory
        self._verifier = verifier
        self._engine = engine
        self._clock = clock
        self._loaded: OrderedDict[str, tuple[Chatflow, CompiledFlow]] = OrderedDict()
        self.stopping = asyncio.Event()
        """Set when the server stops: streams end themselves instead of being cut."""

    def authorize_at_once(self, chatflow_id: str, credential: bytes | Denied) -> Grant | Denied | None:
        """Return what `authorize` returns, or None when that has to be awaited."""
        now = self._clock()
        if isinstance(credential, Denied):
            if credential.reason is not Reason.MISSING_CREDENTIALS:
                return credential
            access = self._directory.at_once(chatflow_id, now)
            if access is PENDING:
                return None
            return Grant(access, None) if access is not None and access.is_public else credential
        decision = self._verifier.at_once(credential, AccessRequest(chatflow_id=chatflow_id))
        if decision is None or isinstance(decision, Denied):
            return decision
        access = self._directory.at_once(chatflow_id, now)
        if access is PENDING:
            return None
        if access is None:
            return Denied(Reason.CHATFLOW_NOT_ALLOWED, decision.record)
        return Grant(access, decision.record)

    async def authorize(self, chatflow_id: str, credential: bytes | Denied) -> Grant | Denied:
        """Decide who may call a chatflow: a key bound to it, or anyone when it is public.

        Without a credential the answer is the same for a closed chatflow and for none at all.
        """
        if isinstance(credential, Denied):
            if credential.reason is Reason.MISSING_CREDENTIALS:
                access = await self._directory.access(chatflow_id)
                if access is not None and access.is_public:
                    return Grant(access, None)
            return credential
        decision = await self._verifier.verify(credential, AccessRequest(chatflow_id=chatflow_id))
        if isinstance(decision, Denied):
            return decision
        access = await self._directory.access(chatflow_id)
        if access is None:
            return Denied(Reason.CHATFLOW_NOT_ALLOWED, decision.record)
        return Grant(access, decision.record)

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

    async def open(self, grant: Grant, request: PredictionInput) -> "Run":
        """Return a run that is ready to start.

        Raises:
            FlowNotRunnable: the chatflow has kinds or settings this server cannot run.
            NotFound: the chatflow was deleted just now.
        """
        chatflow, flow = await self._load(grant.access)
        anonymous = grant.record is None and grant.person_id is None
        session = session_of(request, anonymous=anonymous)
        return Run(self._store, self._clock(), chatflow, flow, grant, request, session)

    def changed(self, subject: str, subject_id: str, position: int) -> None:
        """Forget a chatflow that was changed, by hand too, where its version may be the same."""
        del position
        if subject == Subject.CHATFLOW:
            self._loaded.pop(subject_id, None)

    def forget(self) -> None:
        """Forget every chatflow."""
        self._loaded.clear()

    async def _load(self, access: ChatflowAccess) -> tuple[Chatflow, CompiledFlow]:
        known = self._loaded.get(access.id)
        if (
            known is not None
            and known[0].version == access.version
            and known[0].workspace_id == access.workspace_id
        ):
            self._loaded.move_to_end(access.id)
            return known
        chatflow = await self._directory.load(access.id)
        if chatflow is None:
            raise NotFound("chatflow: it was deleted meanwhile")
        # In a thread: a graph may be large, and nobody else should wait for it.
        ready = chatflow, await asyncio.to_thread(self._engine.compile, chatflow)
        self._loaded[access.id] = ready
        if len(self._loaded) > _LOADED:
            self._loaded.popitem(last=False)
        return ready


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
        self._request = request
        self._session = session

    async def execute(self, emit: Emit | None = None) -> Answer:
        """Run the chatflow, store the question and the answer, and return it.

        Without `emit` nobody reads the events, and a model is asked for its whole answer at once.

        Raises:
            InvalidInput: the call lacks something that the chatflow needs.
            UpstreamFailed: a model or service behind a node failed.
            NotFound: the chatflow was deleted while it ran.
            Unavailable: the messages could not be stored; there is no answer then.
        """
        result = await self._flow.run(
            FlowCall(
                workspace_id=self._chatflow.workspace_id,
                chatflow_id=self._chatflow.id,
                session_id=self._session.session_id,
                chat_id=self._session.chat_id,
                memory_id=self._memory_id(),
                question=self._request.question,
                form=self._request.form,
                overrides=self._request.overrides,
                history=self._history,
                now=self._now,
                streamed=emit is not None,
            ),
            emit or _ignore,
        )
        answer = Answer(
            question=self._request.question,
            chat_id=self._session.chat_id,
            session_id=self._session.session_id,
            message_id=new_id(),
            execution_id=new_id() if self._chatflow.type in _AGENTFLOWS else None,
            result=result,
        )
        messages = [
            self._message(new_id(), Role.USER, self._question_text(), {}),
            self._message(
                answer.message_id, Role.ASSISTANT, result.text, _details(answer), result.finish_reason
            ),
        ]
        await self._store.write(lambda tx: tx.messages.add(messages))
        return answer

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


async def _ignore(event: Event) -> None:
    """Take an event that nobody reads."""


def _details(answer: Answer) -> dict[str, Any]:
    result = answer.result
    kept: dict[str, Any] = {}
    if result.source_documents:
        kept["sourceDocuments"] = result.source_documents
    if result.used_tools:
        kept["usedTools"] = result.used_tools
    if result.executed:
        kept["agentFlowExecutedData"] = result.executed
    if answer.execution_id is not None:
        kept["executionId"] = answer.execution_id
    return kept
