"""Templates: texts with ``{{ variables }}``, in plain text, Markdown or the HTML of Flowise's editor.

A template is compiled once and rendered for each call. What is put in for a variable is never looked at
again, so that nobody's question can read ``{{ $vars.… }}``. A variable that stands for nothing is left as
it is written, as Flowise does.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows.graph.html import is_html, to_markdown
from flowkeys.flows.graph.literals import Literal, is_ours, unmarked
from flowkeys.flows.graph.scope import Scope

RENDERED_CHARACTERS: Final = 10_000_000
"""What one text of a run may come to, its variables put in."""

_REFERENCE = re.compile(r"\{{2,9}([^{}\n]{0,500}+)\}\}")  # looks at each character once, closed or not
_INDEX = re.compile(r"\[(\d{1,6})\]")
_ESCAPED = re.compile(r"\\([_*\[\]])")


Lookup = Callable[[Scope], Any]
"""Returns what a variable stands for, or `MISSING`."""

MISSING: Final[Any] = object()
"""What a variable that stands for nothing stands for: it is left as it is written."""
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

    @property
    def fixed(self) -> str | None:
        """The text that it is in each run; None where it has variables."""
        return None if self.references else "".join(text for text, _ in self._parts)

    def value(self, scope: Scope, output: Any = MISSING) -> Any:
        """Return the text for one run, or a number, a truth value or None where it is only that.

        A text that is nothing but a reference to a member of an output keeps its type; objects and lists
        are texts of JSON all the same.

        Raises:
            UpstreamFailed, RunLimitExceeded: it would be too long, or the run comes to too much.
        """
        if self.only is None or (_OUTPUT_OF not in self.only and not _is_output(self.only)):
            return self.render(scope, output)
        written, lookup = self._parts[0]
        value = _found(lookup, scope, output)
        if value is MISSING:
            return written
        if value is None or isinstance(value, bool | int | float):
            return value
        text = text_of(value)
        scope.limits.take_bytes(len(text))
        return text

    def kept(self, scope: Scope, output: Any) -> Any:
        """Return what the flow's state keeps: a member of the output as it is, objects and lists too.

        Raises:
            UpstreamFailed, RunLimitExceeded: it would be too long, or the run comes to too much.
        """
        if self.only is None or not self.only.startswith(_MEMBER):
            return self.value(scope, output)
        written, lookup = self._parts[0]
        value = _found(lookup, scope, output)
        return written if value is MISSING or value is None else value

    def render(self, scope: Scope, output: Any = MISSING) -> str:
        """Return the text for one run; `output` is what ``{{ output }}`` stands for, where it does.

        Raises:
            UpstreamFailed: it would be too long: texts that repeat each other grow without bound.
            RunLimitExceeded: the run comes to more than it may.
        """
        pieces = []
        length = 0
        for text, lookup in self._parts:
            if lookup is None:
                piece = text
            else:
                value = _found(lookup, scope, output)
                piece = text if value is MISSING else value if type(value) is str else text_of(value)
            length += len(piece)
            if length > RENDERED_CHARACTERS:
                raise UpstreamFailed(
                    f"A text of the chatflow came to more than {RENDERED_CHARACTERS:,} characters."
                )
            pieces.append(piece)
        scope.limits.take_bytes(length)
        if scope.attached and _QUESTION in self.references:
            pieces.insert(0, f"{scope.attached}\n\n")
        return "".join(pieces)


def _found(lookup: Lookup | None, scope: Scope, output: Any) -> Any:
    if isinstance(lookup, _Output):
        return MISSING if output is MISSING else lookup.of(output)
    return MISSING if lookup is None else lookup(scope)


def compile_template(text: str) -> Template:
    """Return the template that `text` is, in time that grows with its length. Never raises.

    A variable is what is between two to nine braces and the next two, at most 500 characters of one line.
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
    """Return what `path` (``a.b[0].c``) leads to inside JSON, or `MISSING`."""
    for name in _INDEX.sub(r".\1", path).split("."):
        if isinstance(value, Mapping):
            value = value.get(name, MISSING)
        elif isinstance(value, list) and name.isascii() and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return MISSING
    return value


def text_of(value: Any) -> str:
    """Return a JSON value as JavaScript puts it into a text; objects and lists as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < _INTEGERS:
        return str(int(value))
    plain = unmarked(value)
    text = msgspec.json.encode(plain).decode()
    return text if is_ours(value) else Literal(text)


def as_text(value: Any) -> str | None:
    """Return a JSON value as it appears in a text; None for null, which is as good as not there."""
    return None if value is None else text_of(value)


def _there(value: Any) -> Any:
    return MISSING if value is None else value


class _Output:
    """The variables ``{{ output }}`` and ``{{ output.a.b }}`` of a node's own changes of the state."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __call__(self, _: Scope) -> Any:
        """Stand for nothing elsewhere."""
        return MISSING

    def of(self, output: Any) -> Any:
        """Return the output, or a member of what it is as JSON."""
        if not self._path:
            return output
        if isinstance(output, str):
            try:
                output = msgspec.json.decode(output)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                return MISSING
        return find(output, self._path)


_INTEGERS: Final = 1e21
"""From here on JavaScript writes whole numbers with an exponent."""
_OUTPUT: Final = "output"
_MEMBER: Final = "output."
_OUTPUT_OF: Final = ".output."


def _is_output(path: str) -> bool:
    return path == _OUTPUT or path.startswith(f"{_OUTPUT}.")


_QUESTION: Final = "question"
_FIXED: Final[Mapping[str, Lookup]] = {
    _QUESTION: lambda scope: scope.asked,
    HISTORY: lambda scope: scope.history_text(),
    "current_date_time": lambda scope: scope.time_text(),
    "runtime_messages_length": lambda scope: str(scope.messages_in_run()),
    "loop_count": lambda scope: str(scope.loop_count),
    "file_attachment": lambda scope: scope.attached,
}
_OF_FLOW: Final = frozenset(
    {"chatId", "sessionId", "chatflowId", "chatflowid", "apiMessageId", "chatHistory", "state"}
)


def _lookup(path: str) -> Lookup:
    fixed = _FIXED.get(path)
    if fixed is not None:
        return fixed
    if _is_output(path):
        return _Output(path[len(_OUTPUT) + 1 :])
    root, dot, rest = path.partition(".")
    if dot and root == "$form":
        return lambda scope: _there(find(scope.form, rest))
    if dot and root == "$flow":
        return _of_flow(rest)
    if root == "$iteration":
        return _of_iteration(rest)
    if dot and root == "$vars":
        return lambda scope: scope.variables.get(rest, MISSING)
    node, _, inner = path.partition(_OUTPUT_OF)
    if node and inner:
        return lambda scope: find(scope.outputs.get(node), inner)

    def content(scope: Scope) -> Any:
        output = scope.outputs.get(path)
        if output is None:
            return MISSING
        found = output.get("content")
        return _there(find(output, "http.data") if found is None and "http" in output else found)

    return content


def _of_iteration(rest: str) -> Lookup:
    """Return what stands for the item of a round, or a member of it; one that counts as false is none."""

    def found(scope: Scope) -> Any:
        item = scope.item
        if item is msgspec.UNSET or item is None or item is False or item in (0, ""):
            return MISSING
        if not rest or isinstance(item, str):
            return item
        if not isinstance(item, Mapping | list):
            return MISSING
        member = find(item, rest)
        return "undefined" if member is MISSING else member

    return found


def _of_flow(rest: str) -> Lookup:
    if rest == "runtimeChatHistoryLength":
        return lambda scope: str(scope.messages_in_run())
    if rest.split(".", 1)[0].partition("[")[0] in _OF_FLOW:
        return lambda scope: _there(find(scope.flow, rest))
    return lambda _: MISSING
