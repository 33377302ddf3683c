"""Which files can be read, told by the ends of their names, and by what."""

import importlib
from pathlib import PurePosixPath
from typing import Final

import msgspec

from flowkeys.documents.refusals import Refused, TooMuch
from flowkeys.documents.sections import Section
from flowkeys.domain.documents.collection import Passage

MEDIA_TYPES: Final = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".mdx": "text/mdx",
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "application/xhtml+xml",
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xls": "application/vnd.ms-excel",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/jsonl",
    ".ipynb": "application/x-ipynb+json",
    ".rst": "text/x-rst",
    ".txt": "text/plain",
    ".text": "text/plain",
    ".log": "text/plain",
    ".adoc": "text/plain",
    ".org": "text/plain",
    ".yaml": "text/plain",
    ".yml": "text/plain",
}
"""By the end of the name, in small letters."""

_OF_BYTES: Final = {
    "text/html": "html.page",
    "application/xhtml+xml": "html.page",
    MEDIA_TYPES[".docx"]: "docx",
    MEDIA_TYPES[".xlsx"]: "spreadsheet",
    MEDIA_TYPES[".xls"]: "spreadsheet",
    MEDIA_TYPES[".ods"]: "spreadsheet",
}
_OF_TEXT: Final = {
    "text/markdown": "markdown.sections",
    "text/mdx": "markdown.mdx_sections",
    "text/csv": "delimited.sections",
    "text/tab-separated-values": "delimited.tab_sections",
    "application/json": "structured.sections",
    "application/jsonl": "structured.line_sections",
    "application/x-ipynb+json": "notebook.sections",
    "text/x-rst": "rst.sections",
    "text/plain": "plain.sections",
}
"""The module in `readers` and its function; each brings its libraries only when it is used."""

_TEXTS, _SHEETS, _SLIDES = (
    "Save it as .docx, or export it as PDF.",
    "Save it as .xlsx or .csv.",
    "Export it as PDF.",
)
_PAGES: Final = "Save the page as HTML."
_PICTURES: Final = "Pictures need text recognition first: save what it finds as PDF or text."
_PACKED: Final = "Unpack it first."
_INSTEAD: Final = {
    ".doc": _TEXTS, ".docm": _TEXTS, ".dot": _TEXTS, ".odt": _TEXTS, ".rtf": _TEXTS, ".pages": _TEXTS,
    ".xlsm": _SHEETS, ".xlsb": _SHEETS, ".numbers": _SHEETS, ".sqlite": _SHEETS, ".parquet": _SHEETS,
    ".ppt": _SLIDES, ".pptx": _SLIDES, ".odp": _SLIDES, ".key": _SLIDES, ".epub": _SLIDES, ".ps": _SLIDES,
    ".mht": _PAGES, ".mhtml": _PAGES, ".webarchive": _PAGES,
    ".eml": "Save its text.", ".msg": "Save its text.", ".xml": "Save it as HTML, JSON or text.",
    ".png": _PICTURES, ".jpg": _PICTURES, ".jpeg": _PICTURES, ".gif": _PICTURES, ".tif": _PICTURES,
    ".tiff": _PICTURES, ".webp": _PICTURES,
    ".zip": _PACKED, ".gz": _PACKED, ".tar": _PACKED, ".7z": _PACKED, ".rar": _PACKED,
}  # fmt: skip


class Limits(msgspec.Struct, frozen=True):
    """What the parsing of one file may come to."""

    pages: int
    passages: int


def media_type(source: str) -> str | None:
    """Return the media type of a file by its name, or None when such files cannot be read."""
    return MEDIA_TYPES.get(_end(source))


def refusal(source: str) -> str:
    """Return why a file whose media type is None is not read, and what could be sent."""
    if advice := instead(source):
        return f"files of this kind cannot be read. {advice}"
    return f"files of this kind cannot be read; these can: {', '.join(sorted(MEDIA_TYPES))}."


def instead(source: str) -> str:
    """Return what could be sent instead of a file that cannot be read; empty when nothing comes to mind."""
    return _INSTEAD.get(_end(source), "")


def passages(source: str, content: bytes, limits: Limits) -> list[Passage]:
    """Return the passages of a file.

    Raises:
        Refused: it cannot be read.
        TooMuch: it has too many pages or passages.
    """
    from flowkeys.documents.splitter import split

    found: list[Passage] = []
    for passage in split(_sections(source, content, limits)):
        if len(found) == limits.passages:
            raise TooMuch(f"It makes more than {limits.passages} passages.")
        found.append(passage)
    if not found:
        raise Refused("It has no text.")
    return found


def _sections(source: str, content: bytes, limits: Limits) -> list[Section]:
    from flowkeys.documents.decoding import decode

    kind = media_type(source)
    if kind is None:
        raise Refused(refusal(source))
    if kind == "application/pdf":
        from flowkeys.documents.readers import pdf

        return pdf.sections(content, limits.pages)
    module, _, function = _OF_TEXT.get(kind, f"{_OF_BYTES.get(kind)}.sections").rpartition(".")
    read = getattr(importlib.import_module(f"flowkeys.documents.readers.{module}"), function)
    found: list[Section] = read(content if kind in _OF_BYTES else decode(content))
    return found


def _end(source: str) -> str:
    return PurePosixPath(source).suffix.lower()
