"""Text within a line: white space, emphasis and code. Marks are control characters, which no text has."""

import re
from typing import Final

BREAK: Final = "\0"
STRONG: Final = "\x01"
STRONG_END: Final = "\x02"
_STARTS: Final = {"**": STRONG, "*": "\x03", "`": "\x05", "~~": "\x07"}
_ELEMENTS: Final = {
    "b": "**", "strong": "**", "i": "*", "em": "*", "code": "`", "kbd": "`", "samp": "`", "tt": "`",
    "del": "~~", "s": "~~", "strike": "~~",
}  # fmt: skip
STARTS: Final = {name: _STARTS[sign] for name, sign in _ELEMENTS.items()} | {"q": "“", "rt": "("}
"""What stands for the beginning of an element, by its name."""
ENDS: Final = {name: chr(ord(_STARTS[sign]) + 1) for name, sign in _ELEMENTS.items()} | {"q": "”", "rt": ")"}
_SIGNS: Final = {mark: sign for sign, mark in _STARTS.items()}

_NO_TEXT: Final = dict.fromkeys([*range(9), 0xAD, 0x200B, 0x2060, 0xFEFF])
_SPACE: Final = re.compile(r"[ \t\n\r\f\v\u00a0\u202f\u2007]+")
_MARKED: Final = re.compile(r"([\x01\x03\x05\x07])(\s*)([^\x01-\x08]*?)(\s*)[\x02\x04\x06\x08]")
_AGAIN: Final = re.compile(r"([\x01-\x08])\1+")
_LEFT: Final = re.compile(r"[\x01-\x08]")
_AROUND_BREAK: Final = re.compile(r" ?\x00 ?")


def clean(text: str) -> str:
    """Return text of a page without control characters, soft hyphens and spaces of no width."""
    return text.translate(_NO_TEXT)


def render(text: str, *, signs: bool = True) -> str:
    """Return text with marks as Markdown, or its words alone."""
    text = _AGAIN.sub(r"\1", _SPACE.sub(" ", text))
    if signs:
        text = _MARKED.sub(_sign, text)
        text = _MARKED.sub(_sign, text)  # code in bold, bold in italics
    return _AROUND_BREAK.sub("\n", _SPACE.sub(" ", _LEFT.sub("", text))).strip()


def _sign(found: re.Match[str]) -> str:
    """Return marked text with its signs, and without where they would divide a word."""
    start, before, text, after = found[1], found[2], found[3], found[4]
    left = "" if before else found.string[max(0, found.start() - 1) : found.start()]
    right = "" if after else found.string[found.end() : found.end() + 1]
    if not text or left.isalnum() or right.isalnum():
        return f"{before}{text}{after}"
    sign = _SIGNS[start]
    if sign == "`" and "`" in text:
        sign = "``"
    return f"{before}{sign}{text}{sign}{after}"
