"""Answers as people read them: their Markdown as HTML, with nothing in it that the answer wrote as HTML.

Whoever writes an answer (a model, a passage, a stranger who made either say something) is not trusted. HTML
in it is text. Links go to other sites by http, https or mail and never to our own pages, images become links
to them, and all of it goes through a sanitiser with a short list of elements
(docs/adr/0023-answers-as-markdown.md).
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_DEEPEST: Final = 20
"""How deeply quotes and lists may be in each other; a text with more is shown as it is."""
_BRACKETS: Final = 2_000
"""Each may begin a link, whose end the parser looks for. A text with more of them is shown as it is."""
_ADDRESSES: Final = 20
"""In one word, each of which the parser reads to the word's end."""
_FIRST_HEADING: Final = 4
"""An answer stands below an ``h3``."""
_LAST_HEADING: Final = 6
_TABLE: Final = '<div class="table-scroll" role="region" aria-label="Table" tabindex="0"><table>'
_TEXTS: Final = {"text", "softbreak"}
_SCHEMES: Final = ("http", "https", "mailto")
_LEADS_OUT: Final = re.compile(r"https?://[^/\\]|mailto:", re.IGNORECASE)
"""Where no host follows, as in ``http:/keys``, browsers look at our own server (URL standard, 4.4)."""

_SANITISER: Final = nh3.Cleaner(
    tags={
        *(
            "p",
            "br",
            "hr",
            "h4",
            "h5",
            "h6",
            "strong",
            "em",
            "s",
            "code",
            "pre",
            "blockquote",
            "ul",
            "ol",
            "li",
        ),
        *("a", "div", "table", "thead", "tbody", "tr", "th", "td"),
    },
    clean_content_tags=set(),
    attributes={
        "*": set(),
        "a": {"href"},
        "ol": {"start"},
        "pre": {"tabindex"},
        "div": {"class", "role", "aria-label", "tabindex"},
    },
    url_schemes=set(_SCHEMES),
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},
)


def formatted(text: str) -> Markup | None:
    """Return an answer's Markdown as HTML that is safe to show; None when it is best shown as it is.

    A line end is a line end, as it is in most chats. The result is a sequence of blocks, for a ``div``.
    """
    text = text.removeprefix("\ufeff").encode("utf-8", "replace").decode("utf-8")
    if text.count("[") > _BRACKETS or any(word.count("://") > _ADDRESSES for word in text.split()):
        return None
    tokens = _parser().parse(text)
    if _is_plain(tokens, text) or any(token.level >= _DEEPEST - 1 for token in tokens):
        return None
    _set_headings(tokens)
    for token in tokens:
        if token.children:
            token.children = list(_for_a_page(token.children))
    html = _parser().renderer.render(tokens, _parser().options, {})
    html = html.replace("<table>", _TABLE).replace("</table>", "</table></div>")
    clean = _SANITISER.clean(html.replace("<pre>", '<pre tabindex="0">'))
    return Markup(clean) if clean.strip() else None  # noqa: S704  # sanitised


@cache
def _parser() -> MarkdownIt:
    options = {"html": False, "linkify": True, "breaks": True, "maxNesting": _DEEPEST}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough", "linkify"])
    assert parser.linkify is not None
    # "report.md" is a file here, and not a place in Moldova.
    parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    return parser


def _is_plain(tokens: list[Token], text: str) -> bool:
    """Tell whether showing the text as it is shows the same: it has words and line ends only."""
    words = []
    for token in tokens:
        parts = token.children or []
        if token.type not in {"paragraph_open", "inline", "paragraph_close"}:
            return False
        if any(part.type not in _TEXTS for part in parts):
            return False
        words += "".join(part.content or "\n" for part in parts).split()
    return words == text.split()


def _set_headings(tokens: list[Token]) -> None:
    """Put headings below those of the page, none more than one level below the one before it."""
    before = _FIRST_HEADING - 1
    tops = min((int(token.tag[1]) for token in tokens if token.type == "heading_open"), default=1)
    for token in tokens:
        if token.type == "heading_open":
            level = _FIRST_HEADING + int(token.tag[1]) - tops
            before = min(level, before + 1, _LAST_HEADING)
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{before}"


def _for_a_page(tokens: list[Token]) -> Iterator[Token]:
    """Leave out links to our own pages, and make images links: a page asks no other server for anything."""
    links: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            links.append(_leads_out(token.attrs.get("href")))
            if links[-1]:
                yield token
        elif token.type == "link_close":
            if links.pop():
                yield token
        elif token.type == "image":
            yield from _image_as_link(token, is_inside=any(links))
        else:
            yield token


def _image_as_link(token: Token, *, is_inside: bool) -> Iterator[Token]:
    address = token.attrs.get("src")
    words = Token("text", "", 0)
    words.content = token.content or str(address)
    is_link = _leads_out(address) and not is_inside
    if is_link:
        link = Token("link_open", "a", 1)
        link.attrs = {"href": str(address)}
        yield link
    yield words
    if is_link:
        yield Token("link_close", "a", -1)


def _leads_out(address: object) -> bool:
    return _LEADS_OUT.match(str(address)) is not None
