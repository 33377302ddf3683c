"""A variable of a workspace: what ``{{ $vars.name }}`` stands for in its chatflows."""

import re
from enum import StrEnum
from typing import Final

import msgspec

NAME_LENGTH: Final = 255
VALUE_LENGTH: Final = 10_000
MOST_VARIABLES: Final = 1000
"""In one workspace: every process has all of them at hand."""
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""What a name is: JavaScript reads it as ``$vars.name``, and environments have such names."""


class VariableType(StrEnum):
    """Where its value is: with the variable, or in the server's environment under its name."""

    STATIC = "static"
    RUNTIME = "runtime"


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """One variable. Every chatflow of the workspace reads it: no place for secrets."""

    id: str
    workspace_id: str
    name: str
    type: VariableType
    value: str
    """Empty for one whose value is in the environment."""
    created_at: int
    updated_at: int
    version: int
