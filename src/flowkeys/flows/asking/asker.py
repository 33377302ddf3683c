"""Asks the model of a node: what it may use is admitted before, and settled after."""

import asyncio
from collections.abc import Mapping, Sequence
from time import time
from typing import Any, Final

from flowkeys.domain.usage.tokens import NO_TOKENS, OF_A_MESSAGE, ModelTokens, estimate, estimated
from flowkeys.flows.asking.choice import ModelChoice, read_model
from flowkeys.flows.asking.messages import Message, sent
from flowkeys.flows.context import Run
from flowkeys.flows.models.access import Target
from flowkeys.flows.models.failures import ModelError
from flowkeys.flows.models.reasoning import Showing
from flowkeys.flows.models.reply import Reply
from flowkeys.flows.registry import Build, Step

_NOTHING: Final[Mapping[str, Any]] = {}
_PAUSE_SECONDS: Final = 0.25
"""Before a call is made again; three times as long each time."""
_LONGEST_SECONDS: Final = 2


class Asker:
    """The model of a node."""

    def __init__(self, build: Build, model: ModelChoice, target: Target) -> None:
        self._models = build.resources.models
        self._limit = build.resources.settings.answer_characters
        self._target = target
        self._base: Mapping[str, Any] = {"model": target.model or model.name, **model.parameters}
        self.model = model
        self.most_tokens = model.most_tokens(build.resources.settings.reserved_tokens)
        self.is_last = not build.outgoing
        """Nothing follows the node: its answer is heard in all its pieces, and what was used is told."""

    def is_heard(self, run: Run) -> bool:
        """Tell whether somebody hears the answer piece by piece."""
        return run.streaming and self.model.stream

    async def ask(
        self,
        step: Step,
        run: Run,
        messages: Sequence[Message],
        more: Mapping[str, Any] = _NOTHING,
        *,
        aloud: bool = False,
        may_call: bool = False,
    ) -> Reply:
        """Return the answer to messages; `more` are members of the request.

        `aloud` is whether the answer is said as it comes; `may_call` whether it may be calls of tools.

        Raises:
            UpstreamFailed: there is none; the message names the node.
            QuotaExceeded: a quota has not so many tokens left as the answer may have.
            RunLimitExceeded: the run may call out no more, or come to no more.
        """
        reasoning: Showing = self.model.reasoning if aloud or self.model.reasoning != "shown" else "hidden"
        every = aloud and self.is_last and self.is_heard(run)
        request = {**self._base, "messages": self._sent(messages), **more}
        read = sum(OF_A_MESSAGE + estimate(message["content"]) for message in messages)
        await run.admit_tokens(read + self.most_tokens)
        attempt = 0
        while True:
            reply = Reply(self._limit, reasoning, every=every, may_call=may_call)
            failure: ModelError | None = None
            run.limits.take_call()
            try:
                await self._ask(run, request, reply, aloud=aloud)
            except ModelError as error:
                failure = error
            finally:
                run.used_tokens(_used(read, reply, has_failed=failure is not None))
            if failure is None:
                run.limits.take_bytes(len(reply.answer))
                return reply
            if attempt == self.model.retries or not failure.may_pass or not _is_soon(failure):
                raise step.failed(
                    str(failure), reason=failure.reason, retry_after_seconds=failure.retry_after_seconds
                ) from failure
            await asyncio.sleep(failure.retry_after_seconds or _PAUSE_SECONDS * 3**attempt)
            attempt += 1

    def _sent(self, messages: Sequence[Message]) -> Any:
        """Return messages as the provider takes them."""
        if self.model.provider.takes_names:
            return sent(messages)
        return [
            {name: value for name, value in message.items() if name != "name" or message["role"] == "tool"}
            for message in sent(messages)
        ]

    async def _ask(self, run: Run, request: Mapping[str, Any], reply: Reply, *, aloud: bool) -> None:
        """Ask, and say what is said: piece by piece when somebody listens, else as a whole."""
        client = await self._models.client(self._target)
        stream = aloud and self.is_heard(run)
        seconds, usage = self.model.timeout_seconds, not self.model.provider.tells_usage
        async with client.ask(request, reply, stream=stream, seconds=seconds, usage=usage) as answer:
            while not reply.ended and (data := await answer.read()):
                pieces = reply.feed(data)
                if aloud and pieces:
                    await run.let_hear(pieces)
            pieces = reply.finish()
            if aloud:
                await run.let_hear(pieces)


def _is_soon(failure: ModelError) -> bool:
    """Tell whether a server wants to be asked again before who waits should rather be told."""
    return failure.retry_after_seconds is None or failure.retry_after_seconds <= _LONGEST_SECONDS


def read_asker(build: Build, kind: str) -> Asker | None:
    """Return the model of a node; None when it has none that could be asked, which is noted."""
    model = read_model(build, kind)
    models = build.resources.models
    target = models.target(model.base_url, model.credential, build.workspace_id) if model else None
    if isinstance(target, str):
        build.problem(target)
    if model is None or not isinstance(target, Target):
        return None
    return Asker(build, model, target)


def now() -> int:
    """Return the time as JavaScript has it, in milliseconds."""
    return int(time() * 1000)


def time_metadata(begun: int) -> dict[str, int]:
    """Return how long something took that began at `begun`."""
    ended = now()
    return {"start": begun, "end": ended, "delta": ended - begun}


def _used(read: int, reply: Reply, *, has_failed: bool) -> ModelTokens:
    """Return what the model's server says that was used, else an estimate; nothing where it did not begin."""
    if any(reply.tokens):
        return ModelTokens(*reply.tokens)
    written = estimate(reply.answer) + estimate(reply.thoughts)
    written += sum(estimate(call.arguments) for call in reply.calls)
    return NO_TOKENS if has_failed and not written else estimated(read, written)
