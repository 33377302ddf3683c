"""Chatflows as Flowise's files hold them: reading such a file, naming one, and what is in a graph."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, Final

import msgspec

from flowkeys.domain.chatflows.chatflow import ChatflowType
from flowkeys.domain.chatflows.nesting import too_deep
from flowkeys.domain.errors import InvalidInput
from flowkeys.service.chatflows.export_text import NotJsonError, file_text, read_json, unfenced
from flowkeys.service.chatflows.input import EXTRAS, NAME_LENGTH, ChatflowPatch

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
_NAMELESS: Final = "one without a name"
_FIRST_AGENTS: Final = re.compile(r"seq[A-Z]\w*|supervisor|worker")
"""The node kinds of Flowise's first agent flows, which it calls MULTIAGENT."""
_LISTS: Final = {
    "agentflow": ChatflowType.MULTIAGENT,
    "agentflowv2": ChatflowType.AGENTFLOW,
    "assistantflow": ChatflowType.ASSISTANT,
}
_SERVER: Final = frozenset({"chatflow", "agentflow", "agentflowv2", "assistantflow"})
_OTHERS: Final = (
    ({"nodes", "connections"}, "a workflow of n8n"),
    ({"func", "schema"}, "a tool of Flowise"),
    ({"data", "last_tested_version"}, "a flow of Langflow"),
    ({"workflow", "kind"}, "an app of Dify"),
    ({"instructions", "details"}, "an assistant of Flowise"),
    ({"loaders", "vectorStoreConfig"}, "a document store of Flowise"),
)
"""Files that people take for a chatflow, by members that each of them has."""


class GraphSummary(msgspec.Struct, frozen=True):
    """What is in a graph, for people who compare two."""

    nodes: int
    edges: int
    kinds: dict[str, int]
    """How many nodes of each kind, by the kind's name, sorted."""


def read_export(content: bytes, *, field: str, what: str, name: str = "") -> ChatflowPatch:
    """Return the chatflow in a file that Flowise exported, or that a script wrote like one.

    That is ``{nodes, edges}``, or a chatflow with its ``flowData`` (a text, or the graph itself), or an
    export of a whole server or a list that holds just one. Without `name` it is called as the file calls it,
    if the file does. The file may be in UTF-16, as PowerShell writes it.

    Raises:
        InvalidInput: naming `field`; the message speaks of the file as `what`.
    """
    if len(content) > LARGEST_EXPORT:
        raise InvalidInput.of(field, f"{what} is larger than {LARGEST_EXPORT // 1024**2} MB.")
    try:
        text = unfenced(file_text(content))
        if _is_crowded(text):
            raise _too_much(field, what)
        found = read_json(text)
    except NotJsonError as error:
        raise InvalidInput.of(field, f"{what} {error}.") from None
    if too_deep(text, found):
        raise InvalidInput.of(field, f"{what} is nested too deeply.")
    inside = list(_inside(found, text))
    if inside:
        return _patch(_only(inside, field, what), name, field, what)
    if (wrapped := _wrapped(found, text)) is not None:
        called = name or (_text(found, "name") if isinstance(found, dict) else "")
        return read_export(wrapped, field=field, what=what, name=called)
    if not isinstance(found, dict):
        raise InvalidInput.of(field, f"{what} holds no chatflow: a JSON object was expected.")
    if isinstance(found.get("flowData"), str | dict):
        return _patch(_Found(found, text.encode()), name, field, what)
    if not isinstance(found.get("nodes"), list) or "connections" in found:
        raise InvalidInput.of(field, f"{what} holds no chatflow: {_instead(found)}")
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


class _Found(msgspec.Struct, frozen=True):
    """A chatflow in a file, and its bytes there."""

    members: dict[str, Any]
    raw: bytes
    list_type: ChatflowType | None = None

    def flow_data(self) -> str:
        """Return its graph as it is written: a text as what it says, an object byte for byte."""
        given = self.members["flowData"]
        if isinstance(given, str):
            inner = None if _is_crowded(given) else _decoded(given)  # some write the text of a text
            return inner if isinstance(inner, str) and isinstance(_decoded(inner), dict) else given
        return bytes(msgspec.json.decode(self.raw, type=dict[str, msgspec.Raw])["flowData"]).decode()


def _inside(found: Any, text: str) -> Iterator[_Found]:
    """Yield the chatflows in a list, or in an export of a whole server, which has a list of each type."""
    lists = {"": found} if isinstance(found, list) else found if isinstance(found, dict) else {}
    if not any(_holds_flows(kind, members) for kind, members in lists.items()):
        return
    raw = (
        {"": msgspec.Raw(text.encode())}
        if isinstance(found, list)
        else msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    )
    for kind, members in lists.items():
        if _holds_flows(kind, members):
            pieces = msgspec.json.decode(raw[kind], type=list[msgspec.Raw])
            for member, piece in zip(members, pieces, strict=True):
                if _is_flow(member):
                    yield _Found(member, bytes(piece), _LISTS.get(kind.lower()))


def _wrapped(found: Any, text: str) -> bytes | None:
    """Return the one chatflow, graph or export that a file holds inside another object or list, or None.

    APIs and scripts answer ``{"data": …}``, ``{"chatflow": …}``, ``{"name": …, "graph": …}``.
    """
    if isinstance(found, list):
        return bytes(msgspec.json.decode(text, type=list[msgspec.Raw])[0]) if _is_one(found) else None
    if not isinstance(found, dict) or found.keys() & {"nodes", "flowData"}:
        return None
    names = [name for name, member in found.items() if _is_one([member])]
    return (
        bytes(msgspec.json.decode(text, type=dict[str, msgspec.Raw])[names[0]]) if len(names) == 1 else None
    )


def _is_one(members: list[Any]) -> bool:
    """Tell whether a list holds one thing, and that is a chatflow, a graph or an export."""
    one = members[0] if len(members) == 1 else None
    if not isinstance(one, dict):
        return False
    is_graph = isinstance(one.get("nodes"), list) and isinstance(one.get("edges"), list)
    return is_graph or _is_flow(one) or any(_holds_flows(name or " ", inner) for name, inner in one.items())


def _holds_flows(kind: str, members: Any) -> bool:
    return isinstance(members, list) and (not kind or "flow" in kind.lower()) and any(map(_is_flow, members))


def _is_flow(member: Any) -> bool:
    return isinstance(member, dict) and isinstance(member.get("flowData"), str | dict)


def _instead(found: dict[str, Any]) -> str:
    """Return what a file holds that is no chatflow, as far as its members tell."""
    for members, what in _OTHERS:
        if members <= found.keys():
            return f"it looks like {what}."
    if _SERVER & {name.lower() for name in found}:
        return "it is an export of a whole server without any."
    if "flowData" in found:
        return "its flowData is neither a text nor an object."
    return "it has neither nodes nor flowData."


def _only(inside: list[_Found], field: str, what: str) -> _Found:
    if len(inside) == 1:
        return inside[0]
    names = [_text(item.members, "name")[:NAME_LENGTH] or _NAMELESS for item in inside[:_NAMES_SHOWN]]
    more = f" and {len(inside) - _NAMES_SHOWN} more" if len(inside) > _NAMES_SHOWN else ""
    raise InvalidInput.of(
        field,
        f"{what} holds {len(inside)} chatflows ({', '.join(names)}{more}). Export the one you want alone.",
    )


def _patch(flow: _Found, name: str, field: str, what: str) -> ChatflowPatch:
    found, flow_data = flow.members, flow.flow_data()
    if _is_crowded(flow_data):
        raise _too_much(field, what)
    graph = _decoded(flow_data)
    _require_fit(graph, field, what)
    given: dict[str, Any] = {
        ours: _config(found[wire]) for ours, wire in _CONFIGURATION.items() if found.get(wire)
    }
    extras = {member: found[member] for member in EXTRAS if found.get(member) is not None}
    kind = _type(found, graph, flow.list_type)
    patch = ChatflowPatch(type=kind, flow_data=flow_data, extras=extras, **given)
    return _named(patch, name or _text(found, "name"))


def _config(value: Any) -> str:
    """Return a configuration as it is stored: Flowise writes a text, scripts the object itself."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _named(patch: ChatflowPatch, name: str) -> ChatflowPatch:
    return msgspec.structs.replace(patch, name=name) if name else patch


def _type(found: dict[str, Any], flow: Any, listed: ChatflowType | None = None) -> ChatflowType:
    """Return the type that a file gives, or that its list or its nodes show."""
    if found.get("type") in ChatflowType.__members__:
        return ChatflowType(found["type"])
    nodes = flow.get("nodes") if isinstance(flow, dict) else None
    given = [node for node in nodes or () if isinstance(node, dict)]
    kinds = {_kind(node) for node in given}
    if any(node.get("type") == "agentFlow" for node in given) or any(k.endswith("Agentflow") for k in kinds):
        return ChatflowType.AGENTFLOW
    if any(_FIRST_AGENTS.fullmatch(kind) for kind in kinds):
        return ChatflowType.MULTIAGENT
    return listed or ChatflowType.CHATFLOW


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
