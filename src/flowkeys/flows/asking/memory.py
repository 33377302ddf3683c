"""How much of what was said a model is given again: all, the last of it, or a summary that it makes."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from flowkeys.domain.usage.tokens import estimate
from flowkeys.flows.registry import Build

Message = dict[str, Any]
Summarise = Callable[[list[Message]], Awaitable[str]]
"""Asks the node's model and returns its answer."""

_KINDS: Final = "allMessages, windowSize, conversationSummary and conversationSummaryBuffer"
_DIGITS: Final = 9
_MOST_TURNS: Final = 1000
_TOKENS: Final = 2000

_TASK: Final = (
    "Progressively summarize the conversation provided and return a new summary.\n\nEXAMPLE:\n"
    "Human: Why do you think artificial intelligence is a force for good?\n"
    "AI: Because artificial intelligence will help humans reach their full potential.\n\nNew summary:\n"
    "The human asks what the AI thinks of artificial intelligence. The AI thinks artificial intelligence is a"
    " force for good because it will help humans reach their full potential."
    "\nEND OF EXAMPLE\n\nConversation:\n"
)
_END: Final = "\n\nNew summary:"


class Memory(Protocol):
    """Adds what was said, the present question among it, to the messages for a model."""

    calls: int
    """How often the model is asked for it."""

    async def add(self, messages: list[Message], said: list[Message], summarise: Summarise) -> None:
        """Add to `messages`; `said` is never empty."""
        ...


class _All:
    calls = 0

    async def add(self, messages: list[Message], said: list[Message], _: Summarise) -> None:
        messages += said


class _Window:
    """The last turns, the present question counted: of one turn, the last answer and the question."""

    calls = 0

    def __init__(self, turns: int) -> None:
        self._messages = 2 * turns

    async def add(self, messages: list[Message], said: list[Message], _: Summarise) -> None:
        messages += said[-self._messages :]


class _Summary:
    """A summary of all, the question too. An agent is asked the question besides, where it has no other."""

    calls = 1

    def __init__(self, *, asks: bool) -> None:
        self._asks = asks

    async def add(self, messages: list[Message], said: list[Message], summarise: Summarise) -> None:
        summary = await summarise([{"role": "user", "content": f"{_TASK}{_lines(said)}{_END}"}])
        messages.append({"role": "assistant", "content": summary})
        if self._asks and said[-1]["role"] == "user" and "name" not in said[-1]:
            messages.append(said[-1])


class _SummaryBuffer:
    """All, as long as it fits; else a summary of the oldest before the rest."""

    calls = 1

    def __init__(self, tokens: int) -> None:
        self._tokens = tokens

    async def add(self, messages: list[Message], said: list[Message], summarise: Summarise) -> None:
        kept = len(said)
        while kept and estimate(_lines(said[-kept:])) > self._tokens:
            kept -= 1
        if kept == len(said):
            messages += said
            return
        oldest = said[: len(said) - kept]
        summary = await summarise([{"role": "user", "content": f"{_TASK}{_lines(oldest)}{_END}"}])
        has_system = any(message["role"] == "system" for message in messages)  # some take only one
        role = "user" if has_system else "system"
        messages.append({"role": role, "content": f"Previous conversation summary: {summary}"})
        messages += said[len(said) - kept :]


def _lines(said: Sequence[Message]) -> str:
    return "\n".join(f"{message['role']}: {message['content']}" for message in said)


def read_memory(build: Build, kind: str) -> Memory:
    """Return the memory of a node; what is wrong with it is noted."""
    name = build.text(f"{kind}MemoryType", "allMessages")
    if name == "windowSize":
        return _Window(_whole(build, f"{kind}MemoryWindowSize", 20, _MOST_TURNS))
    if name == "conversationSummary":
        has_user_message = bool(build.text(f"{kind}UserMessage"))
        return _Summary(asks=kind == "agent" and not has_user_message)
    if name == "conversationSummaryBuffer":
        return _SummaryBuffer(_whole(build, f"{kind}MemoryMaxTokenLimit", _TOKENS, 10**6))
    if name != "allMessages":
        build.problem(f"there is no memory type {name[:100]!r}; there are {_KINDS}.")
    return _All()


def _whole(build: Build, name: str, default: int, most: int) -> int:
    given = build.text(name, str(default))
    if given.isdecimal() and len(given) <= _DIGITS and 1 <= int(given) <= most:
        return int(given)
    what = "the window size" if name.endswith("WindowSize") else "the limit on tokens of the memory"
    build.problem(f"{what} has to be a number from 1 to {most}.")
    return default
