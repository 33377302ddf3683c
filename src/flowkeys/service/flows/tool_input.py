"""What may be written of a custom tool, and whether it is right."""

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from flowkeys.domain.chatflows.code import CustomTool, parameters_of
from flowkeys.domain.errors import FieldError, InvalidInput

NAME_LENGTH: Final = 200
DESCRIPTION_LENGTH: Final = 10_000
SCHEMA_LENGTH: Final = 100_000
CODE_LENGTH: Final = 200_000
_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")


class ToolPatch(msgspec.Struct, frozen=True, kw_only=True):
    """The members that a change names."""

    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    color: str | UnsetType = UNSET
    icon_src: str | UnsetType | None = UNSET
    schema: str | UnsetType | None = UNSET
    func: str | UnsetType | None = UNSET
    export_id: str | UnsetType | None = UNSET
    """An empty one is none."""

    def given(self) -> dict[str, Any]:
        """Return the members that it names."""
        values = msgspec.structs.asdict(self)
        found = {name: value for name, value in values.items() if not isinstance(value, UnsetType)}
        return {**found, "export_id": found["export_id"] or None} if "export_id" in found else found


def require_right(tool: CustomTool) -> None:
    """Raise `InvalidInput` naming every field that is wrong."""
    errors = []
    if not tool.name.strip() or len(tool.name) > NAME_LENGTH:
        errors.append(FieldError("name", f"Give the tool a name of 1 to {NAME_LENGTH} characters."))
    for field, value, most in (
        ("description", tool.description, DESCRIPTION_LENGTH),
        ("color", tool.color, NAME_LENGTH),
        ("iconSrc", tool.icon_src or "", DESCRIPTION_LENGTH),
        ("schema", tool.schema or "", SCHEMA_LENGTH),
        ("func", tool.func or "", CODE_LENGTH),
    ):
        if len(value) > most:
            errors.append(FieldError(field, f"At most {most} characters."))
        elif "\0" in value:
            errors.append(FieldError(field, "There is a zero character in it."))
    try:
        parameters_of(tool.schema)
    except ValueError as error:
        message = f"Give a JSON list of {{property, description, type, required}}, as text: {error}"
        errors.append(FieldError("schema", message))
    if tool.export_id is not None and _ID.fullmatch(tool.export_id) is None:
        errors.append(FieldError("exportId", "Give an id of letters, digits, - and _, at most 64 of them."))
    if errors:
        raise InvalidInput(*errors)


def require_free(there: Iterable[CustomTool], tool: CustomTool) -> None:
    """Raise `InvalidInput` when another tool of the workspace goes by the id of exports that this one has."""
    if tool.export_id is None:
        return
    for other in there:
        if other.id != tool.id and tool.export_id in (other.id, other.export_id):
            raise InvalidInput.of("exportId", f"The tool {other.name!r} goes by this id already.")
