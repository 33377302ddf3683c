"""What becomes of the elements of HTML: headings, and blocks in Markdown."""

import re
from typing import Any, Final

from flowkeys.documents.readers.html import inline, tables
from flowkeys.documents.readers.html.blocks import Frame, in_a_line, listed, quoted, tabled
from flowkeys.documents.readers.html.nodes import (
    classes_of,
    first_number,
    language,
    names,
    nodes,
    number,
    text_of,
)
from flowkeys.documents.sections import Block, Heading

DEEPEST: Final = 20
"""Lists, quotations and tables within each other; further down, they are read as what is in them."""
_BLOCKS: Final = names(
    "address article aside blockquote body caption center colgroup details dialog dd dir div dl dt fieldset"
    " figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li listing main menu nav"
    " ol optgroup option p plaintext pre search section summary table tbody td tfoot th thead tr ul xmp"
)
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_LISTS: Final = names("ul ol menu dir")
_CODE: Final = names("pre listing xmp plaintext")
_FRAMED: Final = names("li blockquote table td th dt dd") | _LISTS | _CODE | frozenset(_HEADINGS)
_WORDS_ALONE: Final = names("dt") | frozenset(_HEADINGS)
_WORDS_OF_A_BUTTON: Final = 3
_FENCE: Final = re.compile(r"`{3,}")
_TERM_LEVEL: Final = 6


class Writer:
    """Takes the beginnings and ends of elements, and text, in their order."""

    def __init__(self) -> None:
        self._frames = [Frame("body")]
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
        words = text_of(node)
        if self._frames[-1].name in _WORDS_ALONE:  # the button of an accordion is its whole heading
            outer = node
            while outer.name not in _WORDS_ALONE and outer.parent is not None:
                outer = outer.parent
            return text_of(outer) != words
        return len(words.split()) < _WORDS_OF_A_BUTTON

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
            self._frames.append(Frame(name, number=first_number(node)))
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
            self._end_described()
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
        signs = frame.name not in _WORDS_ALONE
        text = inline.render("".join(frame.inline), signs=signs)
        frame.inline.clear()
        if text:
            (self._entry(frame) if frame.name in _LISTS else frame.items).append(Block("text", text))

    @staticmethod
    def _entry(frame: Frame) -> list[Heading | Block]:
        frame.entries.append([])
        return frame.entries[-1]

    def _drop_term(self) -> None:
        """Write a term that nothing defines."""
        frame = self._frames[-1]
        if frame.term:
            frame.items.append(Block("text", f"**{frame.term}**"))
            frame.term = ""

    def _end_described(self) -> None:
        """What follows the description of functions is not about the last of them."""
        frame = self._frames[-1]
        if frame.described is not None:
            frame.items.append(Heading(frame.described, ""))
            frame.described = None

    def _row(self, node: Any) -> None:
        if self._frames[-1].name == "table":
            in_head = node.parent is not None and node.parent.name == "thead"
            self._frames[-1].rows.append(tables.Row([], in_head))

    def _end(self, frame: Frame, node: Any) -> None:
        parent = self._frames[-1]
        if frame.name in _HEADINGS:
            self._end_heading(frame, parent)
        elif frame.name in _CODE:
            self._end_code(frame, node, parent)
        elif frame.name in _LISTS:
            parent.items.extend(listed(frame))
        elif frame.name == "li":
            self._end_item(frame, parent)
        elif frame.name == "blockquote":
            parent.items.extend(quoted(frame.items))
        elif frame.name in {"td", "th"}:
            self._end_cell(frame, node, parent)
        elif frame.name == "table":
            parent.items.extend(tabled(frame))
            for outer in self._frames:
                outer.holds_table = True
        elif frame.name == "dt":
            self._end_term(frame, node, parent)
        else:
            self._end_definition(frame, parent)

    def _end_heading(self, frame: Frame, parent: Frame) -> None:
        title = _words(frame)
        if title:
            parent.items.append(Heading(_HEADINGS[frame.name], title))

    def _end_code(self, frame: Frame, node: Any, parent: Frame) -> None:
        code = "".join(frame.inline).strip("\n").rstrip()
        if not code.strip():
            return
        fence = "`" * max(3, 1 + max(map(len, _FENCE.findall(code)), default=0))
        target = self._entry(parent) if parent.name in _LISTS else parent.items
        target.append(Block("code", f"{fence}{language(node)}\n{code}\n{fence}"))

    def _end_item(self, frame: Frame, parent: Frame) -> None:
        if parent.name in _LISTS:
            if frame.number is not None:
                parent.number = frame.number - len(parent.entries)
            parent.entries.append(frame.items)
        else:
            parent.items.extend(listed(Frame("ul", entries=[frame.items])))

    def _end_cell(self, frame: Frame, node: Any, parent: Frame) -> None:
        if parent.name != "table":
            parent.items.extend(frame.items)
            return
        parent.entries.append(frame.items)
        if not parent.rows:
            parent.rows.append(tables.Row([]))
        spans = (number(node, "colspan"), number(node, "rowspan"))
        text = " ".join(in_a_line(item) for item in frame.items)
        parent.rows[-1].cells.append(tables.Cell(text, frame.name == "th", *spans))

    def _end_term(self, frame: Frame, node: Any, parent: Frame) -> None:
        if "sig" in classes_of(node):  # what a reference describes: a function, an option
            self._drop_term()
            parent.described = _TERM_LEVEL + 1 + sum(one.name == "dd" for one in self._frames)
            parent.items.append(Heading(parent.described, _words(frame)))
        elif any(isinstance(item, Heading) for item in frame.items):
            self._drop_term()
            parent.items.extend(frame.items)
        else:
            text = _words(frame).removesuffix(":")
            parent.term = f"{parent.term}, {text}" if parent.term else text

    @staticmethod
    def _end_definition(frame: Frame, parent: Frame) -> None:
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


def _words(frame: Frame) -> str:
    return " ".join(" ".join(item.text for item in frame.items if isinstance(item, Block)).split())
