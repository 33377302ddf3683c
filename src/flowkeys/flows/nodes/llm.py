"""`llmAgentflow`: asks a model behind an OpenAI-compatible chat endpoint."""

from typing import Any, Final

from flowkeys.domain.errors import FlowNotRunnable
from flowkeys.flows.asking.asker import Asker, now, read_asker, time_metadata
from flowkeys.flows.asking.messages import Message, Prompt, speaker
from flowkeys.flows.asking.metadata import response_metadata, usage_metadata
from flowkeys.flows.asking.shown import Shown
from flowkeys.flows.asking.structured import Form, printed, read_form
from flowkeys.flows.context import Run
from flowkeys.flows.models.reply import Reply
from flowkeys.flows.registry import Build, Kind, Outcome, Step
from flowkeys.service.ports.flows import Event

KIND_OF: Final = "llm"
_UNSUPPORTED: Final = {"llmTools": "tools", "llmToolsBuiltInOpenAI": "built-in tools"}


class Llm(Step):
    """Sends the prompt, with the earlier messages as memory, and says what comes back as it comes.

    What the model thinks before it answers is never given to a model again.
    """

    streams = True

    def __init__(self, build: Build, asker: Asker, prompt: Prompt, form: Form | None) -> None:
        super().__init__(build.node)
        self._asker = asker
        self._prompt = prompt
        self._form = form
        calls = 1 + (prompt.memory.calls if prompt.memory is not None else 0)
        self.most_tokens = calls * asker.most_tokens
        self._role = "assistant" if build.text("llmReturnResponseAs") == "assistantMessage" else "user"
        self._speaker = speaker(self)
        self._updates = build.updates("llmUpdateState")
        self._shown = Shown(
            build, without=("llmMessages",), texts=("llmUserMessage",), rows=("llmUpdateState",)
        )

    async def run(self, run: Run) -> Outcome:
        """Ask the model."""
        if self._prompt.lacks(run):
            raise FlowNotRunnable(f"{self.node.label}: add a message, or let it remember the conversation.")
        messages = await self._prompt.messages(run, lambda asked: self._summary(run, asked))
        begun = now()
        if self._form is None:
            reply = await self._asker.ask(self, run, messages, aloud=True)
            text, said = reply.text, reply.answer
            output = _output(reply, begun, whole=not self._asker.model.stream)
            if self._asker.is_last and self._asker.is_heard(run):
                await told(run, output)
            if self._asker.model.reasoning == "hidden" and (thoughts := reply.thoughts):
                output["reasoning"] = thoughts
        else:
            reply = await self._asker.ask(self, run, messages, self._form.request, may_call=True)
            members = self._form.read(reply)
            if isinstance(members, str):
                raise self.failed(f"the model's answer is not in the form that was asked for: {members}.")
            text = said = printed(members)
            await run.say(text)
            output = {"content": text, "timeMetadata": time_metadata(begun)}
            output |= {name: value for name, value in members.items() if value is not None}
        shown = self._shown.of(run, messages)
        self.update(run, self._updates, said)
        chat = self._prompt.asked(run)
        chat.append({"role": self._role, "content": said, "name": self._speaker})
        run.remember(chat)
        return Outcome(input=shown, output=output, text=text, chat=chat, finish_reason=reply.finish_reason)

    async def _summary(self, run: Run, messages: list[Message]) -> str:
        return (await self._asker.ask(self, run, messages)).answer


def _output(reply: Reply, begun: int, *, whole: bool) -> dict[str, Any]:
    output: dict[str, Any] = {
        "content": reply.text,
        "timeMetadata": time_metadata(begun),
        "calledTools": [],
    }
    usage = usage_metadata(reply.usage)
    if usage is not None:
        output["usageMetadata"] = usage
    output["responseMetadata"] = response_metadata(reply, whole=whole)
    return output


async def told(run: Run, output: dict[str, Any]) -> None:
    """Send what a node called and used at the end of an answer that was heard."""
    await run.emit(Event("calledTools", output["calledTools"]))
    if "usageMetadata" in output:
        await run.emit(Event("usageMetadata", output["usageMetadata"]))


def _build(build: Build) -> Step:
    for name, what in _UNSUPPORTED.items():
        if build.inputs.get(name):
            build.problem(f"{what} is not supported.")
    asker = read_asker(build, KIND_OF)
    prompt = Prompt(build, KIND_OF)
    form = read_form(build, "llmStructuredOutput")
    if asker is None:
        build.updates("llmUpdateState")
        return Step(build.node)  # never run: all its problems are noted
    return Llm(build, asker, prompt, form)


KIND = Kind("llmAgentflow", _build)
