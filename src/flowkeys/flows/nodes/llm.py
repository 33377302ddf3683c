"""`llmAgentflow`: asks a model behind an OpenAI-compatible chat endpoint."""

from typing import Any, Final

from flowkeys.domain.usage.tokens import NO_TOKENS, OF_A_MESSAGE, ModelTokens, estimate, estimated
from flowkeys.flows.context import Run
from flowkeys.flows.graph.variables import Template, as_text
from flowkeys.flows.models.access import Target
from flowkeys.flows.models.failures import ModelError
from flowkeys.flows.models.reply import Reply
from flowkeys.flows.nodes.llm_settings import ModelChoice, read_model
from flowkeys.flows.registry import Build, Kind, Outcome, Step

_ROLES: Final = frozenset({"system", "assistant", "developer", "user"})
_HIDDEN: Final = frozenset({"system", "developer"})
_UNSUPPORTED: Final = {
    "llmStructuredOutput": "structured output",
    "llmTools": "tools",
    "llmToolsBuiltInOpenAI": "built-in tools",
}

Message = dict[str, str]


class Llm(Step):
    """Sends the prompt, with the earlier messages as memory, and says what comes back as it comes.

    What the model thinks before it answers is never given to a model again.
    """

    streams = True

    def __init__(self, build: Build, model: ModelChoice, target: Target) -> None:
        super().__init__(build.node)
        self._models = build.resources.models
        self._limit = build.resources.settings.answer_characters
        self._model = model
        self._target = target
        self.most_tokens = model.most_tokens(build.resources.settings.reserved_tokens)
        self._messages = tuple(_messages(build))
        self._memory = build.flag("llmEnableMemory", default=True)
        self._window = _window(build)
        self._user = build.template(build.text("llmUserMessage")) if self._memory else None
        self._role = "assistant" if build.text("llmReturnResponseAs") == "assistantMessage" else "user"
        self._updates = build.updates("llmUpdateState")

    async def run(self, run: Run) -> Outcome:
        """Ask the model."""
        first = not run.chat
        messages = await self._prompt(run)
        reply = Reply(self._limit, self._model.reasoning)
        read = sum(OF_A_MESSAGE + estimate(message["content"]) for message in messages)
        await run.admit_tokens(read + self.most_tokens)
        has_failed = False
        try:
            await self._ask(run, messages, reply)
        except ModelError as error:
            has_failed = True
            raise self.failed(
                str(error), reason=error.reason, retry_after_seconds=error.retry_after_seconds
            ) from error
        finally:
            run.used_tokens(_used(read, reply, has_failed=has_failed))
        text, answer = reply.text, reply.answer
        if first:
            run.chat.append({"role": "user", "content": run.question})
        run.chat.append({"role": self._role, "content": answer})
        self.update(run, self._updates, text)
        shown = [message for message in messages if message["role"] not in _HIDDEN]
        output = {"content": text}
        if reply.finish_reason is not None:
            output["finishReason"] = reply.finish_reason
        if self._model.reasoning == "hidden" and (thoughts := reply.thoughts):
            output["reasoning"] = thoughts
        return Outcome(
            input={"model": self._model.name, "messages": shown},
            output=output,
            text=text,
            finish_reason=reply.finish_reason,
        )

    async def _ask(self, run: Run, messages: list[Message], reply: Reply) -> None:
        """Ask the model, and say what it says: piece by piece when somebody listens, else as a whole."""
        client = await self._models.client(self._target)
        request: dict[str, Any] = {"model": self._model.name, "messages": messages, **self._model.parameters}
        stream = self._model.stream and run.streaming
        async with client.ask(request, reply, stream=stream, seconds=self._model.timeout_seconds) as answer:
            while not reply.ended and (data := await answer.read()):
                await run.say(*reply.feed(data))
            await run.say(*reply.finish())

    async def _prompt(self, run: Run) -> list[Message]:
        """Return the messages: system, the node's own, the conversation, the node's last word."""
        own = [(role, text) for role, template in self._messages if (text := template.render(run))]
        messages = [{"role": role, "content": text} for role, text in own if role == "system"]
        messages += [{"role": role, "content": text} for role, text in own if role != "system"]
        question = [] if run.chat else [{"role": "user", "content": run.question}]
        if not self._memory:
            return messages if any(role == "user" for role, _ in own) else messages + question
        conversation = await run.messages() + run.chat + question
        messages += conversation if self._window is None else conversation[-self._window :]
        if self._user is not None and (text := self._user.render(run)):
            messages.append({"role": "user", "content": text})
        return messages


def _used(read: int, reply: Reply, *, has_failed: bool) -> ModelTokens:
    """Return what the model's server says that was used, else an estimate; nothing where it did not begin."""
    if any(reply.tokens):
        return ModelTokens(*reply.tokens)
    written = estimate(reply.answer) + estimate(reply.thoughts)
    return NO_TOKENS if has_failed and not written else estimated(read, written)


def _messages(build: Build) -> list[tuple[str, Template]]:
    messages = []
    for row in build.rows("llmMessages", ("role", "content")):
        role, content = row.get("role"), row.get("content")
        if not role or not content:
            continue
        if role not in _ROLES or not isinstance(content, str):
            build.problem(f"a message has the role {as_text(role)!r} or is not a text.")
            continue
        messages.append((str(role), build.template(content)))
    return messages


def _window(build: Build) -> int | None:
    """Return how many of the last messages are given to the model; None for all that a run has."""
    kind = build.text("llmMemoryType", "allMessages")
    if kind == "windowSize":
        size = build.text("llmMemoryWindowSize", "20")
        if not size.isdecimal() or len(size) > 9 or not 1 <= int(size) <= 1000:  # noqa: PLR2004
            build.problem("the window size has to be a number from 1 to 1000.")
            return None
        return int(size) * 2
    if kind != "allMessages" and build.flag("llmEnableMemory", default=True):
        build.problem(f"the memory type {kind!r} is not supported; allMessages and windowSize are.")
    return None


def _build(build: Build) -> Step:
    for name, what in _UNSUPPORTED.items():
        if build.inputs.get(name):
            build.problem(f"{what} is not supported.")
    model = read_model(build)
    target = (
        build.resources.models.target(model.base_url, model.credential, build.workspace_id) if model else None
    )
    if isinstance(target, str):
        build.problem(target)
    if model is None or not isinstance(target, Target):
        _messages(build)
        _window(build)
        build.template(build.text("llmUserMessage"))
        build.updates("llmUpdateState")
        return Step(build.node)  # never run: all its problems are noted
    return Llm(build, model, target)


KIND = Kind("llmAgentflow", _build)
