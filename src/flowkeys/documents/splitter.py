"""Sections into passages: each short enough to quote, and whole enough to be understood."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from flowkeys.documents.rows import record
from flowkeys.documents.sections import Block, Section
from flowkeys.domain.documents.collection import Passage

TARGET: Final = 1_200
"""Characters of a passage at most, unless a piece of code needs more."""
LONGEST: Final = 2_400
"""Characters of a passage in any case."""
TINY: Final = 80
"""A text shorter than this that only leads in to its first subsection goes with it."""

_HEADER: Final = 2
"""Lines of a table's header: the names and the rule below them."""
_RULE: Final = re.compile(r"[ \t]*\|?(?:[ \t]*:?-+:?[ \t]*\|)*[ \t]*(?::?-+:?)?[ \t]*")
_BAR: Final = re.compile(r"(?<!\\)\|")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+|\n")
_FENCE: Final = re.compile(r"(`{3,}|~{3,})[^\n]*")


def split(sections: Iterable[Section]) -> Iterator[Passage]:
    """Yield the passages of a file in their order. No word of it is lost."""
    lead_in: Section | None = None
    for section in sections:
        if lead_in is not None and _is_below(section, lead_in):
            section = Section(section.path, (*lead_in.blocks, *section.blocks))  # noqa: PLW2901
        elif lead_in is not None:
            yield from _passages(lead_in)
        lead_in = section if _leads_in(section) else None
        if lead_in is None:
            yield from _passages(section)
    if lead_in is not None:
        yield from _passages(lead_in)


def _leads_in(section: Section) -> bool:
    is_tiny = sum(len(block.text) for block in section.blocks) < TINY
    return is_tiny and all(block.kind != "record" for block in section.blocks)


def _is_below(section: Section, other: Section) -> bool:
    depth = len(other.path)
    return len(section.path) > depth and section.path[:depth] == other.path


def _passages(section: Section) -> Iterator[Passage]:
    if not section.blocks and section.path:  # a heading that says all there is
        yield Passage(section.heading, section.path[-1])
        return
    for text in _pack(_fitting(section.blocks)):
        yield Passage(section.heading, text)


def _pack(blocks: Iterable[Block]) -> Iterator[str]:
    """Put blocks together up to the target; what a text announces stays with it."""
    held: list[Block] = []
    for block in blocks:
        if held and _length([*held, block]) > TARGET:
            last = held[-1]
            announces = last.text.endswith(":") and block.kind != "text" and len(held) > 1
            kept = held[-1:] if announces and _length([last, block]) <= LONGEST else []
            yield _join(held[: len(held) - len(kept)])
            held = kept
        held.append(block)
    if held:
        yield _join(held)


def _fitting(blocks: Iterable[Block]) -> Iterator[Block]:
    """Cut the blocks that are too long: code between lines, text between sentences."""
    for block in blocks:
        if len(block.text) <= (LONGEST if block.kind == "code" else TARGET):
            yield block
        elif block.kind == "table" and (records := _records(block.text)):
            yield from _fitting(records)
        elif block.kind == "text":
            yield from (Block("text", piece.strip()) for piece in _cut(_sentences(block.text), ""))
        else:
            yield from (Block(block.kind, piece) for piece in _lines(block))


def _sentences(text: str) -> Iterator[str]:
    start = 0
    for end in _SENTENCE_END.finditer(text):
        yield text[start : end.end()]
        start = end.end()
    yield text[start:]


def _lines(block: Block) -> Iterator[str]:
    """Cut between lines.

    Each piece of a fenced code has its fences, each of a table its header, each of a row the name of the row.
    """
    lines = block.text.split("\n")
    before, after = "", ""
    if block.kind == "code" and (fence := _FENCE.fullmatch(lines[0])) and len(lines[0]) < TINY:
        before, after = lines[0] + "\n", "\n" + fence[1]
        lines = lines[1:-1] if lines[-1].strip() == fence[1] else lines[1:]
    elif block.kind == "table" and len(lines) > _HEADER and _size(lines[:_HEADER]) < TARGET // 2:
        before = "\n".join(lines[:_HEADER]) + "\n"
        lines = lines[_HEADER:]
    elif block.kind == "record" and len(lines) > 1 and len(lines[0]) < TARGET // 4:
        before = lines[0] + "\n"
        lines = lines[1:]
    yield from (f"{before}{piece}{after}" for piece in _cut(lines, "\n", TARGET - len(before) - len(after)))


def _records(table: str) -> list[Block]:
    """Return the rows of a table that cannot be cut between its rows with its header on each piece."""
    lines = table.split("\n")
    if len(lines) <= _HEADER or not _RULE.fullmatch(lines[1]):
        return []
    header = _size(lines[:_HEADER])
    if header < TARGET // 2 and header + max(map(len, lines[_HEADER:])) < TARGET:
        return []
    names = _cells(lines[0])
    return [Block("record", text) for line in lines[_HEADER:] if (text := record(names, _cells(line)))]


def _cells(line: str) -> list[str]:
    cells = _BAR.split(line.strip().removeprefix("|").removesuffix("|"))
    return [cell.strip().replace("\\|", "|") for cell in cells]


def _size(lines: list[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _cut(parts: Iterable[str], glue: str, size: int = TARGET) -> Iterator[str]:
    """Glue parts together again to pieces of `size` characters at most."""
    held = ""
    for part in parts:
        for word in _short(part, size):
            if held and len(held) + len(glue) + len(word) > size:
                yield held
                held = word
            else:
                held = f"{held}{glue}{word}" if held else word
    if held.strip():
        yield held


def _short(part: str, size: int) -> Iterator[str]:
    """Cut a part that is too long by itself, at a space where there is one near."""
    start = 0
    while len(part) - start > size:
        at = part.rfind(" ", start + size // 2, start + size)
        at = at if at > 0 else start + size
        yield part[start:at]
        start = at + (part[at] == " ")
    yield part[start:]


def _length(blocks: list[Block]) -> int:
    return sum(len(block.text) + 2 for block in blocks) - 2


def _join(blocks: list[Block]) -> str:
    return "\n\n".join(block.text for block in blocks)
