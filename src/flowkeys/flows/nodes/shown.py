"""What ``agentFlowExecutedData`` shows of a node's inputs: its own members, resolved, as it was drawn."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from flowkeys.flows.context import Run
from flowkeys.flows.graph.html import is_html
from flowkeys.flows.graph.literals import Literal, unmarked
from flowkeys.flows.graph.variables import MISSING, Template
from flowkeys.flows.registry import Build

_CONFIG: Final = "ModelConfig"
_COMPILED: Final = (str, dict, list)
"""What may hold a text. Flows may hold millions of numbers, which are not looked into."""
_CREDENTIAL: Final = "FLOWISE_CREDENTIAL_ID"


class Json:
    """JSON whose texts are templates."""

    __slots__ = ("_value", "is_fixed")

    def __init__(self, value: Any, *, is_fixed: bool) -> None:
        """Keep what `compile_json` made: templates, lists and objects of these, and fixed values."""
        self._value = value
        self.is_fixed = is_fixed
        """Nothing in it depends on the run."""

    def value(self, run: Run, output: Any = MISSING) -> Any:
        """Return it with its variables put in; a text that is only a reference keeps the type."""
        return self._value if self.is_fixed else _value(self._value, run, output)


def compile_json(build: Build, value: Any) -> Json:
    """Return a piece of a node's inputs compiled."""
    made = _compiled(build, value)
    if made is not None:
        return Json(made, is_fixed=False)
    return Json(unmarked(value) if build.node.given else value, is_fixed=True)


class Shown:
    """The inputs of a node that are not empty, in the flow's order, and the model's settings last.

    The credential is left out, and what is in `without`.
    """

    def __init__(self, build: Build, without: Collection[str] = ()) -> None:
        named = [name for name in build.inputs if name not in without and name != _CREDENTIAL]
        filled = [name for name in named if _is_filled(build.inputs[name])]
        filled.sort(key=lambda name: name.endswith(_CONFIG))
        self._inputs = [(name, compile_json(build, _shown(name, build.inputs[name]))) for name in filled]

    def at(self, run: Run, **first: Any) -> dict[str, Any]:
        """Return them for a run, those in `first` before them."""
        return {**first, **{name: item.value(run) for name, item in self._inputs}}


def _is_page(text: str) -> bool:
    """Tell whether a text becomes Markdown, also where it has no variable."""
    return not isinstance(text, Literal) and is_html(text)


def _is_filled(value: Any) -> bool:
    return value is not None and value not in ("", [])


def _shown(name: str, value: Any) -> Any:
    if name.endswith(_CONFIG) and isinstance(value, Mapping):
        # What a model's settings hold in braces is sent as it is written.
        return _literal({member: item for member, item in value.items() if member != _CREDENTIAL})
    return value


def _literal(value: Any) -> Any:
    if isinstance(value, str):
        return Literal(value)
    if isinstance(value, Mapping):
        return {name: _literal(item) for name, item in value.items()}
    return [_literal(item) for item in value] if isinstance(value, list) else value


def _compiled(build: Build, value: Any) -> Any:
    """Return the value with templates for its texts, or None when nothing in it depends on a run."""
    if isinstance(value, str):
        template = build.template(value)
        return template if template.references or _is_page(value) else None
    if isinstance(value, Mapping):
        items = {n: _compiled(build, item) for n, item in value.items() if isinstance(item, _COMPILED)}
        changed = {name: item for name, item in items.items() if item is not None}
        return {**unmarked(value), **changed} if changed else None
    if isinstance(value, list):
        parts = [_compiled(build, item) if isinstance(item, _COMPILED) else None for item in value]
        if all(part is None for part in parts):
            return None
        return [unmarked(value[n]) if part is None else part for n, part in enumerate(parts)]
    return None


def _value(made: Any, run: Run, output: Any) -> Any:
    if isinstance(made, Template):
        return made.value(run, output)
    if isinstance(made, dict):
        return {name: _value(item, run, output) for name, item in made.items()}
    return [_value(item, run, output) for item in made] if isinstance(made, list) else made
