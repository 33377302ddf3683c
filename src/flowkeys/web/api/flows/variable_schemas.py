"""Variables on the wire."""

from typing import Any

from pydantic import Field

from flowkeys.domain.chatflows.variable import Variable
from flowkeys.domain.times import to_iso
from flowkeys.web.render import Json
from flowkeys.web.schemas.wire import In, Out

_READ_ONLY = "Accepted only when it equals the current value, so that a whole variable can be put back."
_NAME = "Letters, digits and underscores; no two of a workspace have the same."
_TYPE = "`static`: it has its value; `runtime`: the value is the environment's, where the operator allows it."


class VariableFields(In):
    """The members that may be written."""

    name: str = Field(default="", description=_NAME, examples=["city"])
    type: str = Field(default="static", description=_TYPE)
    value: str | None = Field(default="", description="Every chatflow reads it: no place for secrets.")


class VariableCreate(VariableFields):
    """A variable to be made."""

    name: str = Field(description=_NAME, examples=["city"])


class VariableUpdate(VariableFields):
    """What is to change of a variable, or the whole variable with some of it changed."""

    id: Any = Field(default=None, description=_READ_ONLY)
    created_date: Any = Field(default=None, description=_READ_ONLY)
    updated_date: Any = Field(default=None, description=_READ_ONLY)
    workspace_id: Any = Field(default=None, description=_READ_ONLY)


class VariableOut(Out):
    """A variable."""

    id: str
    name: str
    value: str
    type: str
    created_date: str
    updated_date: str
    workspace_id: str


def variable(item: Variable) -> Json:
    """Return a variable."""
    return {
        "id": item.id,
        "name": item.name,
        "value": item.value,
        "type": item.type.value,
        "createdDate": to_iso(item.created_at),
        "updatedDate": to_iso(item.updated_at),
        "workspaceId": item.workspace_id,
    }
