"""What callers see of a run: the nodes that ran with all that they were given, an outline, or nothing."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

FIELD: Final = "executedData"
"""The chatflow's field that says what callers see; null leaves it to who calls."""
_NODES: Final = "agentFlowExecutedData"
_TOOLS: Final = frozenset({"usedTools", "calledTools"})
_ACTION: Final = "action"
TELLING: Final = frozenset({_NODES, _ACTION, *_TOOLS})
"""The events of a run that carry what not everybody may see."""


class ExecutedData(StrEnum):
    """How much a caller sees: in an outline, which nodes ran and the names of tools, and nothing else."""

    FULL = "full"
    OUTLINE = "outline"
    NONE = "none"


def seen_by(field: object, *, is_person: bool, permissions: frozenset[str] | None) -> ExecutedData:
    """Return how much a caller sees of a chatflow whose field is `field`.

    `permissions` are those of the key; None without one. A field that nobody could have written here shows
    nothing.
    """
    if field is None:
        if is_person:
            return ExecutedData.FULL
        if permissions is None:
            return ExecutedData.NONE
        return ExecutedData.FULL if "executions:view" in permissions else ExecutedData.OUTLINE
    return ExecutedData(field) if isinstance(field, str) and field in _KNOWN else ExecutedData.NONE


_KNOWN: Final = frozenset(ExecutedData)


def entries(executed: Iterable[Mapping[str, Any]], seen: ExecutedData) -> list[dict[str, Any]]:
    """Return the nodes that ran as a caller sees them, who sees less than all."""
    return [] if seen is ExecutedData.NONE else [_outlined(entry) for entry in executed]


def tools(used: Iterable[Mapping[str, Any]], seen: ExecutedData) -> list[dict[str, Any]]:
    """Return the tools that were used as a caller sees them, who sees less than all."""
    return [] if seen is ExecutedData.NONE else [{"tool": item.get("tool")} for item in used]


def action(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a waiting run asks as a caller sees it who sees less than all: its input is left out."""
    data = asked.get("data")
    if not isinstance(data, Mapping):
        return dict(asked)
    return {**asked, "data": {name: value for name, value in data.items() if name != "input"}}


def event_data(name: str, data: Any, seen: ExecutedData) -> Any:
    """Return the data of a telling event as a caller sees it; None when the event is not for them."""
    if name == _ACTION:
        return action(data)
    if seen is ExecutedData.NONE:
        return None
    return entries(data, seen) if name == _NODES else tools(data, seen)


def _outlined(entry: Mapping[str, Any]) -> dict[str, Any]:
    data = entry["data"]
    outlined = {
        "nodeId": entry["nodeId"],
        "nodeLabel": entry["nodeLabel"],
        "kind": data["name"],
        "status": entry["status"],
        "previousNodeIds": entry["previousNodeIds"],
    }
    output = data.get("output")
    if output is not None and "timeMetadata" in output:
        outlined["timeMetadata"] = output["timeMetadata"]
    return outlined
