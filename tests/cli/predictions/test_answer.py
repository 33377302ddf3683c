"""An answer on a terminal is formatted, and in a pipe it is what was sent."""

import os
import pty
import re
import subprocess
import sys

import pytest

MARKDOWN = """# Title

Some **bold** words, `code`, a [place](https://example.org/x) & List<String>.

1. one
2. two

```python
x = 1
```

| Plan | Price |
|------|-------|
| Free | 0     |

First line
second line"""

PRINT = """
import sys
from flowkeys.cli.predictions.answer import Answer
text = sys.argv[1]
with Answer() as answer:
    step = int(sys.argv[2])
    for start in range(0, len(text), step):
        answer.say(text[start : start + step])
"""


def on_a_terminal(text: str, term: str, *, width: int = 80, step: int = 7) -> str:
    """Return what comes out of a real terminal of that kind."""
    mine, theirs = pty.openpty()
    environment = {**os.environ, "TERM": term, "COLUMNS": str(width), "LINES": "24"}
    with subprocess.Popen(
        [sys.executable, "-c", PRINT, text, str(step)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(mine, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
    os.close(mine)
    assert process.returncode == 0, shown
    return shown.decode().replace("\r\n", "\n")


def test_a_terminal_without_colours_gets_the_formatted_text() -> None:
    """Given pieces of Markdown, what was markup is gone, and no word, no line end, no address is."""
    shown = [line.rstrip() for line in on_a_terminal(MARKDOWN, "dumb").splitlines()]
    assert shown[0] == "Title"
    assert "Some bold words, code, a place (https://example.org/x) & List<String>." in shown
    assert shown[-2:] == ["First line", "second line"]
    assert "**" not in "".join(shown)
    assert "```" not in "".join(shown)
    for words in (" 1 one", " 2 two", " x = 1", " Plan  Price", " Free  0"):
        assert words in shown


def test_a_terminal_with_colours_shows_what_is_bold() -> None:
    """Given a terminal that can, bold is bold."""
    assert "\x1b[1mbold\x1b[0m" in on_a_terminal(MARKDOWN, "xterm-256color")


@pytest.mark.parametrize(
    "text",
    ["\x1b[2J\x1b]0;owned\x07hello", "`\x1b[31m`", "a\x9b2Kb", "[x](\x1b[5m)", "&#27;[2J &#x9b;2K &#x202e;a"],
)
def test_an_answer_steers_no_terminal(text: str) -> None:
    """Given control characters, in text, code or an address, none of them reaches the terminal."""
    shown = on_a_terminal(text, "dumb")
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown)


def test_a_pipe_gets_the_text_as_it_was_sent() -> None:
    """Given no terminal, nothing is formatted."""
    run = subprocess.run(
        [sys.executable, "-c", PRINT, MARKDOWN, "7"], capture_output=True, text=True, check=True
    )
    assert run.stdout == MARKDOWN + "\n"


WIDE = "https://example.org/a/very/long/address/of/a/page/that/has/no/room"
KEPT = (
    "10\u00a0000\u202f€, 全角\u3000空白, 👨\u200d👩\u200d👧, می\u200cشد",
    "one\r\ntwo\rthree\u2028four",
    "See [docs][1].\n\nMore.\n\n[1]: https://example.org/docs\n\n[^1]: foot",
    "![a chart](https://example.org/c.png) ![](https://example.org/d.png)",
    f"| Name | Where |\n|---|---|\n| docs | {WIDE} |\n| 漢字 | `{WIDE[::-1]}` |",
    f"| a | b | c | d | e | f |\n|---|---|---|---|---|---|\n| 1 | 2 | 3 | 4 | 5 | {WIDE[:30]} |",
    f"```\n{WIDE}\n```",
)
SHOWN = (
    (KEPT[0],),
    ("one\ntwo\nthree\nfour",),
    ("[docs][1]", "More.", "[1]: https://example.org/docs", "[^1]: foot"),
    ("a chart (https://example.org/c.png) https://example.org/d.png",),
    ("docs", WIDE, "漢字", WIDE[::-1]),
    ("1", "5", WIDE[:30]),
    (WIDE,),
)


def test_nothing_of_an_answer_is_lost_on_a_terminal() -> None:
    """Blanks of other widths, letters that are joined, line ends, addresses, cells, code; however narrow."""
    text = "\n\n***\n\n".join(KEPT)
    for width, step in ((80, 7), (30, 1), (200, 10_000)):
        shown = on_a_terminal(text, "dumb", width=width, step=step)
        assert "�" not in shown
        flat = "".join(line.strip() for line in shown.splitlines())
        for found in (item for items in SHOWN for item in items):
            looked_at = "".join(found.split()) if width < 80 else found.replace("\n", "")
            in_order = re.compile(r"[\s▌─]*".join(map(re.escape, looked_at)))
            assert in_order.search(flat) or (width == 30 and found in SHOWN[4]), (width, found, shown)
