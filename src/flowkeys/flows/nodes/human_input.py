"""`humanInputAgentflow`: asks a person, and goes on from one of two outputs when there is an answer."""

from typing import Any, Final

import msgspec

from flowkeys.flows.asking.asker import Asker, read_asker
from flowkeys.flows.context import Run
from flowkeys.flows.graph.variables import Template
from flowkeys.flows.registry import Build, Kind, Outcome, Step
from flowkeys.flows.waiting import Waits, action_of
from flowkeys.service.ports.flows import HumanAnswer

PROCEED: Final = "proceed"
REJECT: Final = "reject"


class HumanInput(Step):
    """Says its description and waits; with an answer, says what the person said."""

    def __init__(self, build: Build, description: Template, asker: Asker | None) -> None:
        """With an `asker` the description is the prompt of a model, whose answer is said."""
        super().__init__(build.node)
        self._description = description
        self._asker = asker
        if asker is not None:
            asker.is_last = True  # it ends the run for now, whatever follows
            self.most_tokens = asker.most_tokens
        self._feedback = build.flag("humanInputEnableFeedback")

    async def run(self, run: Run) -> Outcome:
        """Ask, or take the answer."""
        messages: list[dict[str, Any]] = [*await run.messages(), *run.chat]
        if run.answer is not None:
            return self._answered(run, messages, run.answer)
        run.begin_step(streaming=True)  # it ends the run for now
        said = await self._ask(run, messages)
        shown = {"messages": messages, "humanInputEnableFeedback": self._feedback}
        action = action_of(self.node, shown)
        chat = {"role": "assistant", "content": said}
        run.remember([chat])
        return Outcome(
            input=shown,
            output={"content": said, "humanInputAction": action},
            text=said,
            chat=(chat,),
            waits=Waits(action=action),
        )

    async def _ask(self, run: Run, messages: list[dict[str, Any]]) -> str:
        if self._asker is not None:
            prompt = {"role": "user", "content": self._description.render(run)}
            return (await self._asker.ask(self, run, [*messages, prompt], aloud=True)).text
        last = messages[-1].get("content") if messages else None
        said = f"{last if isinstance(last, str) else ''}\n\n{self._description.render(run)}"
        await run.say(said)
        return said

    def _answered(self, run: Run, messages: list[dict[str, Any]], answer: HumanAnswer) -> Outcome:
        given = answer.given
        said = answer.feedback or given.get("type")
        outcome: dict[str, Any] = {}
        if "startNodeId" in given:
            outcome["startNodeId"] = given["startNodeId"]
        if self._feedback and answer.feedback:
            outcome["feedback"] = answer.feedback
        proceeds = answer.proceeds
        conditions = [
            {"type": PROCEED, **outcome, "isFulfilled": proceeds},
            {"type": REJECT, **outcome, "isFulfilled": not proceeds},
        ]
        turn = {"role": "user"} if said is None else {"role": "user", "content": said}
        output: dict[str, Any] = {"conditions": conditions}
        chat: tuple[dict[str, Any], ...] | None = None
        if said is not None:
            output["content"] = said
        if answer.feedback:
            chat = ({"role": "user", "content": answer.feedback},)
            run.remember(chat)
        return Outcome(
            input={**given, "messages": [*messages, turn]},
            output=output,
            text=msgspec.UNSET if said is None else said,
            branch=0 if proceeds else 1,
            chat=chat,
        )


def _build(build: Build) -> Step:
    kind = build.text("humanInputDescriptionType", "fixed")
    if kind == "dynamic":
        asker = read_asker(build, "humanInput")
        prompt = build.template(build.text("humanInputModelPrompt"))
        return Step(build.node) if asker is None else HumanInput(build, prompt, asker)
    if kind != "fixed":
        build.problem("humanInputDescriptionType has to be fixed or dynamic.")
    return HumanInput(build, build.template(build.text("humanInputDescription")), None)


KIND = Kind("humanInputAgentflow", _build)
