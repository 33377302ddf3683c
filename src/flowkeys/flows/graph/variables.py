"""Templates: texts with ``{{ variables }}``, in plain text, Markdown or the HTML of Flowise's editor.

A template is compiled once and rendered for each call. What is put in for a variable is never looked at
again, so that nobody's question can read ``{{ $vars.… }}``. A variable that stands for nothing is left as
it is written, as Flowise does.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows.graph.html import is_html, to_markdown

RENDERED_CHARACTERS: Final = 10_000_000
"""What one text of a run may come to, its variables put in."""

_REFERENCE = re.compile(r"\{\{([^{}\n]{0,500}+)\}\}")  # looks at each character once, closed or not
_INDEX = re.compile(r"\[(\d{1,6})\]")
_ESCAPED = re.compile(r"\\([_*\[\]])")


class Literal(str):
    """A text from a caller: used as it is, with nothing resolved in it."""

    __slots__ = ()


def unmarked(value: Any) -> Any:
    """Return JSON with each `Literal` in it as a plain text, fit for being shown and encoded."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list):
        return [unmarked(item) for item in value]
    if isinstance(value, Mapping):
        return {key: unmarked(item) for key, item in value.items()}
    return value


def marked(value: Any) -> Any:
    """Return JSON from a caller with each text in it as a `Literal`; the names of members are the node's."""
    if isinstance(value, str):
        return Literal(value)
    if isinstance(value, list):
        return [marked(item) for item in value]
    if isinstance(value, Mapping):
        return {key: marked(item) for key, item in value.items()}
    return value


def _is_ours(value: Any) -> bool:
    """Tell whether nothing in a piece of JSON is from a caller."""
    if isinstance(value, Mapping):
        return all(_is_ours(item) for item in value.values())
    return all(map(_is_ours, value)) if isinstance(value, list) else not isinstance(value, Literal)


def readable_text(text: str) -> str:
    """Return a text from outside as `readable` does."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def readable(value: Any) -> Any:
    """Return JSON from outside with U+FFFD for each half of a surrogate pair: no encoder takes one."""
    if isinstance(value, str):
        return readable_text(value)
    if isinstance(value, list):
        return [readable(item) for item in value]
    if isinstance(value, Mapping):
        return {readable(key): readable(item) for key, item in value.items()}
    return value


class Scope(Protocol):
    """What variables can refer to during one run."""

    question: str
    form: Mapping[str, Any]
    flow: Mapping[str, Any]
    variables: Mapping[str, str]
    outputs: dict[str, Mapping[str, Any]]

    def history_text(self) -> str:
        """Return the earlier messages as text."""
        ...

    def time_text(self) -> str:
        """Return the time of the call."""
        ...

    def messages_in_run(self) -> int:
        """Return how many messages the run itself has made."""
        ...


Lookup = Callable[[Scope], str | None]

HISTORY: Final = "chat_history"


class Template:
    """A compiled text."""

    __slots__ = ("_parts", "only", "references")

    def __init__(self, parts: Sequence[str | tuple[str, str]]) -> None:
        """Keep literal parts and (as written, path) pairs; `compile_template` makes them from a text."""
        self._parts: list[tuple[str, Lookup | None]] = [
            (part, None) if isinstance(part, str) else (part[0], _lookup(part[1])) for part in parts
        ]
        self.references = frozenset(part[1] for part in parts if not isinstance(part, str))
        self.only = parts[0][1] if len(parts) == 1 and not isinstance(parts[0], str) else None
        """The variable that the text consists of, when there is nothing else in it."""

    def render(self, scope: Scope, output: str | None = None) -> str:
        """Return the text for one run; `output` is what ``{{ output }}`` stands for, where it does.

        Raises:
            UpstreamFailed: it would be too long: texts that repeat each other grow without bound.
        """
        pieces = []
        length = 0
        for text, lookup in self._parts:
            if lookup is None:
                piece = text
            elif output is not None and lookup is _output:
                piece = output
            else:
                value = lookup(scope)
                piece = text if value is None else value
            length += len(piece)
            if length > RENDERED_CHARACTERS:
                raise UpstreamFailed(
                    f"A text of the chatflow came to more than {RENDERED_CHARACTERS:,} characters."
                )
            pieces.append(piece)
        return "".join(pieces)


def compile_template(text: str) -> Template:
    """Return the template that `text` is, in time that grows with its length. Never raises.

    A variable is what is between two braces and the next two, at most 500 characters and one line.
    """
    if isinstance(text, Literal):
        return Template([str(text)])
    if is_html(text):
        text = to_markdown(text)
    parts: list[str | tuple[str, str]] = []
    end = 0
    for match in _REFERENCE.finditer(text):
        if match.start() > end:
            parts.append(text[end : match.start()])
        parts.append((match[0], _ESCAPED.sub(r"\1", match[1]).strip(" \t\xa0")))
        end = match.end()
    if end < len(text):
        parts.append(text[end:])
    return Template(parts)


def find(value: Any, path: str) -> Any:
    """Return what `path` (``a.b[0].c``) leads to inside JSON, or None."""
    for name in _INDEX.sub(r".\1", path).split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isascii() and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def as_text(value: Any) -> str | None:
    """Return a JSON value as it appears in a text; None for null, which is as good as not there."""
    if value is None or isinstance(value, str):
        return value
    plain = unmarked(value)
    text = msgspec.json.encode(plain).decode()
    return text if _is_ours(value) else Literal(text)


def _question(scope: Scope) -> str | None:
    return scope.question


def _output(_: Scope) -> str | None:
    return None


def _nothing(_: Scope) -> str | None:
    return ""


_FIXED: Final[Mapping[str, Lookup]] = {
    "question": _question,
    "$question": _question,
    "output": _output,
    HISTORY: lambda scope: scope.history_text(),
    "current_date_time": lambda scope: scope.time_text(),
    "runtime_messages_length": lambda scope: str(scope.messages_in_run()),
    "file_attachment": _nothing,
}


def _lookup(path: str) -> Lookup:
    fixed = _FIXED.get(path)
    if fixed is not None:
        return fixed
    root, dot, rest = path.partition(".")
    if dot and root == "$form":
        return lambda scope: as_text(find(scope.form, rest))
    if dot and root == "$flow":
        return lambda scope: as_text(find(scope.flow, rest))
    if dot and root == "$vars":
        return lambda scope: scope.variables.get(rest)
    node, _, inner = path.partition(".output.")
    if node and inner:
        return lambda scope: as_text(find(scope.outputs.get(node), inner))

    def content(scope: Scope) -> str | None:
        output = scope.outputs.get(path)
        return None if output is None else as_text(output.get("content"))

    return content
