"""Markdown, read by its grammar: a ``#`` in a piece of code is no heading."""

import itertools
import re
from collections.abc import Iterator
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from flowkeys.documents.sections import Block, Heading, Section, by_heading

_FRONT_MATTER: Final = re.compile(
    r"\A(---|\+\+\+)[ \t]*\n(?=\1|[^\n]*[:=])(.*?)^(?:\1|\.\.\.)[ \t]*$\n?", re.DOTALL | re.MULTILINE
)
_TITLE: Final = re.compile(r"^title\s*[:=]\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_DATA_ADDRESS: Final = re.compile(r"\(\s*<?data:[^)\s]*")
_KINDS: Final = {
    "fence": "code",
    "code_block": "code",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "table_open": "table",
}


def sections(text: str) -> list[Section]:
    """Return the sections of a Markdown text.

    Front matter is left out but for its title, and so are comments and embedded images.
    """
    title = None
    if front_matter := _FRONT_MATTER.match(text):
        text = text[front_matter.end() :]
        title = _TITLE.search(front_matter[2])
    text = _DATA_ADDRESS.sub("(", text)
    # Blocks only: inline markup is quoted as it is written, but for headings.
    parser = MarkdownIt("commonmark").enable("table").disable("inline")
    items = list(_items(parser.parse(text), text.split("\n"), MarkdownIt("commonmark")))
    if title and not any(isinstance(item, Heading) and item.level == 1 for item in items):
        items.insert(0, Heading(0, title[1]))
    return list(by_heading(items))


def _items(tokens: list[Token], lines: list[str], inline: MarkdownIt) -> Iterator[Heading | Block]:
    for token, following in itertools.zip_longest(tokens, tokens[1:]):
        if token.level or token.map is None:
            continue
        if token.type == "heading_open":
            yield Heading(int(token.tag[1:]), _plain(inline, following.content))
            continue
        text = "\n".join(lines[token.map[0] : token.map[1]]).rstrip()
        if token.type == "html_block":
            text = _COMMENT.sub("", text).strip()
        if token.type != "hr" and text.strip():
            kind = _KINDS.get(token.type, "text")
            yield Block(kind, text if kind == "code" else text.strip("\n"))  # type: ignore[arg-type]


def _plain(inline: MarkdownIt, markup: str) -> str:
    """Return the words of a heading without its markup."""
    return "".join(
        child.content or (" " if child.type in {"softbreak", "hardbreak"} else "")
        for token in inline.parseInline(markup)
        for child in token.children or ()
        if child.type != "html_inline"
    )
