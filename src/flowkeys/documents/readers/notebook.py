"""Jupyter notebooks: their text and code, with what the code printed. Formats 3 and 4."""

from typing import Any, Final

import msgspec

from flowkeys.documents.readers import markdown
from flowkeys.documents.refusals import Refused
from flowkeys.documents.sections import Block, Heading, Section, by_heading

_OUTPUT: Final = 2_000
"""Characters of what one cell printed that are kept."""

Lines = str | list[str] | None


class _Output(msgspec.Struct):
    text: Lines = None
    data: dict[str, Any] = {}
    ename: str | None = None
    evalue: str | None = None

    def written(self) -> str:
        if self.ename:
            return f"{self.ename}: {self.evalue or ''}".rstrip()
        plain = self.text if self.text is not None else self.data.get("text/plain")
        return _joined(plain) if isinstance(plain, str | list) else ""


class _Cell(msgspec.Struct):
    cell_type: str
    source: Lines = None
    input: Lines = None
    level: int = 1
    language: str | None = None
    outputs: list[_Output] = []


class _Sheet(msgspec.Struct):
    cells: list[_Cell] = []


class _Named(msgspec.Struct):
    name: str | None = None
    language: str | None = None


class _About(msgspec.Struct):
    kernelspec: _Named = msgspec.field(default_factory=_Named)
    language_info: _Named = msgspec.field(default_factory=_Named)


class _Notebook(msgspec.Struct):
    cells: list[_Cell] | None = None
    worksheets: list[_Sheet] = []
    metadata: _About = msgspec.field(default_factory=_About)


def sections(text: str) -> list[Section]:
    """Return the sections of a notebook by the headings of its text.

    Raises:
        Refused: it is no notebook.
    """
    try:
        notebook = msgspec.json.decode(text.lstrip("\ufeff"), type=_Notebook)
    except msgspec.MsgspecError as error:
        raise Refused("It is not a Jupyter notebook.") from error
    cells = notebook.cells
    if cells is None:
        cells = [cell for sheet in notebook.worksheets for cell in sheet.cells]
    about = notebook.metadata
    language = about.language_info.name or about.kernelspec.language or "python"
    return list(by_heading(item for cell in cells for item in _items(cell, language)))


def _items(cell: _Cell, language: str) -> list[Heading | Block]:
    source = _joined(cell.source if cell.source is not None else cell.input).strip("\n")
    if cell.cell_type == "markdown":
        return markdown.items(source)
    if cell.cell_type == "heading":
        return [Heading(cell.level, source)]
    if not source.strip():
        return []
    if cell.cell_type != "code":
        return [Block("text", source)]
    items: list[Heading | Block] = [Block("code", _fenced(source, cell.language or language))]
    printed = "\n".join(filter(str.strip, (output.written() for output in cell.outputs))).rstrip()
    if printed:
        short = printed if len(printed) <= _OUTPUT else f"{printed[:_OUTPUT]}\n…"
        items.append(Block("code", _fenced(short, "")))
    return items


def _joined(lines: Lines) -> str:
    return lines if isinstance(lines, str) else "".join(lines or ())


def _fenced(text: str, language: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"
