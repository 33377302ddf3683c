"""`loopAgentflow`: leads the run back to an earlier node, a number of times."""

from typing import Final

import msgspec

from flowkeys.flows.context import Run
from flowkeys.flows.graph.variables import Template
from flowkeys.flows.registry import Build, Kind, Outcome, Step

_TIMES: Final = 5
_MOST: Final = 1_000_000


class Loop(Step):
    """Leads back until it has run as often as it may; then it says so, and nothing follows."""

    waits = False

    def __init__(self, build: Build, target: str, label: str, most: int, fallback: Template) -> None:
        super().__init__(build.node)
        self._target = target
        self._back = f"Loop back to {label} ({target})"
        self._most = most
        self._fallback = fallback
        self._updates = build.updates("loopUpdateState")

    def at_once(self, run: Run) -> Outcome:
        """Count this time."""
        fallback = self._fallback.render(run)
        is_over = not run.loop(self.node.id, self._most)
        content = self._back
        if is_over:
            content = fallback or f"Loop completed after reaching maximum iteration count of {self._most}."
        shown = {"nodeID": self._target, "maxLoopCount": self._most}
        self.update(run, self._updates, content)
        return Outcome(
            input=shown,
            output={"content": content, **shown, "fallbackMessage": fallback},
            text=content,
            back=None if is_over else self._target,
            after=content if is_over else "",
        )

    async def run(self, run: Run) -> Outcome:
        """Do the work. Where it leads back no more, that is told, and said, once the node has been shown."""
        outcome = self.at_once(run)
        if not outcome.after:
            return outcome
        shown = {**outcome.output, "content": self._back}
        return msgspec.structs.replace(outcome, output=shown)


def _build(build: Build) -> Step:
    chosen = build.text("loopBackToNode")
    target, has_label, label = chosen.partition("-")
    times = build.text("maxLoopCount", str(_TIMES))
    most = int(times) if times.isdecimal() and len(times) < len(str(_MOST)) else 0
    if not most >= 1:
        build.problem(f"maxLoopCount has to be a number from 1 to {_MOST - 1}.")
    fallback = build.template(build.text("fallbackMessage"))
    return Loop(build, target, label if has_label else "undefined", most, fallback)


KIND = Kind("loopAgentflow", _build)
