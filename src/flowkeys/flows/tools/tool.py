"""What a tool is: a name, what it takes, and a call."""

from collections.abc import Mapping
from typing import Any, Protocol

from flowkeys.flows.context import Run


class ToolFailed(Exception):
    """A tool did not do what it was asked; the message is for the model, and for who asked the chatflow."""


class Tool(Protocol):
    """Something that a model may call by name. Ready to be called any number of times, at once too."""

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
