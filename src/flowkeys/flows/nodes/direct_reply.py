"""`directReplyAgentflow`: says a text, with variables in it."""

from flowkeys.flows.context import Run, finish_of, least_finished
from flowkeys.flows.graph.variables import Template
from flowkeys.flows.registry import Build, Kind, Outcome, Step


class DirectReply(Step):
    """Says its message as one token."""

    waits = False

    def __init__(self, build: Build, message: Template) -> None:
        super().__init__(build.node)
        self._message = message
        self._quoted = tuple({name.partition(".output.")[0] for name in message.references})

    def repeats(self) -> str | None:
        """Return the node whose output is the whole message."""
        return self._message.only

    def at_once(self, run: Run) -> Outcome:
        """Say the message."""
        text = self._message.value(run)
        outputs = run.outputs
        quoted = [finish_of(outputs[name]) for name in self._quoted if name in outputs]
        finish = least_finished(quoted) if quoted else None
        return Outcome(output={"content": text}, text=text, finish_reason=finish)


def _build(build: Build) -> Step:
    if build.inputs.get("directReplyArtifacts"):
        build.problem("artifacts in a reply are not supported.")
    return DirectReply(build, build.template(build.text("directReplyMessage")))


KIND = Kind("directReplyAgentflow", _build)
