"""`iterationAgentflow`: runs what is drawn in it once for each item of a list."""

from typing import Any, Final

from flowkeys.flows.context import Run
from flowkeys.flows.graph.graph import ITERATION
from flowkeys.flows.graph.literals import unmarked
from flowkeys.flows.graph.relaxed import NotRead, read_json
from flowkeys.flows.graph.variables import Template, as_text, text_of
from flowkeys.flows.registry import Build, Kind, Outcome, Step

_INPUT: Final = "iterationInput"


class Iteration(Step):
    """Runs its rounds one after the other; a round that fails says so, and the next one runs."""

    def __init__(self, build: Build, items: Template | list[Any]) -> None:
        super().__init__(build.node)
        self._items = items

    async def run(self, run: Run) -> Outcome:
        """Run a round for each item."""
        items = self._list(run)
        shown = {_INPUT: items}
        if run.rounds is None or not run.rounds.has(self.node.id):
            return Outcome(input=shown, output={})
        said = await run.rounds.run(self.node.id, items)
        results = [one for one in said if one is not None and one is not False and one not in (0, "")]
        content = "\n".join(text_of(one) for one in results)
        return Outcome(input=shown, output={"iterationResults": results, "content": content}, text=content)

    def _list(self, run: Run) -> list[Any]:
        if isinstance(self._items, list):
            return self._items
        try:
            found = read_json(self._items.render(run))
        except NotRead as error:
            raise self.failed(f"what it is to go through is no list in JSON: {error}.") from error
        if not isinstance(found, list):
            raise self.failed("what it is to go through is no list.")
        return found


def _build(build: Build) -> Step:
    given = build.inputs.get(_INPUT)
    if isinstance(given, list):
        return Iteration(build, unmarked(given))
    return Iteration(build, build.template(as_text(given) or ""))


KIND = Kind(ITERATION, _build)
