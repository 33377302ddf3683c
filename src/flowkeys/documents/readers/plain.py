"""Text without markup."""

import re
from collections.abc import Iterator
from typing import Final

from flowkeys.documents.sections import Block, Section, by_heading

_BLANK_LINES: Final = re.compile(r"\n[ \t]*\n\s*?(?=\S|[ \t]+\S|\Z)")


def sections(text: str) -> list[Section]:
    """Return a plain text as one section without a heading, a block a paragraph."""
    return list(by_heading(paragraphs(text)))


def paragraphs(text: str) -> Iterator[Block]:
    """Yield what blank lines separate."""
    for paragraph in _BLANK_LINES.split(text):
        if paragraph.strip():
            yield Block("text", paragraph.strip("\n").rstrip())
