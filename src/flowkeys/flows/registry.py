"""What a node kind is: a name, and a function that makes a step of a node.

To add one, write a module with a `KIND` in `nodes` and list it in `nodes.STANDARD`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from flowkeys.domain.chatflows.code import NOTHING_BROUGHT, Brought, CodePiece, digest_of
from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows.code.process import is_installed
from flowkeys.flows.context import Run
from flowkeys.flows.graph.graph import Edge, Node
from flowkeys.flows.graph.limits import PROBLEM_CHARACTERS, Allowance
from flowkeys.flows.graph.literals import Literal, marked
from flowkeys.flows.graph.variables import HISTORY, Template, as_text, compile_template
from flowkeys.flows.models.access import Models
from flowkeys.flows.python import PythonTargets
from flowkeys.flows.settings import FlowSettings
from flowkeys.flows.waiting import Waits
from flowkeys.service.ports.flows import FlowCall, Retriever

if TYPE_CHECKING:
    from flowkeys.flows.code.running import CodeRunner

_UNSEEN: Mapping[str, Any] = {}
_NOTHING = compile_template("")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a step did."""

    input: Mapping[str, Any] = _UNSEEN
    """What ``agentFlowExecutedData`` shows as the node's input: nothing that callers should not see."""
    output: Mapping[str, Any]
    """What it shows as the output; ``content`` is what ``{{ nodeId }}`` stands for."""
    text: Any = msgspec.UNSET
    """What the step says to the person who asks, if it says anything: a text, or a number, a truth value or
    null where the flow says that."""
    branch: int | None = None
    """The only output that the run goes on from; None for all of them."""
    chat: Sequence[Mapping[str, Any]] | None = None
    """What the step adds to the conversation of the run: ``chatHistory`` of its entry."""
    finish_reason: str | None = None
    """How the model ended that made the text, in its server's words."""
    back: str | None = None
    """The id of a node that the run goes back to; one that is not there is gone back to by nobody."""
    after: str = ""
    """What is said, and becomes its content, once the step has been shown."""
    waits: Waits | None = None
    """The step waits for a person: the run stops here, and the step is run again with the answer."""


Updates = Sequence[tuple[str, Template]]
"""Changes to the flow's state that a node makes: (key, new value) pairs."""


class Step:
    """A node ready to run, any number of times and at once too: what changes lives in `Run`."""

    streams = False
    """Whether the step can send its text while it is being made."""
    waits = True
    """Whether running it may have to wait: for a model, a search, another process; else it has `at_once`."""
    most_tokens = 0
    """How many tokens of a model running it may use, the prompt apart."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def admit(self, call: FlowCall) -> None:
        """Raise `InvalidInput` when the call lacks what this step needs; before anything is sent or run."""

    def repeats(self) -> str | None:
        """Return the id of the node whose output this step says again and nothing else, if it does."""
        return None

    def at_once(self, run: Run) -> Outcome:
        """Do the work of a step that waits for nothing, which says its outcome's text and nothing else."""
        raise NotImplementedError

    async def run(self, run: Run) -> Outcome:
        """Do the work. What is given to `Run.say` is all of the outcome's text and nothing else.

        Raises:
            UpstreamFailed: the model or service behind it failed; the message names the node.
        """
        outcome = self.at_once(run)
        if isinstance(outcome.text, str):
            await run.say(outcome.text)
        elif outcome.text is not msgspec.UNSET:
            await run.say_value(outcome.text)
        return outcome

    def update(self, run: Run, updates: Updates, output: Any) -> None:
        """Change the flow's state as the node asks, once its output is known."""
        changes = {key: value.kept(run, output) for key, value in updates}
        if changes and not run.update_state(changes):
            raise self.failed("the state of the flow would become longer than this server allows.")

    def failed(
        self,
        what: str,
        *,
        reason: str | None = None,
        raised: BaseException | None = None,
        retry_after_seconds: int | None = None,
    ) -> UpstreamFailed:
        """Return the error that says what went wrong in this node.

        `what` is for callers; `reason` and the traceback of `raised` are for the operator's log.
        """
        return UpstreamFailed(
            f"{self.node.label}: {what}",
            reason=reason,
            raised=raised,
            retry_after_seconds=retry_after_seconds,
        )


class Resources(Protocol):
    """What the engine has for steps: made once, shared by all chatflows, closed with the engine."""

    settings: FlowSettings
    retriever: Retriever
    models: Models
    python: PythonTargets
    code: "CodeRunner"


class Build:
    """Collects, while a node is made into a step, what is wrong with it."""

    def __init__(
        self,
        node: Node,
        outgoing: Sequence[Edge],
        resources: Resources,
        allowance: Allowance,
        templates: dict[str, Template],
        workspace_id: str = "",
        brought: Brought = NOTHING_BROUGHT,
    ) -> None:
        """`allowance` and `templates`, those made so far by their text, are shared by a flow's nodes.

        `brought` is what the workspace brings to code.
        """
        self.node = node
        self.workspace_id = workspace_id
        self._allowance = allowance
        self._templates = templates
        self.inputs = node.inputs
        self.outgoing = outgoing
        self.resources = resources
        self.problems: list[str] = []
        self.uses_history = False
        self.brought = brought
        self.codes: list[CodePiece] = []
        """The code that running the node would run."""
        self.lasts = True
        """Whether only the chatflow itself decides whether the node can run."""

    def code(self, code: str, tool: str = "", *, is_apart: bool = False) -> None:
        """Note code that running the node would run, the node's own or of a tool, and what it waits for."""
        digest = digest_of(code)
        whose = f"the code of the tool {tool}" if tool else "its code"
        label = f"{self.node.label}: {tool}" if tool else self.node.label
        approved = digest in self.brought.approved
        self.lasts = False
        self.codes.append(CodePiece(self.node.id, label, code, digest, approved, is_apart))
        if not self.resources.settings.code_nodes:
            self.problem(
                "this server runs no code of chatflows; its operator allows it with code_nodes = true in "
                "config.toml, or FLOWKEYS_CODE_NODES=true."
            )
        elif not is_installed():
            self.problem("the server lacks what runs code: pip install 'flowkeys[code]'.")
        if not approved:
            self.problem(
                f"{whose} is not approved ({digest[:12]}): somebody who holds * reads and approves it on the "
                "chatflow's page, or with flowkeys flows approve."
            )

    def problem(self, what: str) -> None:
        """Note a reason, in words, why this node cannot run here."""
        self.problems.append(what[: PROBLEM_CHARACTERS + 1])

    def text(self, name: str, default: str = "") -> str:
        """Return an input that is a text; noted as a problem when it is something else."""
        value = self.inputs.get(name)
        if value is None:
            return default
        if isinstance(value, str):
            return value or default
        if isinstance(value, int | float):
            return str(value)
        self.problem(f"{name} is not a text.")
        return default

    def template(self, text: str) -> Template:
        """Return a text of the node compiled."""
        template = compile_template(text) if isinstance(text, Literal) else self._compiled(text)
        self.uses_history = self.uses_history or HISTORY in template.references
        return template

    def _compiled(self, text: str) -> Template:
        template = self._templates.get(text)
        if template is None:
            refusal = self._allowance.refuse_text(text)
            if refusal is not None:
                self.problem(refusal)
                return _NOTHING
            template = self._templates[text] = compile_template(text)
        return template

    def rows(self, name: str, needs: Sequence[str] = ()) -> list[Mapping[str, Any]]:
        """Return an input that is a list of objects; Flowise writes an empty one as an empty text.

        Entries that lack one of `needs` mean nothing, and editors leave such entries behind; a caller who
        sends one is told.
        """
        value = self.inputs.get(name)
        if isinstance(value, str) and value.strip():
            try:
                read = msgspec.json.decode(str(value))
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                self.problem(f"{name} is not a list.")
                return []
            value = marked(read) if isinstance(value, Literal) else read
        given = name in self.node.given
        if value is None or (isinstance(value, str) and not value.strip()) or (not value and not given):
            return []
        if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
            self.problem(f"{name} is not a list of objects.")
            return []
        refusal = self._allowance.refuse_rows(len(value))
        for number, row in enumerate(value if given else (), 1):
            lacking = [member for member in needs if not row.get(member)]
            if lacking and refusal is None:
                refusal = f"entry {number} of {name} has no {' and no '.join(lacking)}."
        if refusal is not None:
            self.problem(refusal)
            return []
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return an input that is on or off."""
        value = self.inputs.get(name, default)
        sense = isinstance(value, bool) or (isinstance(value, str) and value.lower() in {"true", "false"})
        if name in self.node.given and not sense:
            self.problem(f"{name} has to be true or false.")
        return value is True or (isinstance(value, str) and value.lower() == "true")

    def updates(self, name: str) -> Updates:
        """Return the changes to the flow's state that a node makes."""
        return [
            (str(row["key"]), self.template(as_text(row.get("value")) or ""))
            for row in self.rows(name, ("key",))
            if row.get("key") and isinstance(row["key"], str)
        ]


class Kind(msgspec.Struct, frozen=True):
    """A node kind by its name in flowData."""

    name: str
    build: Callable[[Build], Step] | None
    """Makes a step and notes problems; it imports nothing that the flow names. None: the kind is ignored."""
