"""How Flowise's editor shows the inputs of the nodes in our templates (`inputParams`)."""

from collections.abc import Iterable
from typing import Any, Final


def _options(label: str, *choices: tuple[str, str]) -> dict[str, Any]:
    options = [{"label": shown, "name": name} for shown, name in choices]
    return {"label": label, "type": "options", "options": options, "default": choices[0][1]}


def _text(label: str, **more: Any) -> dict[str, Any]:
    return {"label": label, "type": "string", **more}


def _table(label: str, *columns: dict[str, Any]) -> dict[str, Any]:
    return {"label": label, "type": "array", "optional": True, "acceptVariable": True, "array": list(columns)}


def _switch(label: str) -> dict[str, Any]:
    return {"label": label, "type": "boolean", "optional": True}


_STATE: Final = _table(
    "Update Flow State",
    {"label": "Key", "name": "key", "type": "string"},
    {"label": "Value", "name": "value", "type": "string", "acceptVariable": True},
)
_FORM: Final = {"startInputType": "formInput"}
_MEMORY: Final = {"llmEnableMemory": True}

_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "startInputType": _options("Input Type", ("Chat Input", "chatInput"), ("Form Input", "formInput")),
    "formTitle": _text("Form Title", show=_FORM),
    "formDescription": _text("Form Description", show=_FORM),
    "formInputTypes": {
        **_table(
            "Form Input Types",
            {
                "name": "type",
                **_options(
                    "Type",
                    ("String", "string"),
                    ("Number", "number"),
                    ("Boolean", "boolean"),
                    ("Options", "options"),
                ),
            },
            {"label": "Label", "name": "label", "type": "string"},
            {"label": "Variable Name", "name": "name", "type": "string"},
            {
                "label": "Add Options",
                "name": "addOptions",
                "type": "array",
                "show": {"formInputTypes[$index].type": "options"},
                "array": [{"label": "Option", "name": "option", "type": "string"}],
            },
        ),
        "show": _FORM,
    },
    "startEphemeralMemory": _switch("Ephemeral Memory"),
    "startState": _table(
        "Flow State",
        {"label": "Key", "name": "key", "type": "string"},
        {"label": "Value", "name": "value", "type": "string", "optional": True},
    ),
    "startPersistState": _switch("Persist State"),
    "directReplyMessage": _text("Message", rows=4, acceptVariable=True),
    "retrieverKnowledgeDocumentStores": _table(
        "Knowledge (Document Stores)",
        {
            "label": "Document Store",
            "name": "documentStore",
            "type": "asyncOptions",
            "loadMethod": "listStores",
        },
    ),
    "retrieverQuery": _text("Retriever Query", rows=4, acceptVariable=True),
    "outputFormat": _options(
        "Output Format",
        ("Text", "text"),
        ("Text with Metadata", "textWithMetadata"),
        ("Quoted Passages", "passages"),
    ),
    "retrieverUpdateState": _STATE,
    "llmModel": {"label": "Model", "type": "asyncOptions", "loadMethod": "listModels", "loadConfig": True},
    "llmMessages": _table(
        "Messages",
        {
            "name": "role",
            **_options(
                "Role",
                ("System", "system"),
                ("Assistant", "assistant"),
                ("Developer", "developer"),
                ("User", "user"),
            ),
        },
        {"label": "Content", "name": "content", "type": "string", "acceptVariable": True, "rows": 4},
    ),
    "llmEnableMemory": {**_switch("Enable Memory"), "default": True},
    "llmMemoryType": {
        **_options("Memory Type", ("All Messages", "allMessages"), ("Window Size", "windowSize")),
        "show": _MEMORY,
    },
    "llmUserMessage": _text("Input Message", rows=4, optional=True, acceptVariable=True, show=_MEMORY),
    "llmReturnResponseAs": _options(
        "Return Response As", ("User Message", "userMessage"), ("Assistant Message", "assistantMessage")
    ),
    "llmStructuredOutput": _table(
        "JSON Structured Output", {"label": "Key", "name": "key", "type": "string"}
    ),
    "llmUpdateState": _STATE,
    "pythonTarget": _text("Target (module:attribute)"),
    "pythonQuestion": _text("Question", rows=4, acceptVariable=True),
}


def parameters(node_id: str, names: Iterable[str]) -> list[dict[str, Any]]:
    """Return the `inputParams` of a node with inputs of these names."""
    return [
        {
            "name": name,
            **shown,
            "id": f"{node_id}-input-{name}-{shown['type']}",
            "display": shown.get("show") != _FORM,
        }
        for name in names
        if (shown := _PARAMETERS.get(name)) is not None
    ]
