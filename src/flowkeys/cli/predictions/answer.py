"""An answer on a terminal: its Markdown, formatted while it comes. A pipe gets the text as it was sent."""

import re
import sys
from itertools import zip_longest
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Final, Self

from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.live import Live
from rich.markdown import Heading, Markdown, TableElement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from flowkeys.cli.output import console, say
from flowkeys.cli.streams import printable

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_OPEN: Final = 20_000
"""Characters of a block that has no end yet, after which it is printed as it is: each piece reads it anew."""
_NARROWEST: Final = 6
"""Of a column of a table, in characters, with the blanks beside it."""
_INVISIBLE: Final = dict.fromkeys(
    [0xAD, 0x61C, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF],
)
"""Hints on where to break a line and which way it runs, and byte order marks: nothing is seen of them."""


def print_answer(text: str) -> None:
    """Print a whole answer."""
    with Answer() as answer:
        answer.say(text)


class Answer:
    """An answer that comes in pieces. Use it as a context: what has no end yet is printed when it is left."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._console = console() if self._is_terminal else None
        self._live: Live | None = None
        self._open = ""
        self._parser = _parser() if self._is_terminal else None
        self._has_text = False
        self._is_first = True
        self._is_after_return = False

    def say(self, piece: str) -> None:
        """Show one more piece."""
        self._has_text = self._has_text or bool(piece)
        if self._console is None:
            say(piece, nl=False)
            sys.stdout.flush()
            return
        self._open += self._lines_of(piece)
        self._print_blocks(self._console)

    def _lines_of(self, piece: str) -> str:
        """Return a piece with one kind of line end, of which its halves may come in two pieces."""
        if self._is_after_return:
            piece = piece.removeprefix("\n")
        self._is_after_return = piece.endswith("\r") if piece else self._is_after_return
        lines = re.split("\r\n|[\r\n\u2028\u2029]", piece.translate(_INVISIBLE))
        return "\n".join("\t".join(map(printable, line.split("\t"))) for line in lines)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Print what is left; whatever follows begins on a line of its own."""
        if self._console is None:
            if self._has_text:
                say("")
            return
        self._end_live()
        if self._open.strip():
            self._print(self._console, self._open)

    def _print_blocks(self, terminal: Console) -> None:
        """Print the blocks that are complete; show the last one, which may go on, where it can change."""
        assert self._parser is not None
        starts = [token.map[0] for token in self._parser.parse(self._open) if token.level == 0 and token.map]
        if len(starts) > 1:
            lines = self._open.splitlines(keepends=True)
            done, self._open = "".join(lines[: starts[-1]]), "".join(lines[starts[-1] :])
            self._end_live()
            self._print(terminal, done)
        elif len(self._open) > _OPEN:
            done, self._open = self._open, ""
            self._end_live()
            self._print(terminal, done)
        if terminal.is_dumb_terminal or not self._open.strip():
            return
        if self._live is None:
            self._live = Live(console=terminal, transient=True, auto_refresh=False, vertical_overflow="crop")
            self._live.start()
        self._live.update(_Lines(self._open, max(terminal.height - 1, 1)), refresh=True)

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.update("", refresh=True)
            self._live.stop()
            self._live = None

    def _print(self, terminal: Console, text: str) -> None:
        if self._is_first:
            self._is_first = False
        else:
            terminal.print()
        terminal.print(_Lines(text), end="")


class _Heading(Heading):
    """A heading at the left, whatever its level."""

    LEVEL_ALIGN: ClassVar[dict[str, JustifyMethod]] = {}


class _Table(TableElement):
    """A table of which no cell is cut: where it has no room, its rows are lines."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = self.header.row.cells if self.header is not None and self.header.row is not None else []
        rows = [row.cells for row in self.body.rows] if self.body is not None else []
        if len(names) * _NARROWEST <= options.max_width:
            for (table,) in zip(super().__rich_console__(console, options), strict=False):
                assert isinstance(table, Table)
                for column in table.columns:
                    column.overflow = "fold"
                yield table
            return
        for cells in rows or [[]]:
            for name, cell in zip_longest(names, cells):
                value = Text() if cell is None else cell.content
                yield Text.assemble(name.content, ": ", value, overflow="fold") if name else value
            yield Text()


class _Formatted(Markdown):
    """Markdown in which HTML is text, and links and images show where they lead."""

    elements: ClassVar = {**Markdown.elements, "heading_open": _Heading, "table_open": _Table}

    def __init__(self, text: str) -> None:
        super().__init__("", hyperlinks=False)
        self.parsed = _parser().parse(text)
        for token in self.parsed:
            for part in token.children or ():
                if part.type == "image":
                    words, address = part.content, str(part.attrs.get("src", ""))
                    part.type, part.tag, part.children = "text", "", None
                    part.content = f"{words} ({address})" if words else address
                part.content = printable(part.content)  # of ``&#x202e;``
                if part.type == "softbreak":
                    part.type = "hardbreak"  # a line end is a line end, as on pages


class _Lines:
    """Formatted text without blank lines around it; of what still comes, the last that have room."""

    def __init__(self, text: str, room: int | None = None) -> None:
        self._text = text
        self._room = room

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(_Formatted(self._text), options.reset_height(), pad=False)
        written = [number for number, line in enumerate(lines) if "".join(s.text for s in line).strip()]
        shown = lines[written[0] : written[-1] + 1] if written else []
        for line in shown[-self._room :] if self._room else shown:
            yield from line
            yield Segment.line()


def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    # A definition of an address may come long after who refers to it was printed: it is shown as it is.
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    return parser.disable("reference")
