"""The tools that a model calls, put together from the pieces in which a stream brings them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from flowkeys.flows.graph.readable import readable_text
from flowkeys.flows.models.failures import ModelError

MOST_CALLS: Final = 128
"""As many as OpenAI lets a model make at once; more are no answer."""


class ToolCall(msgspec.Struct, frozen=True):
    """One call."""

    index: int
    """Its place among the calls of the answer."""
    id: str
    """What the tool's answer names it by; "" where the server gave none."""
    name: str
    arguments: str
    """JSON, as the model wrote it."""


class _Parts:
    """What came of a call so far."""

    __slots__ = ("arguments", "id", "name")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []


class Calls:
    """Collects the calls of one answer."""

    __slots__ = ("_length", "_limit", "_parts")

    def __init__(self, limit: int) -> None:
        """`limit` is the most characters that their arguments have together."""
        self._limit = limit
        self._length = 0
        self._parts: dict[int, _Parts] = {}

    def add(self, given: Any, function: Any = None) -> None:
        """Take ``tool_calls`` of a record, or the ``function_call`` that older servers send.

        Raises:
            ModelError: they are too many, or too long.
        """
        pieces = given if isinstance(given, list) else [given] if isinstance(given, Mapping) else []
        for piece in pieces:
            if isinstance(piece, Mapping):
                self._add(piece, piece.get("function"))
        if not pieces and isinstance(function, Mapping):
            self._add({"index": 0}, function)

    def _add(self, piece: Mapping[str, Any], function: Any) -> None:
        given_id, index = piece.get("id"), piece.get("index")
        if type(index) is not int:
            named = isinstance(function, Mapping) and bool(function.get("name"))
            index = self._place(given_id, begins=named)
        parts = self._parts.get(index)
        if parts is None:
            if len(self._parts) >= MOST_CALLS:
                raise ModelError(f"the model called more than {MOST_CALLS} tools at once.")
            parts = self._parts[index] = _Parts()
        if isinstance(given_id, str) and not parts.id:
            parts.id = given_id
        if not isinstance(function, Mapping):
            return
        name, arguments = function.get("name"), function.get("arguments")
        if isinstance(name, str) and not parts.name:
            parts.name = name
        if isinstance(arguments, Mapping):  # as Ollama's own API has them
            arguments = msgspec.json.encode(arguments).decode()
        if isinstance(arguments, str) and arguments:
            self._length += len(arguments)
            if self._length > self._limit:
                raise ModelError(f"the answer is longer than {self._limit:,} characters.")
            parts.arguments.append(arguments)

    def _place(self, given_id: Any, *, begins: bool) -> int:
        """Return where a piece without an index belongs: to the call with its id, else to a new one."""
        for index, parts in self._parts.items():
            if given_id and parts.id == given_id:
                return index
        last = max(self._parts, default=-1)
        return last if last >= 0 and not given_id and not begins else last + 1

    def all(self) -> Sequence[ToolCall]:
        """Return the calls in their order."""
        return [
            ToolCall(place, parts.id, parts.name, readable_text("".join(parts.arguments)))
            for place, (_, parts) in enumerate(sorted(self._parts.items()))
        ]
