"""Custom tools in files: one that Flowise exported, several, or those of an export of a whole server."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from flowkeys.domain.chatflows.nesting import too_deep
from flowkeys.domain.errors import InvalidInput
from flowkeys.service.chatflows.export import LARGEST_EXPORT, MAX_BRACKETS
from flowkeys.service.chatflows.export_text import NotJsonError, file_text, read_json, unfenced
from flowkeys.service.flows.tool_input import ToolPatch

_LISTS: Final = frozenset({"tool", "tools"})
_MOST: Final = 1000


def read_tools(content: bytes, *, field: str, what: str) -> list[ToolPatch]:
    """Return the tools in a file, each with the id that it has there, if it has one.

    Raises:
        InvalidInput: naming `field`: there are none; the message speaks of the file as `what`.
    """
    try:
        found = [_patch(one) for one in _tools(_read(content))]
    except NotJsonError as error:
        raise InvalidInput.of(field, f"{what} {error}.") from None
    if not found:
        message = "an export of a custom tool has name, description, schema and func."
        raise InvalidInput.of(field, f"{what} holds no custom tool: {message}")
    if len(found) > _MOST:
        raise InvalidInput.of(field, f"{what} holds {len(found):,} tools; at most {_MOST:,} are taken.")
    return found


def tools_beside(content: bytes, flow_data: str) -> list[ToolPatch]:
    """Return the tools in an export that a chatflow in it names. Never raises."""
    try:
        found = _tools(_read(content))
    except NotJsonError:
        return []
    named = [one for one in found if isinstance(one.get("id"), str) and one["id"] in flow_data]
    return [_patch(one) for one in named[:_MOST]]


def _read(content: bytes) -> Any:
    if len(content) > LARGEST_EXPORT:
        raise NotJsonError(f"is larger than {LARGEST_EXPORT // 1024**2} MB")
    text = unfenced(file_text(content))
    if text.count("[") + text.count("{") > MAX_BRACKETS:
        raise NotJsonError(f"holds more than {MAX_BRACKETS:,} lists and objects")
    found = read_json(text)
    if too_deep(text, found):
        raise NotJsonError("is nested too deeply")
    return found


def _tools(found: Any) -> Sequence[Mapping[str, Any]]:
    if isinstance(found, dict) and not _is_tool(found):
        lists = [inner for name, inner in found.items() if name.lower() in _LISTS and isinstance(inner, list)]
        found = lists[0] if lists else []
    members = found if isinstance(found, list) else [found]
    return [one for one in members if _is_tool(one)]


def _is_tool(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("name"), str)
        and "func" in value
        and "schema" in value
    )


def _patch(one: Mapping[str, Any]) -> ToolPatch:
    schema = one.get("schema")
    if schema is not None and not isinstance(schema, str):
        schema = msgspec.json.encode(schema).decode()
    return ToolPatch(
        name=one["name"],
        description=_text(one, "description") or "",
        color=_text(one, "color") or msgspec.UNSET,
        icon_src=_text(one, "iconSrc"),
        schema=schema,
        func=_text(one, "func"),
        export_id=_text(one, "id") or _text(one, "exportId"),
    )


def _text(one: Mapping[str, Any], member: str) -> str | None:
    value = one.get(member)
    return value if isinstance(value, str) and value else None
