"""Where a row of what is meant to differ can show: nowhere else is it allowed."""

import json
from collections import Counter
from typing import Any

from tests.flowise.recordings import Exchange, Recording


def applies(letter: str, recording: Recording, recorded: Exchange, ours: Exchange) -> bool:
    """Tell whether a row is about a call."""
    if letter == "a":
        return has_failed(recorded) and has_failed(ours) and not is_unfinished(ours)
    if letter == "g":
        return has_failed(recorded) and not has_failed(ours) and _tells_of_a_tool(ours)
    if letter == "l":
        return ours.status == 422 and _is_bad(recorded.body)
    test = _SITUATIONS.get(letter)
    return test is None or test(recording, recorded)


def has_failed(exchange: Exchange) -> bool:
    """Tell whether a call failed, before its stream or within."""
    return exchange.status >= 400 or (
        isinstance(exchange.answer, list)
        and any(isinstance(event, dict) and event.get("event") == "error" for event in exchange.answer)
    )


def is_unfinished(ours: Exchange) -> bool:
    """Tell whether a flow was refused for what this server lacks: that is no answer to compare."""
    said = ours.answer if isinstance(ours.answer, dict) else {}
    words = str(said.get("detail"))
    return said.get("code") == "flow_not_runnable" and (
        "not supported" in words or any(kind in words for kind in KINDS)
    )


def _tells_of_a_tool(ours: Exchange) -> bool:
    """Tell whether an agent ran on although a tool failed."""
    answer = ours.answer
    said = [e["data"] for e in answer if e["event"] == "usedTools"] if isinstance(answer, list) else answer
    return '"error"' in json.dumps(said) and '"usedTools"' in json.dumps(answer)


def _is_bad(body: Any) -> bool:
    """Tell whether a body has a member of a type that nothing can be made of."""
    return not isinstance(body, dict) or any(
        body.get(name) is not None and not isinstance(body[name], kind) for name, kind in _TYPES.items()
    )


KINDS = frozenset(
    f"{name}Agentflow"
    for name in (
        *("start", "llm", "agent", "tool", "retriever", "http", "condition", "conditionAgent", "iteration"),
        *("loop", "directReply", "humanInput", "customFunction", "executeFlow", "stickyNote"),
    )
)
"""All that Flowise has."""
_TYPES = {"form": dict, "overrideConfig": dict, "humanInput": dict, "history": list, "uploads": list}


def _member(exchange: Exchange, name: str) -> Any:
    return exchange.body.get(name) if isinstance(exchange.body, dict) else None


def _graph(recording: Recording) -> dict[str, Any]:
    try:
        read = json.loads(recording.flow.get("flowData") or "")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _kinds(recording: Recording) -> set[str]:
    return {node["data"]["name"] for node in _graph(recording).get("nodes", [])}


def _splits(recording: Recording, _: Exchange) -> bool:
    """Tell whether an output of a condition has several edges, or two of them lead to one node."""
    graph = _graph(recording)
    choosing = {n["id"] for n in graph.get("nodes", []) if n["data"]["name"] in _CHOOSING} if graph else set()
    edges = [edge for edge in graph.get("edges", []) if edge["source"] in choosing]
    outputs = Counter((edge["source"], edge.get("sourceHandle")) for edge in edges)
    ends = Counter((edge["source"], edge["target"]) for edge in edges)
    return any(count > 1 for count in (*outputs.values(), *ends.values()))


def _calls_another(recording: Recording) -> bool:
    return "executeFlowAgentflow" in _kinds(recording)


def _is_refused(recorded: Exchange) -> bool:
    """Tell whether a flow was called that did not answer: its error became the content of a node."""
    answer = recorded.answer
    told = answer.get("agentFlowExecutedData", ()) if isinstance(answer, dict) else ()
    if isinstance(answer, list):
        told = [entry for e in answer if e["event"] == "agentFlowExecutedData" for entry in e["data"]]
    said = [str(entry["data"].get("output", {}).get("content")) for entry in told]
    return any(text.startswith(("{", '"')) and any(word in text for word in _REFUSALS) for text in said)


_REFUSALS = ('"success": false', '"error"', "Unauthorized")


def _is_kept_from_calling(recording: Recording) -> bool:
    """Tell whether Flowise checked the address of a flow that another calls: its own server."""
    return _calls_another(recording) and recording.whole.get("http_security_check") is True


def _is_asked_again(recorded: Exchange) -> bool:
    """Tell whether a call failed although the model was asked the same over and over."""
    bodies = [request.get("body") for request in recorded.asked]
    return has_failed(recorded) and len(bodies) > 1 and all(body == bodies[-1] for body in bodies[-2:])


_CHOOSING = {"conditionAgentflow", "conditionAgentAgentflow", "humanInputAgentflow"}
_SITUATIONS = {
    "c": _splits,
    "d": lambda _, exchange: any(sign in json.dumps(exchange.body) for sign in ("{{", "$&", "$1", "$$")),
    "e": lambda _, exchange: _is_asked_again(exchange),
    "f": lambda recording, exchange: _calls_another(recording) and _is_refused(exchange),
    "n": lambda recording, exchange: _is_kept_from_calling(recording) and has_failed(exchange),
    "i": lambda _, exchange: bool(_member(exchange, "history") or _member(exchange, "sessionId")),
}
