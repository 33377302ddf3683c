"""Markdown, read by its grammar: a ``#`` in a piece of code is no heading."""

import itertools
import re
from collections.abc import Iterator
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.common.html_blocks import block_names
from markdown_it.token import Token

from flowkeys.documents.readers import dialects
from flowkeys.documents.readers.html import page
from flowkeys.documents.readers.html.nodes import names
from flowkeys.documents.sections import Block, Heading, Section, by_heading

_FRONT_MATTER: Final = re.compile(
    r"\A\s*(---|\+\+\+)[ \t]*\n(?=\1|[^\n]*[:=#])(.*?)^(?:\1|\.\.\.)[ \t]*$\n?", re.DOTALL | re.MULTILINE
)
_TITLE: Final = re.compile(
    r"^title\s*[:=][ \t]*(?:[>|][+-]?[ \t]*\n[ \t]*)?([\"']?)(.+?)\1\s*$", re.MULTILINE
)
_PANDOC_TITLE: Final = re.compile(r"\A% *(\S[^\n]*)(?:\n%[^\n]*){0,2}\n")
_DATA_ADDRESS: Final = re.compile(r"\(\s*<?data:[^)\s]*")
_TAG: Final = re.compile(r"\s*</?([a-zA-Z][\w-]*)")
_KINDS: Final = {
    "fence": "code",
    "code_block": "code",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "table_open": "table",
}
_ELEMENTS: Final = frozenset(block_names) | names(
    "a abbr audio b bdi bdo big br button cite code data del dfn em font i iframe img input ins kbd label map"
    " mark object output picture pre q ruby s samp script select small span strike strong style sub sup svg"
    " textarea time tt u var video wbr"
)


def sections(text: str, *, with_jsx: bool = False) -> list[Section]:
    """Return the sections of a Markdown text, or of one in MDX.

    Front matter is left out but for its title, and so are comments and embedded images.
    """
    title = None
    if front_matter := _FRONT_MATTER.match(text):
        text = text[front_matter.end() :]
        title = found[2] if (found := _TITLE.search(front_matter[2])) else None
    elif pandoc := _PANDOC_TITLE.match(text):
        text = text[pandoc.end() :]
        title = pandoc[1]
    found_items = items(text, with_jsx=with_jsx)
    if title and not any(isinstance(item, Heading) and item.level == 1 for item in found_items):
        found_items.insert(0, Heading(0, title))
    return list(by_heading(found_items))


def mdx_sections(text: str) -> list[Section]:
    """Return the sections of a text in MDX."""
    return sections(text, with_jsx=True)


def items(text: str, *, with_jsx: bool = False) -> list[Heading | Block]:
    """Return the headings and blocks of a text without front matter, in their order."""
    text = dialects.plain(_DATA_ADDRESS.sub("(", text), with_jsx=with_jsx)
    # Blocks only: inline markup is quoted as it is written, but for headings.
    parser = MarkdownIt("commonmark").enable("table").disable("inline")
    if with_jsx:
        parser.disable("code")  # MDX has no code by indent
    return list(_items(parser.parse(text), text.split("\n"), MarkdownIt("commonmark")))


def _items(tokens: list[Token], lines: list[str], inline: MarkdownIt) -> Iterator[Heading | Block]:
    for token, following in itertools.zip_longest(tokens, tokens[1:]):
        if token.level or token.map is None:
            continue
        if token.type == "heading_open":
            yield Heading(int(token.tag[1:]), _plain(inline, dialects.heading(following.content)))
            continue
        text = "\n".join(lines[token.map[0] : token.map[1]]).rstrip()
        if token.type == "html_block":
            yield from _html(text)
            continue
        kind = _KINDS.get(token.type, "text")
        if kind != "code" and "<!--" in text and "`" not in text:
            text = _without_comments(text).rstrip()
        if token.type != "hr" and text.strip():
            yield Block(kind, text if kind == "code" else text.strip("\n"))  # type: ignore[arg-type]


def _html(text: str) -> list[Heading | Block]:
    """Return a piece of HTML as what it shows; a word in angle brackets that is no element is text."""
    text = _without_comments(text).strip()
    tag = _TAG.match(text)
    if tag is not None and tag[1].lower() not in _ELEMENTS and "-" not in tag[1]:
        return [Block("text", text)]
    return page.items(text) if text else []


def _without_comments(text: str) -> str:
    """Return a text without its comments; what follows one that does not end is in it, as in a browser."""
    before, *rest = text.split("<!--")
    return before + "".join(part.partition("-->")[2] for part in rest)


def _plain(inline: MarkdownIt, markup: str) -> str:
    """Return the words of a heading without its markup, and without links that are mere signs."""
    words: list[str] = []
    opened: list[int] = []
    for token in inline.parseInline(markup):
        for child in token.children or ():
            if child.type == "link_open":
                opened.append(len(words))
            elif child.type == "link_close":
                start = opened.pop()
                if not any(map(str.isalnum, "".join(words[start:]))):
                    del words[start:]
            elif child.type in {"softbreak", "hardbreak"}:
                words.append(" ")
            elif child.type != "html_inline":
                words.append(child.content)
    return "".join(words)
