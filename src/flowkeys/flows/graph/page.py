"""HTML as elements and texts, its white space counted as a browser counts it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_NAMES: Final = re.compile(r"\w+")
BLOCKS: Final = frozenset(
    _NAMES.findall(
        "address article aside audio blockquote body canvas center dd dir div dl dt fieldset figcaption "
        "figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html isindex li main menu nav "
        "noframes noscript ol output p pre section table tbody td tfoot th thead tr ul"
    )
)
VOID: Final = frozenset(
    _NAMES.findall("area base br col command embed hr img input keygen link meta param source track wbr")
)
_MEANINGFUL: Final = frozenset(
    ["a", "table", "thead", "tbody", "tfoot", "th", "td", "iframe", "script", "audio", "video"]
)
"""Elements that are something even when there is no text in them."""


_SPACES = re.compile(r"[ \r\n\t]+")


class Element:
    """A piece of a page: an element, or a text, which has no name."""

    __slots__ = ("attributes", "children", "content", "is_blank", "name", "number", "parent", "place", "text")

    def __init__(self, name: str | None, parent: "Element | None", text: str = "") -> None:
        self.name = name
        self.parent = parent
        self.text = text
        self.attributes: Mapping[str, Any] = {}
        self.children: list[Element] = []
        self.place = 0
        """Which of its parent's children it is."""
        self.number = 0
        """Which of its parent's elements it is."""
        self.content = ""
        """All text in it."""
        self.is_blank = False

    @property
    def is_block(self) -> bool:
        """Whether it stands on lines of its own."""
        return self.name in BLOCKS

    def beside(self, step: int) -> "Element | None":
        """Return the piece before (-1) or behind (1)."""
        siblings = self.parent.children if self.parent is not None else []
        place = self.place + step
        return siblings[place] if 0 <= place < len(siblings) else None


def read(root: Any) -> Element:
    """Return a parsed page, its white space counted as HTML counts it.

    Raises:
        RecursionError: its elements are nested too deeply.
    """
    page = Element("body", None)
    _copy(root, page)
    _collapse(page)
    _settle(page)
    return page


def _copy(node: Any, into: Element) -> None:
    for child in node.children or ():
        if child.name == "#text":
            into.children.append(Element(None, into, child.data or ""))
        elif not child.name.startswith(("#", "!")):
            element = Element(child.name.lower(), into)
            element.attributes = child.attrs or {}
            into.children.append(element)
            _copy(child, element)


def _walk(page: Element) -> Iterator[Element]:
    """Yield what is inside in its order, elements when they begin and again when they end."""
    ahead = [iter(page.children)]
    around: list[Element] = []
    while ahead:
        node = next(ahead[-1], None)
        if node is None:
            ahead.pop()
            if around:
                yield around.pop()
            continue
        yield node
        if node.children and node.name != "pre":
            around.append(node)
            ahead.append(iter(node.children))


def _collapse(page: Element) -> None:
    """Make one space of several, and none of those that a browser would not show."""
    before: Element | None = None
    keeps = False
    for node in _walk(page):
        if node.name is None:
            text = _SPACES.sub(" ", node.text)
            if (before is None or before.text.endswith(" ")) and not keeps and text.startswith(" "):
                text = text[1:]
            node.text = text
            before = node if text else before
        elif node.is_block or node.name == "br":
            if before is not None:
                before.text = before.text.removesuffix(" ")
            before, keeps = None, False
        elif node.name in VOID or node.name == "pre":
            before, keeps = None, True
        elif before is not None:
            keeps = False
    if before is not None:
        before.text = before.text.removesuffix(" ")


def _settle(element: Element) -> None:
    """Drop texts of which nothing is left, and note what each element has inside."""
    element.children = [child for child in element.children if child.name is not None or child.text]
    blank = element.name not in VOID and element.name not in _MEANINGFUL
    number = 0
    for place, child in enumerate(element.children):
        child.place, child.number = place, number
        number += child.name is not None
        if child.name is None:
            child.content = child.text
            blank = blank and not child.text.strip()
        else:
            _settle(child)
            blank = blank and child.is_blank
    element.content = "".join(child.content for child in element.children)
    element.is_blank = blank
