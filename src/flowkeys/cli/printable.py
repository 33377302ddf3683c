"""Texts of other people on a terminal."""

from typing import Final
from unicodedata import category

_JOINERS: Final = "\u200c\u200d"


def printable(text: str) -> str:
    """Return a text that cannot steer a terminal: names and notes come from other people.

    Blanks of every width, and what joins letters or keeps them apart, belong to what people write.
    """
    return "".join(c if c.isprintable() or c in _JOINERS or category(c) == "Zs" else "�" for c in text)
