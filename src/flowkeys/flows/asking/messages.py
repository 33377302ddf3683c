"""What a node says to its model, in Flowise's order: its own messages, what was said, its last word."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from flowkeys.flows.asking.memory import Memory, Summarise, read_memory
from flowkeys.flows.context import Run
from flowkeys.flows.graph.variables import Template, as_text
from flowkeys.flows.registry import Build, Step

Message = dict[str, Any]

ROLES: Final = frozenset({"system", "assistant", "developer", "user"})
_UNFIT: Final = re.compile(r"[\s<|\\/>]")
"""What OpenAI takes in no name."""
_SENT: Final = ("role", "content", "name", "tool_calls", "tool_call_id")


class Prompt:
    """The messages of a node, compiled."""

    def __init__(self, build: Build, kind: str) -> None:
        """`kind` is how the names of the node's inputs begin."""
        self._own = tuple(_own(build, f"{kind}Messages"))
        self._fresh = build.inputs.get(f"{kind}Messages") == ""
        """Nothing was ever filled in."""
        self._says_question = not any(role == "user" for role, _ in self._own)
        self.memory: Memory | None = (
            read_memory(build, kind) if build.flag(f"{kind}EnableMemory", default=True) else None
        )
        text = build.template(build.text(f"{kind}UserMessage"))
        self._user = text if self.memory is not None else None

    async def messages(self, run: Run, summarise: Summarise) -> list[Message]:
        """Return what the model is asked.

        What the caller sent as the conversation so far goes first; then the node's own messages, those of the
        system moved to the front one by one, as Flowise does: two of them come out in reverse.
        """
        first = not run.chat
        messages: list[Message] = run.sent()
        for role, template in self._own:
            content = template.render(run)
            if not content:
                continue
            if role == "system":
                messages.insert(0, {"role": role, "content": content})
            else:
                messages.append({"role": role, "content": content})
        if self.memory is None:
            if first and self._says_question and run.question:
                messages.append({"role": "user", "content": run.question})
            return messages
        said = [*await run.messages(), *run.chat]
        if first and run.question:
            said.append({"role": "user", "content": run.question})
        if said:
            await self.memory.add(messages, said, summarise)
        if self._user is not None and (text := self._user.render(run)):
            messages.append({"role": "user", "content": text})
        return messages

    def asked(self, run: Run) -> list[Message]:
        """Return what the run's conversation keeps of a question, before the first answer of a model."""
        if run.chat or not run.question:
            return []
        if self.memory is None and not self._says_question:
            own = (template.render(run) for role, template in self._own if role == "user")
            return [{"role": "user", "content": content} for content in own]
        return [{"role": "user", "content": run.question}]

    def lacks(self, run: Run) -> bool:
        """Tell whether the node has nothing to say: nobody wrote a message, and it remembers nothing."""
        return self._fresh and self.memory is None and not run.chat


def sent(messages: Sequence[Message]) -> Sequence[Mapping[str, Any]]:
    """Return messages as models are given them."""
    return [
        message if message.keys() == _BARE and message["role"] in _PLAIN else _sent(message)
        for message in messages
    ]


_BARE: Final = {"role", "content"}
_PLAIN: Final = frozenset({"system", "assistant", "user"})


def _sent(message: Message) -> Message:
    given: Message = {name: message[name] for name in _SENT if name in message}
    if given["role"] == "developer":
        given["role"] = "system"
    if "tool_calls" in given:
        given["tool_calls"] = [_called(call) for call in given["tool_calls"]]
    return given


def _called(call: Mapping[str, Any]) -> dict[str, Any]:
    args = call["args"]
    written = args if isinstance(args, str) else msgspec.json.encode(args).decode()
    return {
        "id": call["id"],
        "type": "function",
        "function": {"name": call["name"], "arguments": written},
    }


def speaker(step: Step) -> str:
    """Return the name under which a node speaks in the run's conversation."""
    return _UNFIT.sub("_", step.node.label.lower())


def _own(build: Build, name: str) -> list[tuple[str, Template]]:
    messages = []
    for row in build.rows(name, ("role", "content")):
        role, content = row.get("role"), row.get("content")
        if not role or not content:
            continue
        if role not in ROLES or not isinstance(content, str):
            build.problem(f"a message has the role {as_text(role)!r} or is not a text.")
            continue
        messages.append((str(role), build.template(content)))
    return messages
