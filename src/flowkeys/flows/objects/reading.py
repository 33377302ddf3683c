"""Reads what a Python object returns or yields, piece by piece, so that all of it is said once.

Pieces of texts and messages are increments; pieces of objects are increments, or all there is so far.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flowkeys.flows.objects.answers import (
    NAMES,
    Extras,
    extras_of,
    is_addable,
    named,
    object_text,
    only_extras,
    plain,
)
from flowkeys.flows.objects.increments import Increments, steady
from flowkeys.flows.objects.messages import message_text


class Reading:
    """Reads what an object returns or yields, piece by piece."""

    def __init__(
        self,
        given: Mapping[str, Any] | None = None,
        names: Sequence[str] = NAMES,
        *,
        adds: bool | None = None,
    ) -> None:
        """Take what the object was given by name: where it comes back, it is not the answer.

        `adds` is whether pieces of data are increments, or None where only they themselves can tell.
        """
        self._given = given or {}
        self._adds = adds
        self._names = names
        self._texts = Increments()
        self._pieces: list[str] = []
        self._said: str | None = None
        """What was said of the object so far; None when there is none."""
        self._object: Any = None
        self._shown: str | None = None
        """The member that is being said as it grows."""
        self.nothing = True
        """Nothing but None came."""

    def take(self, value: Any) -> str:
        """Return what can be said now.

        Raises:
            NoAnswerError: the value is none that can be read.
        """
        if value is None:
            return ""
        self.nothing = False
        text = None if isinstance(value, Mapping) else message_text(value)
        if isinstance(value, str):
            text = self._texts.take(str.__str__(value))
        if text is not None:
            self._pieces.append(text)
            return text
        self._object = self._joined(plain(value))
        return self._growth(value)

    def rest(self) -> str:
        """Return what was kept back, once nothing more comes.

        Raises:
            NoAnswerError: what came is no text.
        """
        rest = self._texts.rest()
        if self._object is None:
            return rest
        if self._said is None and only_extras(self._object):
            return rest
        text = object_text(self._object, self._given, self._names)
        if text == "".join([*self._pieces, rest]):
            return rest  # said piece by piece, and now as a whole
        said = self._said or ""
        return rest + (text[len(said) :] if text.startswith(said) else f"\n\n{text}")

    def extras(self) -> Extras | None:
        """Return documents and tools that came along, or None."""
        return extras_of(self._object)

    def _growth(self, value: Any) -> str:
        """Return what an object's answer has grown by, where that is certain."""
        if not isinstance(self._object, Mapping) or self._pieces:
            return ""
        name, text = named(self._object, self._given, self._names)
        certain = name == self._names[0] or is_addable(value)  # else one that counts more may still come
        if not text or not certain or self._shown not in {None, name} or _is_data(self._object[name]):
            return ""
        text, said = steady(text), self._said or ""
        if not text.startswith(said):
            return ""
        self._shown, self._said = name, text
        return text[len(said) :]

    def _joined(self, value: Any) -> Any:
        """Return what there is of the object after another piece of it."""
        before = self._object
        if before is None or self._adds is False:
            return value
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            if is_addable(value):
                sums = {name: _sum(before.get(name), value[name]) for name in value}
                return dict(sorted({**before, **sums}.items()))  # which of them came first is open
            name, text = named(value, {}, self._names)
            earlier = named(before, {}, self._names)[1]
            if name is None or not text or not earlier or text.startswith(steady(earlier)):
                return value
            return {**before, **value, name: earlier + text}
        if isinstance(before, list) and isinstance(value, list):
            return value if not self._adds and _grown(before, value) else before + value
        return value


def _is_data(value: Any) -> bool:
    return not isinstance(value, str) and (isinstance(value, Mapping) or message_text(value) is None)


def _sum(before: Any, value: Any) -> Any:
    """Return two values of one member as LangChain adds them; what it cannot add replaces what was there."""
    if before is None or value is None:
        return value if before is None else before
    if isinstance(before, Mapping) or isinstance(value, Mapping) or isinstance(before, bool | int | float):
        return value
    if isinstance(before, list) and isinstance(value, list):
        return value if _grown(before, value) else before + value
    try:
        return before + value
    except Exception:  # noqa: BLE001  # whatever it is that their `+` says
        return value


def _grown(before: Any, after: Any) -> bool:
    """Tell whether a piece of data is an earlier one that has grown, as a parser of half a text makes it."""
    if isinstance(before, str) and isinstance(after, str):
        return after.startswith(steady(before))
    if isinstance(before, list) and isinstance(after, list):
        if len(after) < len(before):
            return False
        return all(_grown(one, two) for one, two in zip(before, after, strict=False))
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return all(name in after and _grown(before[name], after[name]) for name in before)
    return (
        before is None or before == after or (type(before) is type(after) and isinstance(after, int | float))
    )
