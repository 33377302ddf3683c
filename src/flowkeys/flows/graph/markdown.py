"""HTML as Markdown, as Flowise's converter writes it with its defaults.

Headings of the first two levels are underlined, code blocks are indented, nothing is escaped, tags that mean
nothing in Markdown are dropped, and white space counts as HTML counts it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
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
_ASCII_SPACE: Final = " \t\r\n"
_BACKTICKS = re.compile(r"`+")
_UNDERLINED: Final = {1: "=", 2: "-"}


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


def write(page: Element) -> str:
    """Return a page as Markdown."""
    return _inside(page).lstrip("\t\r\n").rstrip()


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


def _inside(element: Element) -> str:
    """Return what is in an element, with at most one blank line between two pieces."""
    pieces: list[str] = []
    lines = 0
    for child in element.children:
        piece = child.text if child.name is None else _replaced(child)
        rest = piece.lstrip("\n")
        lines = max(lines, len(piece) - len(rest))
        if not rest:
            lines = min(lines, 2)
            continue
        kept = rest.rstrip("\n")
        pieces += ("\n\n"[:lines], kept)
        lines = len(rest) - len(kept)
    pieces.append("\n\n"[:lines])
    return "".join(pieces)


def _replaced(element: Element) -> str:
    blank = "\n\n" if element.is_block else ""
    inner = blank if element.is_blank else _inside(element)
    before, after = ("", "") if element.is_block else _flanks(element)
    if before or after:
        inner = inner.strip()
    if not element.is_blank:
        inner = _RULES.get(element.name or "", _other)(element, inner)
    return f"{before}{inner}{after}"


def _flanks(element: Element) -> tuple[str, str]:
    """Return the white space at the ends of an inline element, which belongs outside its marks."""
    text = element.content
    if not text[:1].isspace() and not text[-1:].isspace():
        return "", ""
    behind = text.lstrip()
    if not behind:
        return ("" if _has_space(element, -1) else text), ""
    before, after = text[: len(text) - len(behind)], text[len(text.rstrip()) :]
    return (
        before.lstrip(_ASCII_SPACE) if _has_space(element, -1) else before,
        after.rstrip(_ASCII_SPACE) if _has_space(element, 1) else after,
    )


def _has_space(element: Element, step: int) -> bool:
    """Tell whether what is beside an inline element ends with a space on that side."""
    other = element.beside(step)
    if other is None or other.is_block:
        return False
    return (other.content[-1:] if step < 0 else other.content[:1]) == " "


def _other(element: Element, inner: str) -> str:
    return f"\n\n{inner}\n\n" if element.is_block else inner


def _heading(element: Element, inner: str) -> str:
    level = int((element.name or "h1")[1])
    line = _UNDERLINED.get(level)
    if line is None:
        return f"\n\n{'#' * level} {inner}\n\n"
    return f"\n\n{inner}\n{line * len(inner)}\n\n"


def _quote(_: Element, inner: str) -> str:
    lines = inner.strip("\n").split("\n")
    return "\n\n" + "\n".join(f"> {line}" for line in lines) + "\n\n"


def _list(element: Element, inner: str) -> str:
    parent = element.parent
    if parent is not None and parent.name == "li" and not _elements_behind(element):
        return f"\n{inner}"
    return f"\n\n{inner}\n\n"


def _elements_behind(element: Element) -> bool:
    siblings = element.parent.children if element.parent is not None else []
    return siblings[-1].number > element.number and any(
        child.name is not None for child in siblings[element.place + 1 :]
    )


def _item(element: Element, inner: str) -> str:
    stripped = inner.lstrip("\n")
    without = stripped.rstrip("\n")
    inner = (f"{without}\n" if without != stripped else without).replace("\n", "\n    ")
    end = "\n" if element.beside(1) is not None and not inner.endswith("\n") else ""
    return f"{_bullet(element)}{inner}{end}"


def _bullet(element: Element) -> str:
    parent = element.parent
    if parent is None or parent.name != "ol":
        return "*   "
    start = str(parent.attributes.get("start") or "1")
    return f"{element.number + (int(start) if start.isdecimal() and len(start) < 10 else 1)}.  "  # noqa: PLR2004


def _pre(element: Element, inner: str) -> str:
    first = element.children[0] if element.children else None
    if first is None or first.name != "code":
        return f"\n\n{inner}\n\n"
    text = first.content.replace("\n", "\n    ")
    return f"\n\n    {text}\n\n"


def _code(_: Element, inner: str) -> str:
    if not inner:
        return ""
    text = re.sub(r"\r?\n|\r", " ", inner)
    space = " " if text[0] == "`" or text[-1] == "`" or (text[0] == text[-1] == " " and text.strip()) else ""
    runs = set(_BACKTICKS.findall(text))
    mark = "`"
    while mark in runs:
        mark += "`"
    return f"{mark}{space}{text}{space}{mark}"


def _link(element: Element, inner: str) -> str:
    href = element.attributes.get("href")
    return f"[{inner}]({href}{_title(element)})" if href else inner


def _image(element: Element, _: str) -> str:
    source = element.attributes.get("src")
    alt = _lines(str(element.attributes.get("alt") or ""))
    return f"![{alt}]({source}{_title(element)})" if source else ""


def _title(element: Element) -> str:
    title = _lines(str(element.attributes.get("title") or "")).replace('"', '\\"')
    return f' "{title}"' if title else ""


def _lines(text: str) -> str:
    return re.sub(r"(\n+\s*)+", "\n", text)


def _marked(mark: str) -> Callable[[Element, str], str]:
    return lambda _, inner: f"{mark}{inner}{mark}" if inner.strip() else ""


_RULES: Final[Mapping[str, Callable[[Element, str], str]]] = {
    "br": lambda *_: "  \n",
    **{f"h{level}": _heading for level in range(1, 7)},
    "blockquote": _quote,
    "ul": _list,
    "ol": _list,
    "li": _item,
    "pre": _pre,
    "hr": lambda *_: "\n\n* * *\n\n",
    "a": _link,
    "em": _marked("_"),
    "i": _marked("_"),
    "strong": _marked("**"),
    "b": _marked("**"),
    "code": _code,
    "img": _image,
}
