"""Bytes into text, where nobody says which encoding they are in."""

import codecs
import unicodedata
from typing import Final

from flowkeys.documents.refusals import Refused

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE: Final = 8_192
_BINARY_SHARE: Final = 0.05


def decode(content: bytes, declared: str | None = None) -> str:
    """Return the text, with line feeds as line ends.

    By its mark, else UTF-8, else as declared, else Windows-1252, which is what is left in practice.

    Raises:
        Refused: these are no bytes of a text.
    """
    text = _decoded(content, declared)
    if "\0" in text or _looks_binary(text[:_SAMPLE]):
        raise Refused("It is a binary file, not text.")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")


def _decoded(content: bytes, declared: str | None) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError as error:
                raise Refused(f"It starts as {encoding.upper()} text and does not go on so.") from error
    for candidate in filter(None, ("utf-8", declared, "cp1252")):
        try:
            return content.decode(candidate)
        except (LookupError, UnicodeError):  # no such encoding, or not in it
            continue
    return content.decode("latin-1")


def _looks_binary(sample: str) -> bool:
    controls = sum(unicodedata.category(c) == "Cc" and c not in "\t\n\r\f\x1b\b" for c in sample)
    return controls > _BINARY_SHARE * len(sample)
