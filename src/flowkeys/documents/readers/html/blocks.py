"""Lists, quotations and tables from the blocks within them."""

import re
from typing import Final

import msgspec

from flowkeys.documents.readers.html import tables
from flowkeys.documents.sections import Block, Heading

_BLANK: Final = re.compile(r"\n +(?=\n)")
_LONG_LIST: Final = 1_200


class Frame(msgspec.Struct):
    """An element that has blocks of its own until it ends."""

    name: str
    items: list[Heading | Block] = msgspec.field(default_factory=list)
    inline: list[str] = msgspec.field(default_factory=list)
    entries: list[list[Heading | Block]] = msgspec.field(default_factory=list)
    """Of a list its items, of a table its cells."""
    rows: list[tables.Row] = msgspec.field(default_factory=list)
    term: str = ""
    """That a definition list is about to define."""
    described: int | None = None
    """The level of the headings of what a reference describes."""
    number: int | None = None
    holds_table: bool = False
    """A table within a table: the outer one only places things on the page."""


def listed(frame: Frame) -> list[Heading | Block]:
    """Return a list as one block, or as several where it is a page's frame rather than a list."""
    entries = [entry for entry in frame.entries if entry]
    number = frame.number
    written: list[str] = []
    spilled: list[Heading | Block] = []
    has_headings = any(isinstance(item, Heading) for entry in entries for item in entry)
    if has_headings:
        return [item for entry in entries for item in entry] + frame.items
    for entry in entries:
        marker = "- " if frame.name != "ol" else f"{number if number is not None else 1 + len(written)}. "
        number = number + 1 if number is not None else None
        blocks = [item for item in entry if isinstance(item, Block)]
        text = blocks[0].text
        for block in blocks[1:]:
            text += ("\n" if block.kind == "list" else "\n\n") + block.text
        written.append(marker + _BLANK.sub("\n", text.replace("\n", "\n" + " " * len(marker))))
        first, *rest = blocks
        if first.kind == "text":
            first = Block("text", marker + first.text)
        spilled += [first, *rest]
    text = "\n".join(written)
    if len(text) > _LONG_LIST and any(isinstance(b, Block) and b.kind in {"code", "table"} for b in spilled):
        return spilled + frame.items  # cutting between lines would cut these
    return [Block("list", text), *frame.items] if text else frame.items


def quoted(items: list[Heading | Block]) -> list[Heading | Block]:
    """Return a quotation as one block, unless there are headings in it."""
    if any(isinstance(item, Heading) for item in items):
        return items
    text = "\n\n".join(item.text for item in items if isinstance(item, Block))
    return [Block("text", "> " + text.replace("\n", "\n> "))] if text else []


def tabled(frame: Frame) -> list[Heading | Block]:
    """Return a table; one that only places things on the page is what is in it."""
    items = frame.items
    inner = [item for entry in frame.entries for item in entry]
    if frame.holds_table or any(isinstance(item, Heading) or item.kind == "code" for item in inner):
        return items + inner
    return [*items, *tables.render(frame.rows)]


def in_a_line(item: Heading | Block) -> str:
    """Return an item of a cell as it fits into a row."""
    if isinstance(item, Heading):
        return item.title
    if item.kind == "list":
        return "; ".join(line.strip().removeprefix("- ") for line in item.text.split("\n"))
    return item.text.replace("\n", " ")
