"""Chatflows as Flowise's files hold them: reading such a file, naming one, and what is in a graph."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, Final

import msgspec

from flowkeys.domain.chatflow import ChatflowType
from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.nesting import too_deep
from flowkeys.service.chatflow_input import EXTRAS, NAME_LENGTH, ChatflowPatch

LARGEST_EXPORT: Final = 10 * 1024 * 1024
"""In bytes."""
MAX_BRACKETS: Final = 300_000
"""Lists and objects in a file, which Flowise's own of the largest size do not come to."""
MAX_NODES: Final = 5_000
MAX_EDGES: Final = 20_000

_CONFIGURATION: Final = {
    "chatbot_config": "chatbotConfig",
    "api_config": "apiConfig",
    "category": "category",
}
_ENDING: Final = re.compile(r" (?:Chatflow|Agentflow|Agents|MultiAgents)(?: ?\(\d+\))?\Z", re.IGNORECASE)
_NAMES_SHOWN: Final = 5


class GraphSummary(msgspec.Struct, frozen=True):
    """What is in a graph, for people who compare two."""

    nodes: int
    edges: int
    kinds: dict[str, int]
    """How many nodes of each kind, by the kind's name, sorted."""


def read_export(content: bytes, *, field: str, what: str, name: str = "") -> ChatflowPatch:
    """Return the chatflow in a file that Flowise exported.

    That is ``{nodes, edges}``, or a chatflow with its ``flowData``, or an export of a whole server that holds
    just one. Without `name` it is called as the file calls it, if the file does.

    Raises:
        InvalidInput: naming `field`; the message speaks of the file as `what`.
    """
    if len(content) > LARGEST_EXPORT:
        raise InvalidInput.of(field, f"{what} is larger than {LARGEST_EXPORT // 1024**2} MB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput.of(field, f"{what} cannot be read: {error}") from None
    found = _object(text, field, what)
    inside = list(_inside(found))
    if inside:
        return _patch(_only(inside, field, what), name, field, what)
    if isinstance(found.get("flowData"), str):
        return _patch(found, name, field, what)
    if not isinstance(found.get("nodes"), list):
        raise InvalidInput.of(field, f"{what} holds no chatflow: it has neither nodes nor flowData.")
    _require_fit(found, field, what)
    return _named(ChatflowPatch(type=_type(found, found), flow_data=text), name or _text(found, "name"))


def name_from_file(file_name: str) -> str:
    """Return what a chatflow is called by the name of its file: ``Support Chatflow.json`` is ``Support``."""
    stem = PurePath(file_name.replace("\\", "/")).name
    stem = stem[:-5] if stem.lower().endswith(".json") else stem
    return _ENDING.sub("", stem).strip()[:NAME_LENGTH]


def summarize(flow_data: str) -> GraphSummary:
    """Return what is in a graph; one that cannot be read, or holds more than an export may, is empty."""
    flow = None if _is_crowded(flow_data) else _decoded(flow_data)
    nodes = flow.get("nodes") if isinstance(flow, dict) else None
    edges = flow.get("edges") if isinstance(flow, dict) else None
    kinds = Counter(_kind(node) for node in nodes) if isinstance(nodes, list) else Counter[str]()
    return GraphSummary(
        nodes=kinds.total(),
        edges=len(edges) if isinstance(edges, list) else 0,
        kinds=dict(sorted(kinds.items())),
    )


def _object(text: str, field: str, what: str) -> dict[str, Any]:
    if _is_crowded(text):
        raise _too_much(field, what)
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidInput.of(field, f"{what} is not JSON: {error}") from None
    if too_deep(text, found):
        raise InvalidInput.of(field, f"{what} is nested too deeply.")
    if not isinstance(found, dict):
        raise InvalidInput.of(field, f"{what} holds no chatflow: a JSON object was expected.")
    return found


def _is_crowded(text: str) -> bool:
    """Tell whether a text would take long to decode, without decoding it."""
    return text.count("[") + text.count("{") > MAX_BRACKETS


def _too_much(field: str, what: str) -> InvalidInput:
    return InvalidInput.of(field, f"{what} holds more than {MAX_BRACKETS:,} lists and objects.")


def _require_fit(flow: Any, field: str, what: str) -> None:
    """Raise `InvalidInput` when a graph has more nodes or edges than anybody could look at."""
    for name, most in (("nodes", MAX_NODES), ("edges", MAX_EDGES)):
        members = flow.get(name) if isinstance(flow, dict) else None
        if isinstance(members, list) and len(members) > most:
            raise InvalidInput.of(field, f"{what} has {len(members):,} {name}; at most {most:,} are taken.")


def _inside(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the chatflows in an export of a whole server, which has a list of each type."""
    for kind, members in found.items():
        if "flow" in kind.lower() and isinstance(members, list):
            yield from (m for m in members if isinstance(m, dict) and isinstance(m.get("flowData"), str))


def _only(inside: list[dict[str, Any]], field: str, what: str) -> dict[str, Any]:
    if len(inside) == 1:
        return inside[0]
    names = [_text(item, "name")[:NAME_LENGTH] or "one without a name" for item in inside[:_NAMES_SHOWN]]
    more = f" and {len(inside) - _NAMES_SHOWN} more" if len(inside) > _NAMES_SHOWN else ""
    raise InvalidInput.of(
        field,
        f"{what} holds {len(inside)} chatflows ({', '.join(names)}{more}). Export the one you want alone.",
    )


def _patch(found: dict[str, Any], name: str, field: str, what: str) -> ChatflowPatch:
    if _is_crowded(found["flowData"]):
        raise _too_much(field, what)
    flow = _decoded(found["flowData"])
    _require_fit(flow, field, what)
    given = {ours: found[wire] for ours, wire in _CONFIGURATION.items() if isinstance(found.get(wire), str)}
    extras = {member: found[member] for member in EXTRAS if found.get(member) is not None}
    patch = ChatflowPatch(type=_type(found, flow), flow_data=found["flowData"], extras=extras, **given)
    return _named(patch, name or _text(found, "name"))


def _named(patch: ChatflowPatch, name: str) -> ChatflowPatch:
    return msgspec.structs.replace(patch, name=name) if name else patch


def _type(found: dict[str, Any], flow: Any) -> ChatflowType:
    if found.get("type") in ChatflowType.__members__:
        return ChatflowType(found["type"])
    nodes = flow.get("nodes") if isinstance(flow, dict) else None
    kinds = {node.get("type") for node in nodes or () if isinstance(node, dict)}
    return ChatflowType.AGENTFLOW if "agentFlow" in kinds else ChatflowType.CHATFLOW


def _kind(node: Any) -> str:
    data = node.get("data") if isinstance(node, dict) else None
    name = data.get("name") if isinstance(data, dict) else None
    return name[:NAME_LENGTH] if isinstance(name, str) else "unknown"


def _text(found: dict[str, Any], member: str) -> str:
    value = found.get(member)
    return value if isinstance(value, str) else ""


def _decoded(text: str) -> Any:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return None if too_deep(text, value) else value
