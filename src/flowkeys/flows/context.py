"""One run of a chatflow: what its steps can read, and what they have done so far."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from flowkeys.domain.predictions import javascript
from flowkeys.domain.predictions.conversation import STOPPED, Role, Turn
from flowkeys.domain.times import to_iso
from flowkeys.domain.usage.tokens import NO_TOKENS, ModelTokens
from flowkeys.flows.limits import Limits
from flowkeys.flows.models.reasoning import without_thoughts
from flowkeys.flows.waiting import Saved
from flowkeys.service.ports.flows import Emit, Event, FlowCall, HumanAnswer, Tokens


class Rounds(Protocol):
    """Runs what is drawn in an iteration."""

    def has(self, node_id: str) -> bool:
        """Tell whether anything is drawn in it that may run here."""
        ...

    async def run(self, node_id: str, items: Sequence[Any]) -> list[Any]:
        """Run it for each item, and return what was said last in each round, a failure's message included."""
        ...


class Run:
    """The state of one run. It satisfies `variables.Scope`."""

    __slots__ = (
        "_flow",
        "_history",
        "_history_limit",
        "_state_limit",
        "answer",
        "asked",
        "attached",
        "call",
        "chat",
        "emit",
        "form",
        "has_asked",
        "is_answer",
        "item",
        "kept",
        "limits",
        "loop_count",
        "loops",
        "model_tokens",
        "outputs",
        "question",
        "rounds",
        "sources",
        "state",
        "streaming",
        "tools",
        "variables",
    )

    def __init__(
        self,
        call: FlowCall,
        emit: Emit,
        *,
        variables: Mapping[str, str],
        history_limit: int,
        state_limit: int,
        limits: Limits,
    ) -> None:
        self.call = call
        self.emit = emit
        self.question = call.question
        """What nodes take that name nothing else: the question, the form in lines, what came with either."""
        self.asked = call.question if call.asked is msgspec.UNSET else _asked(call.asked)
        """What ``{{ question }}`` stands for."""
        self.attached = call.attached
        self.form: Mapping[str, Any] = call.form or {}
        self.state: dict[str, Any] = {}
        self._flow: Mapping[str, Any] | None = None
        self.variables = variables
        self.outputs: dict[str, Mapping[str, Any]] = {}
        self.chat: list[dict[str, Any]] = []
        """What models and their questioner said in this run: later models with memory are given it."""
        self.sources: list[dict[str, Any]] = []
        self.tools: list[dict[str, Any]] = []
        self.model_tokens = NO_TOKENS
        """How many tokens models read and wrote."""
        self._history: list[Turn] | None = None
        self._history_limit = history_limit
        self._state_limit = state_limit
        self.is_answer = False
        """Whether what the present step says is (a part of) the answer."""
        self.streaming = False
        """Whether what the present step says goes out as it is said."""
        self.limits = limits
        """What is left to it, and to all that runs inside it."""
        self.loops: dict[str, int] = {}
        """How often each loop has led back."""
        self.loop_count = 0
        """How often the last one had that led back: ``{{ loop_count }}``."""
        self.answer: HumanAnswer | None = None
        """What a person answered the present step, which waited for it (`Waits`)."""
        self.kept: Any = None
        """What the present step kept while it waited."""
        self.item: Any = msgspec.UNSET
        """What the present round of an iteration is about."""
        self.rounds: Rounds | None = None
        """Runs what is drawn in an iteration; the runner sets it."""
        self.has_asked = False
        """Whether a step waited for a person, also inside an iteration, where nobody is waited for."""

    @property
    def flow(self) -> Mapping[str, Any]:
        """What ``{{ $flow… }}`` stands for."""
        if self._flow is None:
            call = self.call
            self._flow = {
                "chatflowId": call.chatflow_id,
                "chatflowid": call.chatflow_id,
                "sessionId": call.session_id,
                "chatId": call.chat_id,
                "apiMessageId": call.message_id,
                "chatHistory": [],
                "state": self.state,
            }
        return self._flow

    async def history(self) -> list[Turn]:
        """Return the last earlier messages of the session; they are loaded once, when first asked for.

        What a model thought before it answered is not among them, though it was shown with the answer.
        """
        if self._history is None:
            self._history = self._alone(await self.call.history())
        return self._history

    def _alone(self, turns: Sequence[Turn]) -> list[Turn]:
        last = turns[-self._history_limit :]
        return [turn if turn.role is Role.USER else _answer_alone(turn) for turn in last]

    def remember(self, said: Iterable[dict[str, Any]]) -> None:
        """Add to the conversation of the run: what was asked, and what its nodes said."""
        self.chat += said

    def sent(self) -> list[dict[str, Any]]:
        """Return what the caller sent as the conversation so far, for the first model of the run."""
        if self.call.sent_history is None or self.chat:
            return []
        return [_message(turn) for turn in self._alone(self.call.sent_history)]

    async def messages(self) -> list[dict[str, Any]]:
        """Return the stored messages as ``{"role": "user" | "assistant", "content": …}``."""
        if self.call.sent_history is not None:
            return []
        return [_message(turn) for turn in await self.history()]

    async def admit_tokens(self, tokens: int) -> None:
        """Let a model be asked that may use so many.

        Raises:
            QuotaExceeded: a quota of who calls has not so many left.
        """
        if self.call.meter is not None:
            await self.call.meter.admit(tokens)

    def used_tokens(self, tokens: ModelTokens) -> None:
        """Add what a model read and wrote."""
        self.model_tokens = self.model_tokens.plus(tokens)
        if self.call.meter is not None:
            self.call.meter.used(tokens)

    def forget(self) -> None:
        """Run without the earlier messages."""
        self._history = []

    def update_state(self, changes: Mapping[str, Any]) -> bool:
        """Set members of the flow's state; False when they would make it longer than the operator allows."""
        merged = {**self.state, **changes}
        if sum(len(key) + len(str(value)) for key, value in merged.items()) > self._state_limit:
            return False
        self.state.update(changes)
        return True

    def loop(self, node_id: str, most: int) -> bool:
        """Count that a loop is reached; tell whether it leads back once more: it runs `most` times."""
        done = self.loops.get(node_id, 0) + 1
        if done >= most:
            return False
        self.loops[node_id] = self.loop_count = done
        return True

    def begin_step(self, *, streaming: bool) -> None:
        """Begin the next step; `streaming` is whether what it says is heard."""
        self.is_answer = streaming
        self.streaming = streaming and self.call.streamed

    def go_on(self, saved: Saved, answer: HumanAnswer) -> None:
        """Begin where a run stopped that waited for a person, with the answer."""
        self.state.update(saved.state)
        self.outputs.update(saved.outputs)
        if self.call.form is None and saved.form is not None:
            self.form = saved.form
        self.limits.go_on(saved)
        self.loops.update(saved.loops)
        self.loop_count = saved.loop_count
        self.answer, self.kept = answer, saved.kept

    async def say(self, *pieces: str) -> None:
        """Send what the present step says, in pieces that are ready together, if it is part of the answer."""
        if self.streaming and (said := [piece for piece in pieces if piece]):
            await self.emit(Tokens(said))

    async def let_hear(self, pieces: Sequence[str]) -> None:
        """Send what a model says as `say` does, with the empty pieces that show that it is at work."""
        if self.streaming and pieces:
            await self.emit(Tokens(pieces))

    async def say_value(self, value: float | bool | None) -> None:
        """Send what the present step says where that is no text; nothing that counts as false is sent."""
        if self.streaming and value:
            await self.emit(Event("token", value))

    def history_text(self) -> str:
        """Return what is stored and what this run has said; the former has been loaded if it is asked for."""
        stored = self._history if self.call.sent_history is None else None
        said = [(turn.role is Role.USER, turn.content) for turn in stored or ()]
        said += [(message["role"] == "user", message["content"]) for message in self.chat]
        return "\n".join(f"{'Human' if by_user else 'Assistant'}: {text}" for by_user, text in said)

    def time_text(self) -> str:
        """Return the time of the call."""
        return to_iso(self.call.now)

    def messages_in_run(self) -> int:
        """Return how many messages this run has: the question that a model was asked, and what was said."""
        return len(self.chat)


def _message(turn: Turn) -> dict[str, Any]:
    return {"role": "user" if turn.role is Role.USER else "assistant", "content": turn.content}


def _asked(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else javascript.string(value)


def _answer_alone(turn: Turn) -> Turn:
    content = without_thoughts(turn.content)
    return turn if content is turn.content else Turn(turn.role, content)


def finish_of(output: Mapping[str, Any]) -> str | None:
    """Return how the model ended that made an output, None when no model did."""
    told: str | None = output.get("responseMetadata", output).get("finish_reason")
    return told


def least_finished(reasons: Iterable[str | None]) -> str | None:
    """Return how several parts of an answer ended: what one of them lacks, the whole lacks."""
    known = [reason for reason in reasons if reason is not None]
    return next((reason for reason in known if reason != STOPPED), known[0]) if known else None
