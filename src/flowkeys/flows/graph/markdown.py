"""HTML as Markdown, as Flowise's converter writes it with its defaults.

Headings of the first two levels are underlined, code blocks are indented, nothing is escaped, tags that mean
nothing in Markdown are dropped, and white space counts as HTML counts it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from flowkeys.flows.graph.page import Element

_ASCII_SPACE: Final = " \t\r\n"
_BACKTICKS = re.compile(r"`+")
_UNDERLINED: Final = {1: "=", 2: "-"}


def write(page: Element) -> str:
    """Return a page as Markdown."""
    return _inside(page).lstrip("\t\r\n").rstrip()


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
