"""`llmAgentflow`: asks a model behind an OpenAI-compatible chat endpoint."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows.context import Run
from flowkeys.flows.models import Target
from flowkeys.flows.nodes.llm_settings import ModelChoice, read_model
from flowkeys.flows.registry import Build, Kind, Outcome, Step
from flowkeys.flows.variables import Template, as_text, readable_text

_ROLES: Final = frozenset({"system", "assistant", "developer", "user"})
_HIDDEN: Final = frozenset({"system", "developer"})
_HINTS: Final = {
    401: " It did not accept the credential.",
    403: " It did not accept the credential.",
    404: " The model or the base URL is not known to it.",
    429: " It limits calls at present.",
}
_UNSUPPORTED: Final = {
    "llmStructuredOutput": "structured output",
    "llmTools": "tools",
    "llmToolsBuiltInOpenAI": "built-in tools",
}

Message = dict[str, str]


class Llm(Step):
    """Sends the prompt, with the earlier messages as memory, and says what comes back as it comes."""

    streams = True

    def __init__(self, build: Build, model: ModelChoice, target: Target) -> None:
        super().__init__(build.node)
        self._models = build.resources.models
        self._limit = build.resources.settings.answer_characters
        self._model = model
        self._target = target
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
        pieces: list[str] = []
        length = 0
        async with aclosing(self._ask(messages)) as answer:
            async for made in answer:
                piece = readable_text(made)
                length += len(piece)
                if length > self._limit:
                    raise self.failed(f"the answer is longer than {self._limit:,} characters.")
                pieces.append(piece)
                await run.say(piece)
        text = "".join(pieces)
        if first:
            run.chat.append({"role": "user", "content": run.question})
        run.chat.append({"role": self._role, "content": text})
        self.update(run, self._updates, text)
        shown = [message for message in messages if message["role"] not in _HIDDEN]
        return Outcome(
            input={"model": self._model.name, "messages": shown}, output={"content": text}, text=text
        )

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

    async def _ask(self, messages: list[Message]) -> AsyncGenerator[str, None]:
        import httpx
        from openai import APIStatusError, OpenAIError

        from flowkeys.flows.outbound import AddressRefusedError

        try:
            async for piece in self._pieces(messages):
                yield piece
        except APIStatusError as error:
            hint = _HINTS.get(error.status_code, "")
            if 300 <= error.status_code < 400:  # noqa: PLR2004  # the class of redirects
                hint = " Redirects are not followed."
            raise self.failed(f"the model's endpoint answered {error.status_code}.{hint}") from error
        except (OpenAIError, httpx.HTTPError, ValueError) as error:
            if isinstance(error.__cause__, AddressRefusedError):
                raise self.failed("the model's endpoint is not at a public address.") from error
            raise self.failed("the model's endpoint could not be reached, or broke off.") from error

    async def _pieces(self, messages: list[Message]) -> AsyncGenerator[str, None]:
        client = await self._models.client(self._target)
        request: dict[str, Any] = {"model": self._model.name, "messages": messages, **self._model.parameters}
        if not self._model.stream:
            answer = await client.chat.completions.create(stream=False, **request)
            if not getattr(answer, "choices", None):
                raise self._empty()
            yield answer.choices[0].message.content or ""
            return
        anything = False
        async with await client.chat.completions.create(stream=True, **request) as stream:
            async for chunk in stream:
                anything = True
                if chunk.choices and (piece := chunk.choices[0].delta.content):
                    yield piece
        if not anything:
            raise self._empty()

    def _empty(self) -> UpstreamFailed:
        return self.failed("the model's endpoint answered nothing that is a chat completion.")


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
    missing = build.resources.models.unavailable()
    if missing is not None:
        build.problem(missing)
    model = read_model(build)
    target = build.resources.models.target(model.base_url, model.credential) if model else None
    if isinstance(target, str):
        build.problem(target)
    if model is None or not isinstance(target, Target):
        return Step(build.node)  # never run: its problems are noted
    return Llm(build, model, target)


KIND = Kind("llmAgentflow", _build)
