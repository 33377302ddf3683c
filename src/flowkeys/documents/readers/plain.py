"""Text without markup; in reStructuredText the underlined titles are headings."""

import re
from collections.abc import Iterator
from typing import Final

from flowkeys.documents.sections import Block, Heading, Section, by_heading

_BLANK_LINES: Final = re.compile(r"\n[ \t]*\n\s*?(?=\S|[ \t]+\S|\Z)")
_RST_TITLE: Final = re.compile(
    r"""^(?:([=\-~^"'`*+#<>_:.])\1+\n)?([^\s].*)\n([=\-~^"'`*+#<>_:.])\3{2,}[ \t]*$""", re.MULTILINE
)


def sections(text: str) -> list[Section]:
    """Return a plain text as one section without a heading, a block a paragraph."""
    return list(by_heading(paragraphs(text)))


def rst_sections(text: str) -> list[Section]:
    """Return the sections of a reStructuredText; a title is as deep as its underline came late."""
    return list(by_heading(_rst_items(text)))


def paragraphs(text: str) -> Iterator[Block]:
    """Yield what blank lines separate."""
    for paragraph in _BLANK_LINES.split(text):
        if paragraph.strip():
            yield Block("text", paragraph.strip("\n").rstrip())


def _rst_items(text: str) -> Iterator[Heading | Block]:
    styles: list[str] = []
    start = 0
    for found in _RST_TITLE.finditer(text):
        over, title, under = found.groups()
        if len(title.rstrip()) > len(found[0].rstrip().rsplit("\n", 1)[-1]):
            continue  # an underline shorter than its text is none
        yield from paragraphs(text[start : found.start()])
        style = f"{over or ''}{under}"
        if style not in styles:
            styles.append(style)
        yield Heading(styles.index(style) + 1, title)
        start = found.end()
    yield from paragraphs(text[start:])
