"""Text that fits into a box: SVG wraps nothing by itself."""

import unicodedata
from typing import Final

_WIDE: Final = frozenset("WF")


def wrap(text: str, width: float, lines: int, unit: float) -> list[str]:
    """Return `text` in at most `lines` lines of `width`; the last ends with an ellipsis if more is left.

    `unit` is the width of a usual character; wide ones (Chinese, emoji) count twice. It is an estimate:
    nobody knows which font will be used.
    """
    most = max(int(width / unit), 4)
    found: list[str] = []
    line = ""
    for word in (piece for whole in text.split() for piece in _pieces(whole, most)):
        longer = f"{line} {word}" if line else word
        if _units(longer) <= most:
            line = longer
            continue
        found.append(line)
        line = word
        if len(found) == lines:
            return [*found[:-1], _cut(found[-1], most)]
    return [*found, line] if line else found


def _units(text: str) -> int:
    return sum(_unit(character) for character in text)


def _unit(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def _pieces(word: str, most: int) -> list[str]:
    """Return a word in parts that fit into a line."""
    if _units(word) <= most:
        return [word]
    parts = [""]
    used = 0
    for character in word:
        unit = _unit(character)
        if used + unit > most:
            parts.append("")
            used = 0
        parts[-1] += character
        used += unit
    return parts


def _cut(line: str, most: int) -> str:
    while line and _units(line) >= most:
        line = line[:-1]
    return line.rstrip() + "…"
