"""What a tool is: a name, what it takes, and a call."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable

from flowkeys.flows.context import Run

MISMATCH: Final = "Received tool input did not match expected schema"
"""What is said of arguments that are not what a tool takes, as Flowise says it."""


class ToolFailed(Exception):
    """A tool did not do what it was asked; the message is for the model, and for who asked the chatflow."""


class Tool(Protocol):
    """Something that a model may call by name. Ready to be called any number of times, at once too."""

    kind: str
    """What Flowise calls it: ``agentSelectedTool``, and the ``name`` of its ``toolNode``."""
    label: str
    """The ``label`` of its ``toolNode``."""
    name: str
    """What models call it: at most 64 of ``[a-zA-Z0-9_-]``."""
    description: str
    schema: Mapping[str, Any]
    """What it takes: a JSON schema of type ``object``, as models are given it."""
    return_direct: bool
    """Whether what it says is the answer, and no model is asked again."""

    async def call(self, run: Run, arguments: Mapping[str, Any]) -> str:
        """Do what it does.

        Raises:
            ToolFailed: the arguments are not what it takes, or what it does went wrong.
            RunLimitExceeded: the run may call out no more.
        """
        ...


@runtime_checkable
class Toolbox(Protocol):
    """A tool that stands for several, which are known only once somebody else was asked: an MCP server's."""

    async def tools(self, run: Run) -> Sequence[Tool]:
        """Return them, as they are for this run.

        Raises:
            ToolFailed: whoever has them does not say which there are.
            RunLimitExceeded: the run may call out no more.
        """
        ...


async def offered(chosen: Iterable[Tool | Toolbox], run: Run) -> list[Tool]:
    """Return what a model may call of what a node chose, in its order.

    Raises:
        ToolFailed, RunLimitExceeded: as `Toolbox.tools` says.
    """
    found: list[Tool] = []
    for one in chosen:
        if isinstance(one, Toolbox):
            found += await one.tools(run)
        else:
            found.append(one)
    return found
