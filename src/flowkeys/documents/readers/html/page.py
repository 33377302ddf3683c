"""HTML: its main part as headings and blocks, without what is not text. Nothing that it names is loaded.

Read by a parser that follows the HTML standard, which says which tags may be left out and what becomes of
those that are wrong.
"""

import codecs
import re
from collections.abc import Iterator
from typing import Any, Final

from justhtml import JustHTML

from flowkeys.documents.decoding import decode
from flowkeys.documents.readers.html.nodes import classes_of, names, nodes, text_of
from flowkeys.documents.readers.html.writer import Writer
from flowkeys.documents.refusals import Refused
from flowkeys.documents.sections import Block, Heading, Section, by_heading

_NEVER_TEXT: Final = names(
    "script style noscript svg iframe object embed applet canvas audio video head title select datalist"
    " textarea input progress meter map frame noframes rp"
)
_NOT_THE_TEXT: Final = names("nav footer search")
_NOT_THE_TEXTS_ROLES: Final = names("navigation search banner contentinfo")
_AROUND: Final = names("header aside")
"""Left out where they stand beside the text, kept inside of it."""
_PARTS: Final = names("main article section")
_MARKS: Final = names(
    "headerlink hash-link anchor-link header-anchor heading-anchor sl-anchor-link permalink mw-editsection"
    " linenos lineno linenumber skip-link skip-to-content"
)
_EMPTY_ELEMENT: Final = re.compile(
    r"<(script|style|title|textarea|iframe|a|div|span|p|td|th|li|ul|ol|dd|dt|b|i|em|strong|code|pre)\b([^<>]*)/>"
)
_XHTML: Final = re.compile(r"\A\s*<\?xml\b|<html[^>]{0,500}\bxmlns=", re.IGNORECASE)
_CHARSET: Final = re.compile(
    rb"""<meta[^>]{0,500}?charset\s*=\s*["']?\s*([\w:.-]+)|\A\s*<\?xml[^>]{0,200}?encoding=["']([\w:.-]+)""",
    re.IGNORECASE,
)
_DECLARED_WITHIN: Final = 8_192


def sections(content: bytes) -> list[Section]:
    """Return the sections of a page: of its main part, where it says which that is.

    Raises:
        Refused: it is a frame set, which has no text of its own.
    """
    text = decode(content, _declared(content))
    if _XHTML.search(text[:_DECLARED_WITHIN]):
        text = _EMPTY_ELEMENT.sub(r"<\1\2></\1>", text)
    page = JustHTML(text, sanitize=False).root
    items = next(filter(None, _readings(page)), [])
    title = next((text_of(node) for node in nodes(page) if _is_html(node, "title")), "")
    if not items and any(node.name == "frameset" for node in nodes(page)):
        raise Refused("It is a frame set: import the pages that it shows.")
    if title and items and not any(isinstance(item, Heading) and item.level == 1 for item in items):
        items.insert(0, Heading(1, title))
    return list(by_heading(items))


def items(fragment: str) -> list[Heading | Block]:
    """Return the headings and blocks of a piece of HTML in another text."""
    return _read(JustHTML(fragment, sanitize=False).root, strict=False)


def _readings(page: Any) -> Iterator[list[Heading | Block]]:
    """Yield what the page's main part holds, then more and more of the rest."""
    main = _main(page)
    if main is not None:
        yield _read(main, strict=True)
    yield _read(page, strict=True)
    yield _read(page, strict=False)


def _main(page: Any) -> Any:
    found = list(nodes(page))
    for fits in (
        lambda node: node.name == "main",
        lambda node: (node.attrs.get("role") or "").lower() == "main",
    ):
        if chosen := next(filter(fits, found), None):
            return chosen
    articles = [node for node in found if node.name == "article"]
    return articles[0] if len(articles) == 1 else None


def _read(root: Any, *, strict: bool) -> list[Heading | Block]:
    """Walk through a part of a page. No recursion: a page may be nested as deeply as it likes."""
    writer = Writer()
    inside = int(root.name in _PARTS or (root.attrs or {}).get("role") == "main")
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        node, is_end = stack.pop()
        if is_end:
            inside -= node.name in _PARTS
            writer.close(node)
        elif node.name == "#text":
            writer.text(node.data or "")
        elif node.name == "math":
            writer.formula(node)
        elif not _is_left_out(node, writer, strict=strict, inside=inside > 0):
            inside += node.name in _PARTS
            writer.open(node)
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(_children(node)))
    return writer.finish()


def _is_left_out(node: Any, writer: Writer, *, strict: bool, inside: bool) -> bool:
    name = node.name
    if name in _NEVER_TEXT or name in {"#comment", "!doctype", "#processing-instruction"}:
        return name != "input" or not writer.takes_input(node)
    attributes = node.attrs or {}
    if name == "template":
        return "shadowrootmode" not in attributes
    if name == "button":
        return writer.is_mere_button(node)
    if _MARKS & classes_of(node) or writer.is_permalink(node):
        return True
    if not strict:
        return False
    if "hidden" in attributes and attributes["hidden"] != "until-found":
        return True
    if attributes.get("aria-hidden") == "true" or (attributes.get("role") or "") in _NOT_THE_TEXTS_ROLES:
        return True
    if name in _AROUND and not inside:
        return not any(inner.name == "h1" for inner in nodes(node))
    return name in _NOT_THE_TEXT and not writer.is_quoting


def _children(node: Any) -> list[Any]:
    content = getattr(node, "template_content", None)
    return list((content or node).children or ())


def _is_html(node: Any, name: str) -> bool:
    return node.name == name and node.namespace in {None, "html"}


def _declared(content: bytes) -> str | None:
    found = _CHARSET.search(content[:_DECLARED_WITHIN])
    if found is None:
        return None
    name = (found[1] or found[2]).decode("ascii")
    try:
        # UTF-16 in a declaration that was read as ASCII is UTF-8, says the standard.
        return "utf-8" if codecs.lookup(name).name.startswith("utf-16") else name
    except LookupError:
        return name
