"""Bytes into text, where nobody says which encoding they are in."""

import codecs
import re
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
_MEANT: Final = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
"""What is written under the name of an older encoding (https://encoding.spec.whatwg.org/#names-and-labels)."""
_SHIFTED: Final = re.compile(rb"\x1b\$[@AB]|\x1b\$\([CD]")
"""Where ISO-2022-JP goes over to Japanese, in bytes that are all ASCII."""

_SAMPLE: Final = 8_192
_BINARY_SHARE: Final = 0.05
_ZERO_SHARE, _NO_ZEROS = 0.3, 0.05
"""Of the one and the other byte of each character of UTF-16 in which most is ASCII."""
_DAMAGED_SHARE: Final = 0.05
"""Of the characters beyond ASCII in what is UTF-8 all the same."""
_SURE: Final = 0.1
"""From here on the detector is mostly right, even about a sentence; below, it guesses."""
_FEWEST, _FOREIGN_SHARE = 4, 0.3
"""Bytes beyond ASCII, of all letters: the text is in another script, and any guess is better than none."""


def decode(content: bytes, declared: str | None = None) -> str:
    """Return the text, with line feeds as line ends.

    By its mark, else UTF-8 (a few damaged characters in it are replaced), else as declared, else by how often
    which bytes stand together, else Windows-1252, which is what is left in practice.

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
    for encoding in filter(None, (_wide(content), _shifted(content), "utf-8", _meant(declared))):
        try:
            return content.decode(encoding)
        except UnicodeError:
            continue
    repaired = content.decode("utf-8", "replace")
    beyond_ascii = sum(character > "\x7f" for character in repaired)
    if repaired.count("\ufffd") < _DAMAGED_SHARE * beyond_ascii:
        return repaired
    for encoding in (_detected(content), "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeError:
            continue
    return content.decode("cp1252", "replace")


def _wide(content: bytes) -> str | None:
    """Return the encoding of UTF-16 without a mark."""
    sample = content[:_SAMPLE]
    even, odd = (part.count(0) / max(1, len(part)) for part in (sample[::2], sample[1::2]))
    if odd > _ZERO_SHARE and even < _NO_ZEROS:
        return "utf-16-le"
    return "utf-16-be" if even > _ZERO_SHARE and odd < _NO_ZEROS else None


def _shifted(content: bytes) -> str | None:
    return "iso2022_jp" if _SHIFTED.search(content[:_SAMPLE]) and content.isascii() else None


def _meant(declared: str | None) -> str | None:
    try:
        name = codecs.lookup(declared).name if declared else None
    except LookupError:  # no such encoding
        return None
    return _MEANT.get(name, name) if name and _is_of_text(name) else None


def _is_of_text(name: str) -> bool:
    """Whether it is an encoding of text; Python calls base64 and others by such names too."""
    try:
        return isinstance(b"".decode(name), str)
    except (LookupError, UnicodeError):
        return False


def _detected(content: bytes) -> str:
    """Return the most likely encoding of a text that is not UTF-8."""
    import chardet

    guess = chardet.detect(content, encoding_era=chardet.EncodingEra.MODERN_WEB)
    name = _meant(guess["encoding"])
    letters = [byte for byte in content[: 8 * _SAMPLE] if byte > 0x7F or chr(byte).isalpha()]  # noqa: PLR2004
    beyond = sum(byte > 0x7F for byte in letters)  # noqa: PLR2004
    foreign = beyond >= _FEWEST and beyond > _FOREIGN_SHARE * len(letters)
    return name if name and (guess["confidence"] >= _SURE or foreign) else "cp1252"


def _looks_binary(sample: str) -> bool:
    controls = sum(unicodedata.category(c) == "Cc" and c not in "\t\n\r\f\x1b\b" for c in sample)
    return controls > _BINARY_SHARE * len(sample)
