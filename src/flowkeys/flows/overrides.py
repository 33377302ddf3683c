"""`overrideConfig`: what a caller may change, which is what the owner enabled in `apiConfig` and no more.

Whatever the owner enabled, a call never sets a credential, an address or a Python object. What it sets is
used as it is: nothing in it is resolved, so that a caller cannot read variables through it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from flowkeys.domain.errors import InvalidInput
from flowkeys.flows.graph.graph import Node
from flowkeys.flows.graph.literals import marked
from flowkeys.flows.graph.variables import as_text
from flowkeys.flows.settings import names_secret

_FIXED: Final = frozenset(
    {"basepath", "base_url", "baseoptions", "pythontarget", "customfunctionjavascriptfunction", "llmmodel"}
    | {"agentmodel", "conditionagentmodel", "humaninputmodel", "executeflowselectedflow"}
    | {"llmmodelconfig", "retrieverknowledgedocumentstores"}
)
_FIXED_ENDS: Final = (
    *("url", "modelconfig", "documentstores", "vsembeddings", "tools", "selectedtool", "toolconfig"),
)
"""Of other kinds, too, callers choose neither whom a model is asked from, nor what is read and called."""
_MODEL: Final = "llmModelConfig"
_OWN: Final = "llm"
"""So the names of a model node's own inputs begin; no setting of a model's does."""


class Overrides(msgspec.Struct, frozen=True):
    """What the owner of a chatflow lets callers change."""

    inputs: Mapping[str, frozenset[str]] = {}
    """Names of inputs by the label of their node."""
    variables: frozenset[str] = frozenset()

    def apply(self, nodes: Iterable[Node], sent: Mapping[str, Any]) -> tuple[Node, ...] | None:
        """Return the nodes with the caller's values, those without any the same; None when all are.

        Null is as good as not sent, since clients send all that they know.

        Raises:
            InvalidInput: a value is none that the setting could have.
        """
        if not sent or not self.inputs:
            return None
        changed = False
        result = []
        nodes = tuple(nodes)
        ids = frozenset(node.id for node in nodes)
        for node in nodes:
            inputs = dict(node.inputs)
            given = set()
            for name in self.inputs.get(node.label, frozenset()) & sent.keys():
                value = sent[name]
                if isinstance(value, Mapping) and value and value.keys() <= ids:  # {nodeId: value}
                    if node.id not in value:
                        continue
                    value = value[node.id]
                if value is not None:
                    _set(inputs, name, marked(value))
                    given.add(name)
            changed = changed or bool(given)
            result.append(Node(node.id, node.kind, node.label, inputs, frozenset(given)) if given else node)
        return tuple(result) if changed else None

    def vars(self, sent: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the variables that the caller sets and may set."""
        given = sent.get("vars")
        if not self.variables or not isinstance(given, Mapping):
            return {}
        texts = {name: as_text(given[name]) for name in self.variables & given.keys()}
        return {name: text for name, text in texts.items() if text is not None}


def read_overrides(api_config: str | None) -> Overrides:
    """Return what `apiConfig` enables; nothing when it is absent, switched off or cannot be read."""
    try:
        config = msgspec.json.decode(api_config) if api_config else None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return Overrides()
    section = config.get("overrideConfig") if isinstance(config, dict) else None
    if not isinstance(section, dict) or section.get("status") is not True:
        return Overrides()
    nodes = section.get("nodes")
    inputs = {
        label: names
        for label, rows in (nodes.items() if isinstance(nodes, dict) else ())
        if (names := frozenset(name for name in _enabled(rows) if _may_change(name)))
    }
    return Overrides(inputs, frozenset(_enabled(section.get("variables"))))


def _enabled(rows: Any) -> list[str]:
    if not isinstance(rows, list):
        return []
    return [
        row["name"]
        for row in rows
        if isinstance(row, dict) and row.get("enabled") is True and isinstance(row.get("name"), str)
    ]


def _may_change(name: str) -> bool:
    low = name.lower()
    return low not in _FIXED and not low.endswith(_FIXED_ENDS) and not names_secret(name)


def _set(inputs: dict[str, Any], name: str, value: Any) -> None:
    """Set an input of a node or, when the node has none of that name, a setting of its model."""
    model = inputs.get(_MODEL)
    if name in inputs or not isinstance(model, Mapping) or name.startswith(_OWN):
        inputs[name] = value
    elif isinstance(value, Mapping | list):
        raise InvalidInput.of("overrideConfig", f"{name} has to be a text, a number, true or false.")
    else:
        inputs[_MODEL] = {**model, name: value}
