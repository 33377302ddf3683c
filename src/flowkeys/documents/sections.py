"""What every parser makes of a file, and what the splitter takes: headings with the blocks below them."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

HEADING_LENGTH: Final = 200
_SPACE: Final = re.compile(r"\s+")


class Block(msgspec.Struct, frozen=True):
    """A paragraph, a piece of code, a list or table as it is written in the file, or a row with its names."""

    kind: Literal["text", "code", "list", "table", "record"]
    text: str


class Section(msgspec.Struct, frozen=True):
    """A heading's path and what stands under it, up to the next heading."""

    path: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def heading(self) -> str:
        """The path as passages show it."""
        return " > ".join(self.path)


class Heading(msgspec.Struct, frozen=True):
    """A heading among blocks; the level is 1 for the highest. Without a title, it ends those of its level."""

    level: int
    title: str


def by_heading(items: Iterable[Heading | Block]) -> Iterator[Section]:
    """Yield the sections of a file from its headings and blocks in their order."""
    open_headings: list[Heading] = []
    blocks: list[Block] = []
    for item in items:
        if isinstance(item, Block):
            blocks.append(item)
            continue
        if blocks or (open_headings and open_headings[-1].title):
            yield Section(_path(open_headings), tuple(blocks))
        blocks = []
        open_headings = [*(h for h in open_headings if h.level < item.level), item]
    if blocks or (open_headings and open_headings[-1].title):
        yield Section(_path(open_headings), tuple(blocks))


def _path(headings: list[Heading]) -> tuple[str, ...]:
    titles = (_SPACE.sub(" ", heading.title).strip()[:HEADING_LENGTH] for heading in headings)
    return tuple(title for title in titles if title)
