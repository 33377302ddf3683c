"""An answer on a terminal is formatted, and in a pipe it is what was sent."""

import os
import pty
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
from flowkeys.cli.answer import Answer
text = sys.argv[1]
with Answer() as answer:
    for start in range(0, len(text), 7):
        answer.say(text[start : start + 7])
"""


def on_a_terminal(text: str, term: str) -> str:
    """Return what comes out of a real terminal of that kind."""
    mine, theirs = pty.openpty()
    environment = {**os.environ, "TERM": term, "COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen(
        [sys.executable, "-c", PRINT, text], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
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


@pytest.mark.parametrize("text", ["\x1b[2J\x1b]0;owned\x07hello", "`\x1b[31m`", "a\x9b2Kb", "[x](\x1b[5m)"])
def test_an_answer_steers_no_terminal(text: str) -> None:
    """Given control characters, in text, code or an address, none of them reaches the terminal."""
    shown = on_a_terminal(text, "dumb")
    assert not {"\x1b", "\x07", "\x9b"} & set(shown)


def test_a_pipe_gets_the_text_as_it_was_sent() -> None:
    """Given no terminal, nothing is formatted."""
    run = subprocess.run([sys.executable, "-c", PRINT, MARKDOWN], capture_output=True, text=True, check=True)
    assert run.stdout == MARKDOWN + "\n"
