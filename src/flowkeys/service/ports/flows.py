"""What running a chatflow needs, and what a run gives back."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from flowkeys.domain.chatflows.chatflow import Chatflow, CredentialNode, FlowCheck
from flowkeys.domain.documents.collection import Hit, ParsedDocument
from flowkeys.domain.predictions.conversation import Turn
from flowkeys.domain.usage.tokens import NO_TOKENS, ModelTokens


class Event(msgspec.Struct, frozen=True):
    """One event of a stream: ``{"event": name, "data": data}`` on the wire."""

    name: str
    data: Any


class Tokens(msgspec.Struct, frozen=True):
    """Pieces of the answer that are ready together: a ``token`` event each, of one piece; some are empty."""

    pieces: Sequence[str]


Emit = Callable[[Event | Tokens], Awaitable[None]]
"""Takes the events of a run as they happen. It may wait, when the reader is slow."""


class TokenMeter(Protocol):
    """Hears what models use in a run, and keeps it within the quotas of who calls."""

    async def admit(self, tokens: int) -> None:
        """Let a model be asked that may use so many.

        Raises:
            QuotaExceeded: a quota has not so many left.
        """
        ...

    def used(self, tokens: ModelTokens) -> None:
        """Add what a model used, also when its answer broke off."""
        ...


class HumanAnswer(msgspec.Struct, frozen=True):
    """What a person answered a run that waited."""

    given: Mapping[str, Any]
    """``humanInput`` as it was sent: ``type``, ``startNodeId``, ``feedback``, each where it was sent."""

    @property
    def proceeds(self) -> bool:
        """Whether the run goes on as the person was asked; everything else than "proceed" rejects."""
        return self.given.get("type") == "proceed"

    @property
    def feedback(self) -> str:
        """What the person said besides, or nothing."""
        feedback = self.given.get("feedback")
        return feedback if isinstance(feedback, str) else ""


class Resumed(msgspec.Struct, frozen=True):
    """A run that waited goes on."""

    saved: str
    """`Stopped.saved`."""
    answer: HumanAnswer


class Stopped(msgspec.Struct, frozen=True):
    """A run waits for a person."""

    action: dict[str, Any]
    """What the person is asked: ``data`` names the node, and what it was given."""
    saved: str
    """What the engine goes on from, on whichever process: `FlowCall.resumed`."""


class RunLimits(Protocol):
    """What is left to a run of what the operator allows: one account for it and for all runs inside it."""

    steps_left: int
    """How many nodes it may still run."""


class InnerCall(msgspec.Struct, frozen=True, kw_only=True):
    """What a node calls another chatflow with."""

    chatflow_id: str
    question: Any
    overrides: Mapping[str, Any] = {}
    """``overrideConfig``, of which the other chatflow's owner lets through what is enabled there."""
    token: str | None = None
    """A key that the node names, which may open the chatflow where the caller's own does not."""
    limits: RunLimits
    depth: int
    """How many runs it is in: `FlowCall.depth`."""

    def __repr__(self) -> str:
        return f"InnerCall(chatflow_id={self.chatflow_id!r}, depth={self.depth})"


class InnerAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What another chatflow answered a node."""

    content: Any
    """What it says; why it was refused, or failed, as JSON: that is what the node says, and no failure."""
    finish_reason: str | None = None
    model_tokens: ModelTokens = NO_TOKENS
    """What its models used, which its meter has counted."""


class FlowCall(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is given."""

    workspace_id: str
    chatflow_id: str
    session_id: str
    chat_id: str
    memory_id: Callable[[], str]
    """Names the session among all of this server: what code that keeps its own memory may use as its key.
    Two keys that send the same session id have two of these."""
    message_id: str = ""
    """What the answer will be stored as."""
    question: str
    """What nodes take that name nothing else: what was asked, or the form in lines; empty else."""
    asked: Any = msgspec.UNSET
    """What was asked, as it was sent: what ``{{ question }}`` stands for. Unless set, that is `question`."""
    attached: str = ""
    """What came with the question, as text."""
    form: Mapping[str, Any] | None = None
    overrides: Mapping[str, Any] = {}
    """``overrideConfig`` as sent; the engine applies only what the owner enabled in ``apiConfig``."""
    history: Callable[[], Awaitable[list[Turn]]]
    """Loads the earlier messages of the session; a flow without memory never calls it."""
    sent_history: Sequence[Turn] | None = None
    """The conversation so far, where the caller sent it; it is what `history` returns then. A model hears it
    whether it has a memory or not; ``{{ chat_history }}`` does not tell it."""
    latest: Callable[[], Awaitable[Sequence[Mapping[str, Any]]]] | None = None
    """Loads the nodes that ran at the last answer of the session, as ``agentFlowExecutedData`` has them; none
    when there was none. A flow that keeps nothing never calls it."""
    now: int
    streamed: bool = True
    """Somebody reads the events as they come. Else only the result counts, and may be made in one piece."""
    meter: TokenMeter | None = None
    resumed: Resumed | None = None
    """It is no new run: one goes on that waited for a person."""
    inner: Callable[[InnerCall], Awaitable[InnerAnswer]] | None = None
    """Calls another chatflow for the same caller, in the same session; without it none can be called.

    Raises `RunLimitExceeded`, `QuotaExceeded` and `Unavailable`, which end this run too."""
    limits: RunLimits | None = None
    """What is left to the run that this one is in; None: it is in none."""
    depth: int = 0
    """How many runs it is in."""
    entries: list[dict[str, Any]] | None = None
    """Takes `FlowResult.executed` while the run goes on, so that it is there when the run fails."""


class FlowResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a run gives back."""

    text: Any
    """A text; a number, a truth value or null where the flow says that."""
    source_documents: list[dict[str, Any]] = []
    """``[{"pageContent": …, "metadata": {"source": …}}]``, in LangChain's and Flowise's shape."""
    used_tools: list[dict[str, Any]] = []
    executed: list[dict[str, Any]] = []
    """``agentFlowExecutedData``: one entry a node that ran."""
    finish_reason: str | None = None
    """How the model ended that made the text: ``stop``, ``length`` (cut off), ``content_filter``, or another
    word of its server; None when no model made it, or none was said."""
    model_tokens: ModelTokens = NO_TOKENS
    """How many tokens its models read and wrote."""
    stopped: Stopped | None = None
    """The run is not at its end: it waits for a person, and `text` is what it said so far."""


class CompiledFlow(Protocol):
    """A chatflow parsed and checked: ready to run any number of times, at once too."""

    @property
    def most_tokens(self) -> int:
        """How many tokens its models may use in a run, each as its node says, or as the operator does."""
        ...

    async def run(self, call: FlowCall, emit: Emit) -> FlowResult:
        """Run to the end, emitting node events and tokens in order; cancelling it stops the run.

        It emits ``agentFlowEvent``, ``nextAgentFlow``, ``agentFlowExecutedData``, ``sourceDocuments`` and
        ``usedTools``, and the answer as `Tokens`; the caller adds ``start``, ``metadata`` and ``end``.

        Raises:
            InvalidInput: the call lacks something, a form field for example.
            UpstreamFailed: a model or service behind a node failed.
        """
        ...

    def run_at_once(self, call: FlowCall) -> FlowResult | None:
        """Return what `run` gives for a call that is not streamed, or None when that has to be awaited."""
        ...


class FlowCompiler(Protocol):
    """Makes chatflows ready to run."""

    def compile(self, chatflow: Chatflow) -> CompiledFlow:
        """Return the chatflow ready to run. May be called in any thread.

        Raises:
            FlowNotRunnable: it has kinds or settings this server cannot run.
        """
        ...


class FlowEngine(FlowCompiler, Protocol):
    """Parses chatflows."""

    def check(self, chatflow: Chatflow) -> FlowCheck:
        """Tell whether a chatflow can run here. Runs nothing and imports nothing that the flow names."""
        ...

    def collections(self, chatflow: Chatflow) -> frozenset[str]:
        """Return the document collections that a chatflow names, as it writes them.

        None when its graph cannot be read: such a chatflow cannot run either.
        """
        ...

    def called(self, chatflow: Chatflow) -> frozenset[str]:
        """Return the ids of the other chatflows that a chatflow calls, as it writes them."""
        ...

    def credential_nodes(self, chatflow: Chatflow) -> tuple[CredentialNode, ...]:
        """Return the nodes of a chatflow that use a credential, runnable or not; none if it is unreadable."""
        ...

    def credentials(self, workspace_id: str) -> tuple[str, ...]:
        """Return the names of the credentials that a workspace may name, sorted; nothing else of them."""
        ...


class Retriever(Protocol):
    """Finds passages for a node."""

    async def search(self, workspace_id: str, collection: str, question: str, limit: int) -> list[Hit]:
        """Search a collection, named by id or name, of this workspace; a missing one finds nothing."""
        ...


class DocumentParser(Protocol):
    """Turns files into passages, in a separate process with limits."""

    async def parse(self, source: str, content: bytes) -> ParsedDocument:
        """Return the passages of a file; its kind is told by the name in `source`.

        Raises:
            InvalidInput: the file's kind is not supported, or it cannot be read.
            TooLarge: it exceeds a limit on bytes, pages or time.
        """
        ...
