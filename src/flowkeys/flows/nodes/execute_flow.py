"""`executeFlowAgentflow`: another chatflow of the workspace answers, inside this process and this run.

Where Flowise calls it over HTTP, at an address that the node may name (``executeFlowBaseURL``, which means
nothing here). What it may call, whoever knows callers and keys decides (`FlowCall.inner`).
"""

from collections.abc import Mapping
from typing import Any, Final

from flowkeys.domain.errors import RunLimitExceeded
from flowkeys.flows.asking.messages import speaker
from flowkeys.flows.context import Run
from flowkeys.flows.graph.graph import Graph
from flowkeys.flows.graph.literals import Literal, marked
from flowkeys.flows.graph.relaxed import NotRead, read_json
from flowkeys.flows.graph.variables import Template, text_of
from flowkeys.flows.nodes.shown import Json, compile_json
from flowkeys.flows.registry import Build, Kind, Outcome, Step
from flowkeys.flows.tools.secret import kept_credential
from flowkeys.service.ports.flows import InnerCall

NAME: Final = "executeFlowAgentflow"
_CHOSEN: Final = "executeFlowSelectedFlow"
_KEY: Final = "chatflowApi"
_OVERRIDES: Final = "executeFlowOverrideConfig"


class ExecuteFlow(Step):
    """Asks the other chatflow, and says what it answers: a refusal or a failure, too."""

    def __init__(
        self, build: Build, chosen: str, overrides: Json | Template | None, token: str | None
    ) -> None:
        super().__init__(build.node)
        self._chosen = chosen
        self._overrides = overrides
        self._token = token
        self._most = build.resources.settings.run_depth
        self._input = build.template(build.text("executeFlowInput"))
        returns = build.text("executeFlowReturnResponseAs")
        self._role = "assistant" if returns == "assistantMessage" else "user"
        self._speaker = speaker(self)
        self._updates = build.updates("executeFlowUpdateState")

    async def run(self, run: Run) -> Outcome:
        """Ask it."""
        call = run.call
        if self._chosen == call.chatflow_id:
            raise self.failed("a chatflow cannot call itself.")
        if call.inner is None:
            raise self.failed("no other chatflow can be called here.")
        depth = call.depth + 1
        if depth > self._most:
            raise RunLimitExceeded(
                f"{self.node.label}: chatflows call each other more deeply than this server allows "
                f"({self._most})."
            )
        asked = self._input.value(run)
        given = InnerCall(
            chatflow_id=self._chosen,
            question=asked,
            overrides=self._given(run),
            token=self._token,
            limits=run.limits,
            depth=depth,
        )
        answer = await call.inner(given)
        run.model_tokens = run.model_tokens.plus(answer.model_tokens)
        content = answer.content
        if isinstance(content, str):
            await run.say(content)
        else:
            await run.say_value(content)
        self.update(run, self._updates, content)
        chat: list[dict[str, Any]] = [] if run.chat else [{"role": "user", "content": text_of(asked)}]
        chat.append({"role": self._role, "content": text_of(content), "name": self._speaker})
        run.remember(chat)
        return Outcome(
            input={"messages": [{"role": "user", "content": asked}]},
            output={"content": content},
            text=content,
            chat=chat,
            finish_reason=answer.finish_reason,
        )

    def _given(self, run: Run) -> Mapping[str, Any]:
        overrides = self._overrides
        if overrides is None:
            return {}
        if isinstance(overrides, Json):
            given = overrides.value(run)
        else:
            try:
                given = read_json(overrides.render(run))
            except NotRead as error:
                raise self.failed(f"{_OVERRIDES} is no JSON: {error}.") from error
        if not isinstance(given, Mapping):
            raise self.failed(f"{_OVERRIDES} is no JSON object.")
        return given


def _overrides(build: Build) -> Json | Template | None:
    """Return what is given to the other chatflow.

    JSON is read before variables are put into its texts, so that what a caller says is never a part of it.
    Only where that is no JSON yet are they put in first.
    """
    given = build.inputs.get(_OVERRIDES)
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    if not isinstance(given, str):
        return compile_json(build, given)
    try:
        read = read_json(given)
    except NotRead:
        return build.template(given)
    return compile_json(build, marked(read) if isinstance(given, Literal) else read)


def _token(build: Build) -> str | None:
    found = kept_credential(build, build.inputs)
    if found is None:
        return None
    if found.kind != _KEY:
        build.problem(f"the credential {found.name!r} holds no key of a chatflow.")
        return None
    return found.values.get("chatflowApiKey")


def _build(build: Build) -> Step:
    chosen = build.text(_CHOSEN)
    if not chosen:
        build.problem("no chatflow is chosen.")
    return ExecuteFlow(build, chosen, _overrides(build), _token(build))


def called_chatflows(graph: Graph) -> frozenset[str]:
    """Return the ids of the chatflows that a flow's nodes call, as they are written there."""
    chosen = (node.inputs.get(_CHOSEN) for node in graph.nodes if node.kind == NAME)
    return frozenset(one for one in chosen if isinstance(one, str) and one)


KIND = Kind(NAME, _build)
