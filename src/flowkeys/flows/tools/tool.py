"""What a tool is: a name, what it takes, and a call."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Final, Protocol, runtime_checkable

import msgspec

from flowkeys.flows.context import Run

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
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
    """What it takes: a JSON schema of type ``object``, as models are given it, whole."""
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

    def open(self, run: Run) -> AbstractAsyncContextManager[Sequence[Tool]]:
        """Return them, as they are for this step of the run, which may call them until it leaves.

        Raises:
            ToolFailed: whoever has them does not say which there are.
            RunLimitExceeded: the run may call out no more.
        """
        ...


class Chosen(msgspec.Struct, frozen=True):
    """What a node chooses."""

    tool: Tool | Toolbox
    asks: bool = False
    """Whether a person has to allow each call."""


class Offered(msgspec.Struct, frozen=True):
    """What a model may call of that, in its order."""

    tools: Sequence[Tool]
    asks: frozenset[str] = frozenset()
    """The names of those that a person has to allow."""


async def offered(chosen: Iterable[Chosen], run: Run, stack: AsyncExitStack) -> Offered:
    """Return what may be called of what a node chose, until `stack` is closed.

    Raises:
        ToolFailed: as `Toolbox.open` says, with the reasons of all that cannot be had.
        RunLimitExceeded: the run may call out no more.
    """
    found: list[Tool] = []
    asks: list[str] = []
    reasons: list[str] = []
    for one in chosen:
        tools: Sequence[Tool] = ()
        if isinstance(one.tool, Toolbox):
            try:
                tools = await stack.enter_async_context(one.tool.open(run))
            except ToolFailed as error:
                reasons.append(str(error))
        else:
            tools = (one.tool,)
        found += tools
        asks += [tool.name for tool in tools if one.asks]
    if reasons:
        raise ToolFailed("; ".join(dict.fromkeys(reasons)))
    return Offered(found, frozenset(asks))


def takes(properties: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    """Return the schema of a tool that takes these and nothing else, as Flowise writes it."""
    return {
        "type": "object",
        "properties": dict(properties),
        **({"required": list(required)} if required else {}),
        "additionalProperties": False,
        "$schema": DRAFT,
    }
