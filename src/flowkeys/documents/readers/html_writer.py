"""What becomes of the elements of HTML: headings, and blocks in Markdown."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from flowkeys.documents.readers import html_tables, inline
from flowkeys.documents.sections import Block, Heading


def names(text: str) -> frozenset[str]:
    """Return a set of names from a text with spaces between them."""
    return frozenset(text.split())


DEEPEST: Final = 20
"""Lists, quotations and tables within each other; further down, they are read as what is in them."""
_BLOCKS: Final = names(
    "address article aside blockquote body caption center colgroup details dialog dd dir div dl dt fieldset"
    """Lists, quotations and tables within each other; further down they are read as what is in them."""
    " optgroup option p plaintext pre search section summary table tbody td tfoot th thead tr ul xmp"
)
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_LISTS: Final = names("ul ol menu dir")
_CODE: Final = names("pre listing xmp plaintext")
_FRAMED: Final = names("li blockquote table td th dt dd") | _LISTS | _CODE | frozenset(_HEADINGS)
_LANGUAGE: Final = re.compile(r"(?:language|lang|highlight|brush:?)[-:]?\s*([\w+#.-]+)")
_WORDS_OF_A_BUTTON: Final = 3
_FENCE: Final = re.compile(r"`{3,}")
_BLANK: Final = re.compile(r"\n +(?=\n)")
_LONG_LIST: Final = 1_200
_TERM_LEVEL: Final = 6


class _Frame(msgspec.Struct):
    """An element that has blocks of its own until it ends."""

    name: str
    items: list[Heading | Block] = msgspec.field(default_factory=list)
    inline: list[str] = msgspec.field(default_factory=list)
    entries: list[list[Heading | Block]] = msgspec.field(default_factory=list)
    """Of a list its items, of a table its cells."""
    rows: list[html_tables.Row] = msgspec.field(default_factory=list)
    term: str = ""
    """That a definition list is about to define."""
    number: int | None = None
    holds_table: bool = False
    """A table within a table: the outer one only places things on the page."""


class Writer:
    """Takes the beginnings and ends of elements, and text, in their order."""

    def __init__(self) -> None:
        self._frames = [_Frame("body")]
        self._opened: list[bool] = []

    @property
    def is_quoting(self) -> bool:
        """Whether this is within a quotation."""
        return any(frame.name == "blockquote" for frame in self._frames)

    def is_mere_button(self, node: Any) -> bool:
        """Whether a button only does something; those of accordions and tabs say what is below them."""
        attributes = node.attrs or {}
        if "aria-expanded" in attributes or attributes.get("role") == "tab":
            return False
        in_heading = self._frames[-1].name in {*_HEADINGS, "dt"}
        return not in_heading and len(text_of(node).split()) < _WORDS_OF_A_BUTTON

    def is_permalink(self, node: Any) -> bool:
        """Whether it is the sign beside a heading that links to it, such as ¶ or #."""
        if node.name != "a" or self._frames[-1].name not in {*_HEADINGS, "dt"}:
            return False
        return "#" in (node.attrs.get("href") or "") and not any(map(str.isalnum, text_of(node)))

    def takes_input(self, node: Any) -> bool:
        """Whether it is the box of an item that is done or not."""
        return node.attrs.get("type") == "checkbox" and self._frames[-1].name == "li"

    def text(self, data: str) -> None:
        """Add text."""
        self._frames[-1].inline.append(inline.clean(data))

    def open(self, node: Any) -> None:
        """Begin an element."""
        name = node.name
        if self._frames[-1].name in _CODE:
            self._opened.append(False)
            if name == "br" or (name in {"div", "p", "li"} and self._frames[-1].inline):
                self._new_line(forced=name == "br")
            return
        if name in _BLOCKS or "-" in name:
            self._flush()
        framed = name in _FRAMED and len(self._frames) <= DEEPEST
        self._opened.append(framed)
        if framed:
            self._frames.append(_Frame(name, number=_first_number(node)))
        elif name == "tr":
            self._row(node)
        else:
            self._add_inline(node)

    def close(self, node: Any) -> None:
        """End the element that was begun last and has not ended."""
        name = node.name
        framed = self._opened.pop()
        if self._frames[-1].name in _CODE and not framed:
            if name in {"div", "p", "li"}:
                self._new_line(forced=False)
            return
        if framed:
            if name not in _CODE:
                self._flush()
            self._end(self._frames.pop(), node)
        elif name == "dl":
            self._flush()
            self._drop_term()
        elif name in _BLOCKS or "-" in name:
            if name in {"summary", "button"}:
                self.text_mark(inline.STRONG_END)
            self._flush()
        elif name in inline.ENDS:
            self.text_mark(inline.ENDS[name])

    def text_mark(self, mark: str) -> None:
        """Add a mark of `inline`."""
        self._frames[-1].inline.append(mark)

    def finish(self) -> list[Heading | Block]:
        """Return all there was."""
        self._flush()
        self._drop_term()
        return self._frames[0].items

    def _add_inline(self, node: Any) -> None:
        name = node.name
        if name == "br":
            self.text_mark(inline.BREAK)
        elif name == "img":
            self.text(f" {node.attrs.get('alt') or ''} ")
        elif name == "input":
            self.text("[x] " if "checked" in node.attrs else "[ ] ")
        elif name in {"summary", "button"}:
            self._flush()
            self.text_mark(inline.STRONG)
        elif name in inline.STARTS:
            self.text_mark(inline.STARTS[name])

    def formula(self, node: Any) -> None:
        """Add a formula as it was typed, where the page says so, else its signs."""
        typed = next((one for one in nodes(node) if one.name == "annotation"), node)
        self.text((node.attrs or {}).get("alttext") or text_of(typed))

    def _new_line(self, *, forced: bool) -> None:
        lines = self._frames[-1].inline
        if forced or (lines and not lines[-1].endswith("\n")):
            lines.append("\n")

    def _flush(self) -> None:
        """Make a block of the text since the last one."""
        frame = self._frames[-1]
        if frame.name in _LISTS and not any(map(str.strip, frame.inline)):
            frame.inline.clear()
        if not frame.inline:
            return
        text = inline.render("".join(frame.inline))
        frame.inline.clear()
        if text:
            (self._entry(frame) if frame.name in _LISTS else frame.items).append(Block("text", text))

    @staticmethod
    def _entry(frame: _Frame) -> list[Heading | Block]:
        frame.entries.append([])
        return frame.entries[-1]

    def _drop_term(self) -> None:
        """Write a term that nothing defines."""
        frame = self._frames[-1]
        if frame.term:
            frame.items.append(Block("text", f"**{frame.term}**"))
            frame.term = ""

    def _row(self, node: Any) -> None:
        if self._frames[-1].name == "table":
            in_head = node.parent is not None and node.parent.name == "thead"
            self._frames[-1].rows.append(html_tables.Row([], in_head))

    def _end(self, frame: _Frame, node: Any) -> None:
        parent = self._frames[-1]
        if frame.name in _HEADINGS:
            self._end_heading(frame, parent)
        elif frame.name in _CODE:
            self._end_code(frame, node, parent)
        elif frame.name in _LISTS:
            parent.items.extend(_list(frame))
        elif frame.name == "li":
            self._end_item(frame, parent)
        elif frame.name == "blockquote":
            parent.items.extend(_quotation(frame.items))
        elif frame.name in {"td", "th"}:
            self._end_cell(frame, node, parent)
        elif frame.name == "table":
            parent.items.extend(_table(frame))
            for outer in self._frames:
                outer.holds_table = True
        elif frame.name == "dt":
            self._end_term(frame, node, parent)
        else:
            self._end_definition(frame, parent)

    def _end_heading(self, frame: _Frame, parent: _Frame) -> None:
        title = inline.plain(" ".join(item.text for item in frame.items if isinstance(item, Block)))
        if title:
            parent.items.append(Heading(_HEADINGS[frame.name], title))

    def _end_code(self, frame: _Frame, node: Any, parent: _Frame) -> None:
        code = "".join(frame.inline).strip("\n").rstrip()
        if not code.strip():
            return
        fence = "`" * max(3, 1 + max(map(len, _FENCE.findall(code)), default=0))
        target = self._entry(parent) if parent.name in _LISTS else parent.items
        target.append(Block("code", f"{fence}{_language(node)}\n{code}\n{fence}"))

    def _end_item(self, frame: _Frame, parent: _Frame) -> None:
        if parent.name in _LISTS:
            if frame.number is not None:
                parent.number = frame.number - len(parent.entries)
            parent.entries.append(frame.items)
        else:
            parent.items.extend(_list(_Frame("ul", entries=[frame.items])))

    def _end_cell(self, frame: _Frame, node: Any, parent: _Frame) -> None:
        if parent.name != "table":
            parent.items.extend(frame.items)
            return
        parent.entries.append(frame.items)
        if not parent.rows:
            parent.rows.append(html_tables.Row([]))
        spans = (_number(node, "colspan"), _number(node, "rowspan"))
        text = " ".join(_in_a_line(item) for item in frame.items)
        parent.rows[-1].cells.append(html_tables.Cell(text, frame.name == "th", *spans))

    def _end_term(self, frame: _Frame, node: Any, parent: _Frame) -> None:
        text = " ".join(item.text for item in frame.items if isinstance(item, Block))
        if "sig" in classes_of(node):  # what a reference describes: a function, an option
            depth = sum(one.name == "dd" for one in self._frames)
            self._drop_term()
            parent.items.append(Heading(_TERM_LEVEL + 1 + depth, inline.plain(text)))
        elif any(isinstance(item, Heading) for item in frame.items):
            self._drop_term()
            parent.items.extend(frame.items)
        else:
            parent.term = f"{parent.term}, {inline.plain(text)}" if parent.term else inline.plain(text)

    @staticmethod
    def _end_definition(frame: _Frame, parent: _Frame) -> None:
        items = frame.items
        if frame.term:
            items.append(Block("text", f"**{frame.term}**"))
        if parent.term:
            if items and isinstance(items[0], Block) and items[0].kind == "text":
                items[0] = Block("text", f"**{parent.term}**: {items[0].text}")
            else:
                items.insert(0, Block("text", f"**{parent.term}**:"))
            parent.term = ""
        parent.items.extend(items)


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


def _list(frame: _Frame) -> list[Heading | Block]:
    """Return a list as one block, or as several where it is a page's frame rather than a list."""
    entries = [entry for entry in frame.entries if entry]
    number = frame.number
    written: list[str] = []
    spilled: list[Heading | Block] = []
    has_headings = any(isinstance(item, Heading) for entry in entries for item in entry)
    if has_headings:
        return [item for entry in entries for item in entry] + frame.items
    for entry in entries:
        marker = "- " if frame.name != "ol" else f"{number if number is not None else 1 + len(written)}. "
        number = number + 1 if number is not None else None
        blocks = [item for item in entry if isinstance(item, Block)]
        text = blocks[0].text
        for block in blocks[1:]:
            text += ("\n" if block.kind == "list" else "\n\n") + block.text
        written.append(marker + _BLANK.sub("\n", text.replace("\n", "\n" + " " * len(marker))))
        first, *rest = blocks
        if first.kind == "text":
            first = Block("text", marker + first.text)
        spilled += [first, *rest]
    text = "\n".join(written)
    if len(text) > _LONG_LIST and any(isinstance(b, Block) and b.kind in {"code", "table"} for b in spilled):
        return spilled + frame.items  # cutting between lines would cut these
    return [Block("list", text), *frame.items] if text else frame.items


def _quotation(items: list[Heading | Block]) -> list[Heading | Block]:
    if any(isinstance(item, Heading) for item in items):
        return items
    text = "\n\n".join(item.text for item in items if isinstance(item, Block))
    return [Block("text", "> " + text.replace("\n", "\n> "))] if text else []


def _table(frame: _Frame) -> list[Heading | Block]:
    """Return a table; one that only places things on the page is what is in it."""
    items = frame.items
    inner = [item for entry in frame.entries for item in entry]
    if frame.holds_table or any(isinstance(item, Heading) or item.kind == "code" for item in inner):
        return items + inner
    return [*items, *html_tables.render(frame.rows)]


def _in_a_line(item: Heading | Block) -> str:
    if isinstance(item, Heading):
        return item.title
    if item.kind == "list":
        return "; ".join(line.strip().removeprefix("- ") for line in item.text.split("\n"))
    return item.text.replace("\n", " ")


def _first_number(node: Any) -> int | None:
    name = {"ol": "start", "li": "value"}.get(node.name)
    if name is not None:
        with contextlib.suppress(TypeError, ValueError):
            return int(node.attrs.get(name))
    return None


def _number(node: Any, attribute: str) -> int:
    with contextlib.suppress(TypeError, ValueError):
        return int(node.attrs.get(attribute))
    return 1


def _language(node: Any) -> str:
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
