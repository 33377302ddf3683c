"""The JSON in a file, and what is said to people whose file holds none."""

import json
import re
from typing import Any, Final

import msgspec

_SHOWN: Final = 40
"""Characters of a file that an error quotes."""
_NAMES: Final = {"utf-8-sig": "UTF-8", "utf-8": "UTF-8"}
_PLACE: Final = re.compile(r" \(byte (\d+)\)$")
_FENCED: Final = re.compile(r"\s*```\w*\s*\n(.*?)\n\s*```\s*", re.DOTALL)


class NotJsonError(Exception):
    """A file is no JSON; the message says what it is, or where it goes wrong."""


def file_text(content: bytes) -> str:
    """Return the text of a file in UTF-8, UTF-16 or UTF-32, by its mark or by its zeros, without the mark.

    JSON begins with ASCII characters, from which the encoding can be told (RFC 4627, section 3); PowerShell's
    ``>`` writes UTF-16.

    Raises:
        NotJsonError: it is in another encoding, or no text at all.
    """
    if content.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        raise NotJsonError("is an archive. Unpack it first")
    encoding = json.detect_encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        name = _NAMES.get(encoding, encoding.upper())
        raise NotJsonError(f"is no text in {name} (byte {error.start}). Save it as UTF-8") from None
    return text.removeprefix("\ufeff")


def read_json(text: str) -> Any:
    """Return what a text of JSON holds.

    Raises:
        NotJsonError: it holds none, with the line where it goes wrong.
    """
    begun = text.lstrip()
    if not begun:
        raise NotJsonError("is not JSON: it is empty")
    if begun[0] == "<":
        raise NotJsonError("is not JSON: it is a page of HTML")
    if begun[0] not in "[{":
        line = begun.splitlines()[0][:_SHOWN]
        advice = ". Delete what is before the first {, and try again" if "{" in begun else ""
        raise NotJsonError(f"is not JSON: it begins with {line!r}{advice}")
    try:
        return msgspec.json.decode(text)
    except RecursionError:
        raise NotJsonError("is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise NotJsonError(f"is not JSON: {_placed(str(error), text)}") from None


def unfenced(text: str) -> str:
    """Return what a block of Markdown holds, when a text is nothing but one; chats hand out such files."""
    match = _FENCED.fullmatch(text) if text.lstrip().startswith("```") else None
    return match[1] if match else text


def _placed(message: str, text: str) -> str:
    """Return a decoder's message with the line and column instead of a byte's number."""
    match = _PLACE.search(message)
    if match is None:
        return message
    before = text.encode(errors="replace")[: int(match[1])].decode(errors="replace")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return f"{message[: match.start()]} (line {line}, column {column})"
