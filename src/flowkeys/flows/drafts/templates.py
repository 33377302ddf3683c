"""flowData for the flows that people make in one line: the same JSON that Flowise exports."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec

from flowkeys.flows.drafts.editor import parameters
from flowkeys.flows.graph.graph import START
from flowkeys.service.ports.drafts import ModelSettings

__all__ = ["ModelSettings", "documents_flow", "openai_flow", "python_flow", "reply_flow"]

_GAP: Final = 250

DOCUMENTS_PROMPT: Final = (
    "Answer the question from the passages of the documents below, and from nothing else. Name the passages"
    " that you used by their numbers, like [1]. When the passages do not answer the question, say so plainly"
    " and do not guess.\n\nPassages:\n\n{{ retrieverAgentflow_0 }}"
)


class _Kind(msgspec.Struct, frozen=True):
    """How Flowise's editor draws a kind of node."""

    name: str
    label: str
    type: str
    color: str
    description: str
    version: float = 1.0
    width: int = 180
    has_output: bool = True


_START: Final = _Kind(START, "Start", "Start", "#7EE787", "Starting point of the agentflow", 1.1, 103)
_REPLY: Final = _Kind(
    "directReplyAgentflow", "Direct Reply", "DirectReply", "#4DDBBB",
    "Directly reply to the user with a message", has_output=False,
)  # fmt: skip
_RETRIEVER: Final = _Kind(
    "retrieverAgentflow", "Retriever", "Retriever", "#b8bedd", "Retrieve information from documents"
)
_LLM: Final = _Kind("llmAgentflow", "LLM", "LLM", "#64B5F6", "Ask a large language model")
_PYTHON: Final = _Kind("pythonAgentflow", "Python", "Python", "#FFD43B", "Run a Python object of this server")


def reply_flow(text: str) -> str:
    """Return Start → Direct Reply: a flow that answers with `text`, in which ``{{ question }}`` is known."""
    return _flow([(_START, _start()), (_REPLY, _message(text))])


def documents_flow(collection_id: str, *, model: ModelSettings | None = None) -> str:
    """Return a flow that answers from a collection of documents.

    Without a model it quotes the passages that fit best: Start → Retriever → Direct Reply. With one, the
    model answers from them: Start → Retriever → LLM.
    """
    retriever = {
        "retrieverKnowledgeDocumentStores": [{"documentStore": collection_id}],
        "retrieverQuery": "{{ question }}",
        "outputFormat": "passages",
        "retrieverUpdateState": "",
    }
    if model is None:
        last = (_REPLY, _message("{{ retrieverAgentflow_0 }}"))
    else:
        last = (_LLM, _model(model, DOCUMENTS_PROMPT))
    return _flow([(_START, _start()), (_RETRIEVER, retriever), last])


def openai_flow(
    base_url: str, model: str, credential: str | None = None, system_prompt: str | None = None
) -> str:
    """Return Start → LLM: a chat with a model behind an OpenAI-compatible endpoint, with memory."""
    return _flow(
        [(_START, _start()), (_LLM, _model(ModelSettings(base_url, model, credential), system_prompt))]
    )


def python_flow(target: str) -> str:
    """Return Start → Python: the object that ``module:attribute`` names answers."""
    return _flow(
        [(_START, _start()), (_PYTHON, {"pythonTarget": target, "pythonQuestion": "{{ question }}"})]
    )


def _start() -> dict[str, Any]:
    return {
        "startInputType": "chatInput",
        "formTitle": "",
        "formDescription": "",
        "formInputTypes": "",
        "startEphemeralMemory": "",
        "startState": "",
        "startPersistState": "",
    }


def _message(text: str) -> dict[str, Any]:
    return {"directReplyMessage": text}


def _model(model: ModelSettings, prompt: str | None) -> dict[str, Any]:
    return {
        "llmModel": "chatOpenAICustom",
        "llmMessages": [{"role": "system", "content": prompt}] if prompt else "",
        "llmEnableMemory": True,
        "llmMemoryType": "allMessages",
        "llmUserMessage": "",
        "llmReturnResponseAs": "assistantMessage",
        "llmStructuredOutput": "",
        "llmUpdateState": "",
        "llmModelConfig": {
            "credential": model.credential or "",
            "modelName": model.name,
            "temperature": "",
            "streaming": True,
            "basepath": model.base_url,
            "llmModel": "chatOpenAICustom",
        },
    }


def _flow(chain: Sequence[tuple[_Kind, Mapping[str, Any]]]) -> str:
    """Return flowData of nodes that follow each other."""
    nodes = [_node(kind, inputs, place) for place, (kind, inputs) in enumerate(chain)]
    kinds = [kind for kind, _ in chain]
    edges = [_edge(one, two) for one, two in pairwise(kinds)]
    flow = {"nodes": nodes, "edges": edges, "viewport": {"x": 0, "y": 0, "zoom": 1}}
    return msgspec.json.encode(flow).decode()


def _node(kind: _Kind, inputs: Mapping[str, Any], place: int) -> dict[str, Any]:
    node_id = f"{kind.name}_0"
    position = {"x": place * _GAP, "y": 100}
    anchor = {"id": f"{node_id}-output-{kind.name}", "label": kind.label, "name": kind.name}
    return {
        "id": node_id,
        "type": "agentFlow",
        "position": position,
        "positionAbsolute": position,
        "width": kind.width,
        "height": 66,
        "selected": False,
        "dragging": False,
        "data": {
            "id": node_id,
            "label": kind.label if kind is _START else f"{kind.label} 0",
            "version": kind.version,
            "name": kind.name,
            "type": kind.type,
            "color": kind.color,
            "hideInput": kind is _START,
            "hideOutput": not kind.has_output,
            "baseClasses": [kind.type],
            "category": "Agent Flows",
            "description": kind.description,
            "inputParams": parameters(node_id, inputs),
            "inputAnchors": [],
            "inputs": inputs,
            "outputAnchors": [anchor] if kind.has_output else [],
            "outputs": {},
            "selected": False,
        },
    }


def _edge(one: _Kind, two: _Kind) -> dict[str, Any]:
    source, target = f"{one.name}_0", f"{two.name}_0"
    handle = f"{source}-output-{one.name}"
    return {
        "source": source,
        "sourceHandle": handle,
        "target": target,
        "targetHandle": target,
        "data": {"sourceColor": one.color, "targetColor": two.color, "isHumanInput": False},
        "type": "agentFlow",
        "id": f"{source}-{handle}-{target}-{target}",
    }
