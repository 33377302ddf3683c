"""Which files can be read, told by the ends of their names, and by what."""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Final

import msgspec

from flowkeys.documents.refusals import Refused, TooMuch
from flowkeys.documents.sections import Section
from flowkeys.domain.documents import Passage

MEDIA_TYPES: Final = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "application/xhtml+xml",
    ".pdf": "application/pdf",
    ".rst": "text/x-rst",
    ".txt": "text/plain",
    ".text": "text/plain",
    ".log": "text/plain",
    ".adoc": "text/plain",
    ".org": "text/plain",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
}
"""By the end of the name, in small letters."""


class Limits(msgspec.Struct, frozen=True):
    """What the parsing of one file may come to."""

    pages: int
    passages: int


def media_type(source: str) -> str | None:
    """Return the media type of a file by its name, or None when such files cannot be read."""
    return MEDIA_TYPES.get(PurePosixPath(source).suffix.lower())


def passages(source: str, content: bytes, limits: Limits) -> list[Passage]:
    """Return the passages of a file.

    Raises:
        Refused: it cannot be read.
        TooMuch: it has too many pages or passages.
    """
    from flowkeys.documents.splitter import split

    found: list[Passage] = []
    for passage in split(_reader(source)(content, limits)):
        if len(found) == limits.passages:
            raise TooMuch(f"It makes more than {limits.passages} passages.")
        found.append(passage)
    if not found:
        raise Refused("It has no text.")
    return found


def _reader(source: str) -> Callable[[bytes, Limits], list[Section]]:
    """Return what reads files of this kind; each brings its libraries only when it is used."""
    from flowkeys.documents.decoding import decode

    match media_type(source):
        case "text/markdown":
            from flowkeys.documents.readers import markdown

            return lambda content, _: markdown.sections(decode(content))
        case "text/html" | "application/xhtml+xml":
            from flowkeys.documents.readers.html import page

            return lambda content, _: page.sections(content)
        case "application/pdf":
            from flowkeys.documents.readers import pdf

            return lambda content, limits: pdf.sections(content, limits.pages)
        case "text/csv":
            from flowkeys.documents.readers import delimited

            return lambda content, _: delimited.sections(decode(content))
        case "text/tab-separated-values":
            from flowkeys.documents.readers import delimited

            return lambda content, _: delimited.sections(decode(content), "\t")
        case "text/x-rst":
            from flowkeys.documents.readers import plain

            return lambda content, _: plain.rst_sections(decode(content))
        case None:
            kinds = ", ".join(sorted(MEDIA_TYPES))
            raise Refused(f"Files of this kind cannot be read; these can: {kinds}.")
        case _:
            from flowkeys.documents.readers import plain

            return lambda content, _: plain.sections(decode(content))
