"""Texts that come one after the other: increments, or each time all there is so far."""

from typing import Final

_SEPARATOR: Final = "\n\n"
_TELLING: Final = 3
"""Characters that the first of only two texts must have before the second, which begins with it, is taken
for the whole: shorter beginnings repeat by chance ("1", "10")."""


class Increments:
    """Finds out which of the two a producer sends, and makes increments of both.

    Three texts each of which begins with all of the one before are a text that grows. Nothing waits longer
    than until the third: the first is the beginning either way.
    """

    def __init__(self) -> None:
        self._whole = ""
        self._doubtful = ""
        self._grows: bool | None = None

    def take(self, text: str) -> str:
        """Return what is new in the next text."""
        if self._grows is False or not text:
            return text
        if self._grows:
            return self._growth(text)
        if not self._whole.strip():
            self._whole = text
            return text
        if not self._doubtful:
            if len(text) > len(self._whole) and text.startswith(self._whole):
                self._doubtful = text
                return ""
            self._grows = False
            return text
        self._grows = text.startswith(self._doubtful)
        if self._grows:
            return self._growth(text)
        doubtful, self._doubtful = self._doubtful, ""
        return doubtful + text

    def rest(self) -> str:
        """Return what was kept back, once nothing more comes."""
        doubtful, self._doubtful = self._doubtful, ""
        if self._grows is not None or len(self._whole.strip()) < _TELLING:
            return doubtful if self._grows is None else ""
        return doubtful[len(self._whole) :]

    def _growth(self, text: str) -> str:
        before, self._whole, self._doubtful = self._whole, text, ""
        if text.startswith(before):
            return text[len(before) :]
        if before.startswith(text):
            self._whole = before
            return ""
        return _SEPARATOR + text  # another text begins: what was said cannot be taken back


def steady(text: str) -> str:
    """Return a text that still grows without the half of a character at its end."""
    return text[:-1] if text and "\ud800" <= text[-1] <= "\udbff" else text
