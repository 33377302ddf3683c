"""`agentAgentflow`: a model that may call tools and search documents before it answers."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

from flowkeys.domain.errors import FlowNotRunnable
from flowkeys.flows.asking.asker import Asker, now, read_asker, time_metadata
from flowkeys.flows.asking.knowledge import Knowledge, read_knowledge
from flowkeys.flows.asking.messages import Message, Prompt, speaker
from flowkeys.flows.asking.metadata import response_metadata, usage_metadata
from flowkeys.flows.asking.rounds import Rounds, available, called
from flowkeys.flows.asking.shown import Shown
from flowkeys.flows.asking.structured import Form, printed, read_form
from flowkeys.flows.context import Run
from flowkeys.flows.models.reply import Reply
from flowkeys.flows.registry import Build, Kind, Outcome, Step
from flowkeys.flows.tools.chosen import read_tool
from flowkeys.flows.tools.tool import Chosen, Offered, Tool, ToolFailed, offered
from flowkeys.flows.waiting import Waits, action_of
from flowkeys.service.ports.flows import Event

KIND_OF: Final = "agent"
_UNSUPPORTED: Final = {
    "agentToolsBuiltInOpenAI": "built-in tools of OpenAI's",
    "agentToolsBuiltInGemini": "built-in tools of Gemini's",
    "agentToolsBuiltInAnthropic": "built-in tools of Anthropic's",
    "agentKnowledgeVSEmbeddings": "knowledge in a vector store that the flow names",
}
_CONVERT: Final = "Convert the following response to the structured output format: "


class Agent(Step):
    """Asks the model, calls what it calls, and says what it says in the end."""

    streams = True

    def __init__(
        self,
        build: Build,
        asker: Asker,
        prompt: Prompt,
        form: Form | None,
        tools: Sequence[Chosen],
    ) -> None:
        super().__init__(build.node)
        self._asker = asker
        self._prompt = prompt
        self._form = form
        self._tools = tuple(tools)
        self.most_tokens = asker.most_tokens * (2 if tools or form is not None else 1)
        self._role = "assistant" if build.text("agentReturnResponseAs") == "assistantMessage" else "user"
        self._speaker = speaker(self)
        self._updates = build.updates("agentUpdateState")
        self._shown = Shown(
            build, without=("agentMessages",), texts=("agentUserMessage",), rows=("agentUpdateState",)
        )

    async def run(self, run: Run) -> Outcome:
        """Ask until there is an answer, or a tool that a person has to allow."""
        messages: list[Message] = await self._messages(run) if run.answer is None else run.kept
        async with AsyncExitStack() as stack:
            return await self._asked(run, messages, await self._offered(run, stack))

    async def _asked(self, run: Run, messages: list[Message], offered: Offered) -> Outcome:
        person, tools = run.answer, offered.tools
        begun = now()
        rounds = Rounds(self, self._asker, run, messages, offered)
        aloud = self._form is None
        if person is None:
            reply: Reply | None = await rounds.ask(aloud=aloud)
        else:
            reply = await rounds.go_on(proceeds=person.proceeds, aloud=aloud)
        if rounds.asking is not None:
            return await self._waits(run, rounds, reply, messages, tools, begun)
        said, output = await self._answer(run, rounds, reply, begun)
        if tools:
            output["availableTools"] = [available(tool) for tool in tools]
        shown = self._shown.of(run, messages)
        if person is not None:
            shown["humanInput"] = dict(person.given)
        self.update(run, self._updates, said)
        text = output["content"]
        chat = self._spoken(run, text, rounds)
        finish = reply.finish_reason if reply is not None and rounds.direct is None else None
        return Outcome(input=shown, output=output, text=text, chat=chat, finish_reason=finish)

    async def _messages(self, run: Run) -> list[Message]:
        if self._prompt.lacks(run):
            raise FlowNotRunnable(f"{self.node.label}: add a message, or let it remember the conversation.")
        return await self._prompt.messages(run, lambda asked: self._summary(run, asked))

    async def _offered(self, run: Run, stack: AsyncExitStack) -> Offered:
        try:
            return await offered(self._tools, run, stack)
        except ToolFailed as error:
            raise self.failed(f"its tools cannot be had: {error}") from error

    async def _answer(
        self, run: Run, rounds: Rounds, reply: Reply | None, begun: int
    ) -> tuple[str, dict[str, Any]]:
        """Say what the model or a tool answers; return that, and the output."""
        text = (rounds.direct if reply is None or rounds.direct is not None else reply.answer) or ""
        if rounds.direct is not None and self._form is None:
            await run.say(text)
        if run.streaming and self._asker.is_last:
            await self._tell(run, rounds, reply)
        if self._form is None:
            said = text
            output = _output(self._asker, reply, rounds, begun)
        else:
            members = await self._converted(run, self._form, text)
            said = printed(members)
            text = f"```json\n{said}\n```"
            await run.say(text)
            output = {"content": text, "timeMetadata": time_metadata(begun), **_tokens(None, rounds)}
            output |= {name: value for name, value in members.items() if value is not None}
        if rounds.used:
            output["usedTools"] = rounds.used
        if rounds.sources:
            output["sourceDocuments"] = rounds.sources
        return said, output

    def _spoken(self, run: Run, text: str, rounds: Rounds) -> list[dict[str, Any]]:
        """Add the answer to the conversation of the run; return what was added."""
        spoken: dict[str, Any] = {"role": self._role, "content": text, "name": self._speaker}
        if rounds.used:
            spoken["additional_kwargs"] = {"usedTools": rounds.used}
        chat = [*self._prompt.asked(run), spoken]
        run.remember(chat)
        return chat

    async def _converted(self, run: Run, form: Form, text: str) -> Mapping[str, Any]:
        asked: list[Message] = [{"role": "user", "content": f"{_CONVERT}{text}"}]
        reply = await self._asker.ask(self, run, asked, form.request, may_call=True)
        members = form.read(reply)
        if isinstance(members, str):
            raise self.failed(f"the model's answer is not in the form that was asked for: {members}.")
        return members

    async def _waits(
        self,
        run: Run,
        rounds: Rounds,
        reply: Reply | None,
        messages: list[Message],
        tools: Sequence[Tool],
        begun: int,
    ) -> Outcome:
        """Ask a person; what the run goes on from are the messages."""
        text = rounds.asking or ""
        is_heard = self._asker.is_last and self._asker.is_heard(run)
        run.begin_step(streaming=True)  # it ends the run for now
        await run.say(text)
        output: dict[str, Any] = {
            "content": text,
            "timeMetadata": time_metadata(begun),
            "calledTools": [call.shown for call in rounds.calls],
            **_tokens(reply, rounds),
        }
        if reply is not None:
            output["responseMetadata"] = response_metadata(reply, whole=not self._asker.model.stream)
        if is_heard:
            await run.emit(Event("calledTools", [called(call) for call in rounds.calls]))
            usage = usage_metadata(reply.usage) if reply is not None else None
            if usage is not None:
                await run.emit(Event("usageMetadata", usage))
        shown = self._shown.of(run, messages)
        action = action_of(self.node, self._shown.of(run, messages, asked=True))
        output["availableTools"] = [available(tool) for tool in tools]
        output["isWaitingForHumanInput"] = True
        data = {**action["data"], "input": shown}
        output["humanInputAction"] = {**action, "data": data}
        chat = self._spoken(run, text, rounds)
        return Outcome(
            input=shown, output=output, text=text, chat=chat, waits=Waits(action=action, kept=messages)
        )

    async def _tell(self, run: Run, rounds: Rounds, reply: Reply | None) -> None:
        if rounds.used:
            await run.emit(Event("usedTools", rounds.used))
        if rounds.sources:
            await run.emit(Event("sourceDocuments", rounds.sources))
        if self._form is not None or not self._asker.is_heard(run):
            return
        await run.emit(Event("calledTools", []))
        usage = usage_metadata(reply.usage) if reply is not None and rounds.direct is None else None
        if usage is not None:
            await run.emit(Event("usageMetadata", usage))

    async def _summary(self, run: Run, messages: list[Message]) -> str:
        return (await self._asker.ask(self, run, messages)).answer


def _output(asker: Asker, reply: Reply | None, rounds: Rounds, begun: int) -> dict[str, Any]:
    if rounds.direct is not None:
        reply = None
    return {
        "content": rounds.direct if reply is None else reply.text,
        "timeMetadata": time_metadata(begun),
        "calledTools": [],
        **_tokens(reply, rounds),
        "responseMetadata": {} if reply is None else response_metadata(reply, whole=not asker.model.stream),
    }


def _tokens(reply: Reply | None, rounds: Rounds) -> dict[str, Any]:
    """Return what was used: by the last answer, and by the rounds with tools, which its total counts too."""
    usage = usage_metadata(reply.usage) if reply is not None else None
    if usage is not None:
        total = usage["total_tokens"] + rounds.tokens
        return {"usageMetadata": {**usage, "total_tokens": total, "tool_call_tokens": rounds.tokens}}
    if rounds.tokens:
        return {"usageMetadata": {"total_tokens": rounds.tokens, "tool_call_tokens": rounds.tokens}}
    return {}


def _tools(build: Build) -> list[Chosen]:
    """Return the tools of the node."""
    found = []
    for row in build.rows("agentTools"):
        name, config = row.get("agentSelectedTool"), row.get("agentSelectedToolConfig")
        if not isinstance(name, str) or not name:
            continue
        tool = read_tool(build, name, config if isinstance(config, Mapping) else {})
        if tool is not None:
            asks = row.get("agentSelectedToolRequiresHumanInput") in (True, "true")
            found.append(Chosen(tool, asks))
    return found


def _build(build: Build) -> Step:
    for name, what in _UNSUPPORTED.items():
        if build.inputs.get(name) not in (None, "", [], "[]"):
            build.problem(f"{what} cannot be used here: it is not supported.")
    asker = read_asker(build, KIND_OF)
    prompt = Prompt(build, KIND_OF)
    form = read_form(build, "agentStructuredOutput")
    knowledge: list[Knowledge] = read_knowledge(build)
    chosen = _tools(build)
    if asker is None:
        build.updates("agentUpdateState")
        return Step(build.node)  # never run: all its problems are noted
    return Agent(build, asker, prompt, form, [*chosen, *map(Chosen, knowledge)])


KIND = Kind("agentAgentflow", _build)
