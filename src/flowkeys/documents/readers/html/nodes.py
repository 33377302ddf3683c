"""Elements of HTML, and what they say of themselves."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any, Final

from flowkeys.documents.readers.html import inline

_LANGUAGE: Final = re.compile(r"(?:language|lang|highlight|brush:?)[-:]?\s*([\w+#.-]+)")


def names(text: str) -> frozenset[str]:
    """Return a set of names from a text with spaces between them."""
    return frozenset(text.split())


def classes_of(node: Any) -> set[str]:
    """Return the classes of an element."""
    return set(((node.attrs or {}).get("class") or "").split())


def nodes(root: Any) -> Iterator[Any]:
    """Yield the elements of a tree in their order."""
    stack = [root]
    while stack:
        node = stack.pop()
        if node.name.startswith(("#text", "#comment", "!")):
            continue
        yield node
        stack.extend(reversed(node.children or ()))


def text_of(node: Any) -> str:
    """Return the words in an element, white space made single."""
    parts: list[str] = []
    stack = [node]
    while stack:
        one = stack.pop()
        if one.name == "#text":
            parts.append(one.data or "")
        else:
            stack.extend(reversed(getattr(one, "children", None) or ()))
    return " ".join(inline.clean("".join(parts)).split())


def first_number(node: Any) -> int | None:
    """Return the number that a list starts with or an item has, where the page says it."""
    name = {"ol": "start", "li": "value"}.get(node.name)
    if name is not None:
        with contextlib.suppress(TypeError, ValueError):
            return int(node.attrs.get(name))
    return None


def number(node: Any, attribute: str) -> int:
    """Return an attribute that is a number, else 1."""
    with contextlib.suppress(TypeError, ValueError):
        return int(node.attrs.get(attribute))
    return 1


def language(node: Any) -> str:
    """Return the language of a piece of code where a class of it or around it tells: ``language-python``."""
    inner = next((child for child in node.children or () if child.name == "code"), None)
    candidates = [one for one in (inner, node) if one is not None]
    for _ in range(2):
        if node.parent is not None:
            node = node.parent
            candidates.append(node)
    for one in candidates:
        attributes = one.attrs or {}
        named = attributes.get("data-lang") or attributes.get("data-language")
        if named:
            return str(named)
        if found := _LANGUAGE.search(" ".join(sorted(classes_of(one)))):
            return found[1]
    return ""
