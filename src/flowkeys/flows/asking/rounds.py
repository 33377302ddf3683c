"""A model with tools: it is asked, what it calls is called in its order, and it is asked again."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from flowkeys.flows.asking.asker import Asker
from flowkeys.flows.asking.knowledge import Knowledge, passages
from flowkeys.flows.asking.messages import Message
from flowkeys.flows.asking.metadata import usage_metadata
from flowkeys.flows.asking.sources import source_document
from flowkeys.flows.asking.structured import parsed, printed
from flowkeys.flows.context import Run
from flowkeys.flows.models.calls import ToolCall
from flowkeys.flows.models.reply import Reply
from flowkeys.flows.registry import Step
from flowkeys.flows.tools.tool import MISMATCH, Offered, Tool, ToolFailed
from flowkeys.service.ports.flows import Event

_SCHEMA: Final = "$schema"


class Call(msgspec.Struct, frozen=True):
    """A call as it is shown."""

    id: str
    name: str
    args: Any
    """What the model wants; a text where that is no JSON."""

    @property
    def shown(self) -> dict[str, Any]:
        """As entries have it."""
        return {"name": self.name, "args": self.args, "id": self.id, "type": "tool_call"}


class Rounds:
    """What a model and its tools do until the model answers."""

    def __init__(
        self,
        step: Step,
        asker: Asker,
        run: Run,
        messages: list[Message],
        offered: Offered,
    ) -> None:
        """`messages` grow by what is called and what tools say."""
        self._step = step
        self._asker = asker
        self._run = run
        self._messages = messages
        tools = offered.tools
        self._tools = {tool.name: tool for tool in tools}
        self._asks = offered.asks
        self._request: Mapping[str, Any] = {"tools": [_offered(tool) for tool in tools]} if tools else {}
        self.used: list[dict[str, Any]] = []
        self.sources: list[dict[str, Any]] = []
        self.direct: str | None = None
        """What a tool said whose word is the answer."""
        self.asking: str | None = None
        """What a person is asked before a tool is called."""
        self.calls: Sequence[Call] = ()
        """What the model wants to call then."""
        self._totals: list[int] = []

    @property
    def tokens(self) -> int:
        """The tokens of the rounds with tools as Flowise adds them up: a round between two counts twice."""
        has_ended = self.direct is None and self.asking is None
        totals = self._totals if has_ended else [*self._totals, 0]
        return sum(totals) + sum(totals[1:-1]) if len(totals) > 1 else 0

    async def ask(self, *, aloud: bool) -> Reply:
        """Ask until the model calls nothing more; return its last answer.

        That is none where a tool's word is the answer (`direct`), or a person is to be asked (`asking`).

        Raises:
            UpstreamFailed, QuotaExceeded: as `Asker.ask` says.
            RunLimitExceeded: it goes on for longer than a run may.
        """
        while True:
            reply = await self._asker.ask(
                self._step, self._run, self._messages, self._request, aloud=aloud, may_call=bool(self._tools)
            )
            usage = usage_metadata(reply.usage)
            self._totals.append(usage["total_tokens"] if usage is not None else 0)
            calls = [_read(call, number) for number, call in enumerate(reply.calls)] if self._tools else []
            if not calls:
                return reply
            await self._tell(calls)
            self._messages.append(_said(reply, calls, usage))
            if not await self._call_all(calls, frozenset()):
                return reply
            self._run.limits.take_step()

    async def go_on(self, *, proceeds: bool, aloud: bool) -> Reply | None:
        """Go on where a person was asked: with the tool, or without any; None where `ask` would give none.

        Raises:
            UpstreamFailed, QuotaExceeded, RunLimitExceeded: as `ask` says.
        """
        at = max(n for n, message in enumerate(self._messages) if "tool_calls" in message)
        said, done = self._messages[at], self._messages[at + 1 :]
        calls = [Call(call["id"], call["name"], call["args"]) for call in said["tool_calls"]]
        await self._tell(calls)
        self._totals.append(said.get("usage_metadata", {}).get("total_tokens", 0))
        if not proceeds:
            del self._messages[at:]
            self._tools, self._request = {}, {}
            return await self.ask(aloud=aloud)
        left = calls[len(done) :]
        if not await self._call_all(left, frozenset({left[0].id})):
            return None
        return await self.ask(aloud=aloud)

    async def _tell(self, calls: Sequence[Call]) -> None:
        if self._run.call.streamed:
            await self._run.emit(Event("calledTools", [called(call) for call in calls]))

    async def _call_all(self, calls: Sequence[Call], approved: frozenset[str]) -> bool:
        """Call tools in their order; tell whether the model is to be asked again."""
        for call in calls:
            if call.name in self._asks and call.id not in approved:
                said = next(message for message in reversed(self._messages) if "tool_calls" in message)
                self.asking = (
                    f"{said['content']}\nAttempting to use tool:\n```json\n{printed(call.shown)}\n```"
                )
                said["content"] = self.asking
                self.calls = calls
                return False
            await self._call(call)
        tool = self._tools.get(calls[0].name)
        if len(calls) == 1 and tool is not None and tool.return_direct and "error" not in self.used[-1]:
            self.direct = str(self.used[-1]["toolOutput"])
        return self.direct is None

    async def _call(self, call: Call) -> None:
        """Call a tool. One that fails tells the model, which may do better, or say so."""
        used: dict[str, Any] = {"tool": call.name, "toolInput": call.args, "toolOutput": ""}
        more: dict[str, Any] = {}
        try:
            used["toolOutput"] = await self._output(call, more)
        except ToolFailed as error:
            used["error"] = str(error)
        said = used.get("error", used["toolOutput"])
        self._run.limits.take_bytes(len(said))
        self.used.append(used)
        self._messages.append(
            {
                "role": "tool",
                "content": said,
                "tool_call_id": call.id,
                "name": call.name,
                "additional_kwargs": more,
            }
        )

    async def _output(self, call: Call, more: dict[str, Any]) -> str:
        tool = self._tools.get(call.name)
        if tool is None:
            raise ToolFailed(f"There is no tool {call.name[:100]!r}.")
        if not isinstance(call.args, Mapping):
            raise ToolFailed(MISMATCH)
        if not isinstance(tool, Knowledge):
            return await tool.call(self._run, call.args)
        hits = await tool.search(self._run, call.args)
        if tool.shows_sources:
            documents = more["sourceDocuments"] = [source_document(hit) for hit in hits]
            self.sources += documents
        return passages(hits)


def called(call: Call) -> dict[str, Any]:
    """Return a call as an event shows it."""
    return {"tool": call.name or "tool", "toolInput": call.args, "toolOutput": ""}


def available(tool: Tool) -> dict[str, Any]:
    """Return a tool as an agent's output shows it."""
    return {
        "name": tool.name,
        "description": tool.description,
        "schema": {name: value for name, value in tool.schema.items() if name != _SCHEMA},
        "toolNode": {"label": tool.label, "name": tool.kind},
    }


def _offered(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.schema}
    return {"type": "function", "function": function}


def _read(call: ToolCall, number: int) -> Call:
    try:
        args = parsed(call.arguments or "{}")
    except (ValueError, RecursionError):
        args = call.arguments
    return Call(call.id or f"call_{number}", call.name, args)


def _said(reply: Reply, calls: Sequence[Call], usage: Mapping[str, Any] | None) -> Message:
    raw = [
        {
            "index": call.index,
            "id": shown.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call, shown in zip(reply.calls, calls, strict=True)
    ]
    message: Message = {
        "role": "assistant",
        "content": reply.answer,
        "tool_calls": [call.shown for call in calls],
        "additional_kwargs": {"tool_calls": raw},
    }
    if usage is not None:
        message["usage_metadata"] = usage
    if (name := reply.named("id")) is not None:
        message["id"] = name
    return message
