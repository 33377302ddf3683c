"""The program's input and output as they may come: closed, full, without a reader, in any encoding."""

import codecs
import errno
import io
import json
import os
import select
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from unicodedata import category

_STRICT: Final = frozenset({"strict", "surrogateescape"})
"""Ways to handle a character that an encoding has not which raise; who asked for another keeps it."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Closed(io.TextIOBase):
    """Stands for an output that was closed before the program began (``>&-``)."""

    encoding = "utf-8"

    def writable(self) -> bool:
        """Tell that it is for output."""
        return True

    def write(self, text: str, /) -> int:
        """Fail, as the system does."""
        if text:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return 0


_JOINERS: Final = "\u200c\u200d"


def prepare() -> None:
    """Put something in the place of what is closed, and let no character that an encoding lacks raise.

    A file that is opened later would otherwise become the standard output, and take what is printed.
    """
    with suppress(OSError):
        while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004 - the lowest free number
            pass
        os.close(opened)
    if sys.stdin is None:
        sys.stdin = io.StringIO()
    if sys.stdout is None:
        sys.stdout = Closed()
    if sys.stderr is None:  # print would take the standard output instead
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in _STRICT:
            stream.reconfigure(errors="backslashreplace")


def say(text: str = "", *, nl: bool = True, err: bool = False) -> None:
    """Print a text; what the encoding cannot show is escaped."""
    if err:
        note(text)
    else:
        sys.stdout.write(f"{text}\n" if nl else text)
        sys.stdout.flush()


def note(text: str) -> None:
    """Say something to people, beside the output. Nothing fails because nobody can be told."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)  # noqa: T201  # this is where the program speaks


def as_json(document: Any, stream: Any, *, indent: int | None = None) -> str:
    """Return a document as JSON for a stream: in ASCII where it takes no UTF-8.

    JSON is UTF-8 between programs (RFC 8259, section 8.1), and in ASCII the same in almost every encoding.
    """
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    try:
        encoding = codecs.lookup(getattr(stream, "encoding", None) or "utf-8").name
        text.encode("utf-8")  # not half a character, which JSON can hold and UTF-8 cannot
    except (LookupError, UnicodeEncodeError):
        encoding = ""
    return text if encoding.startswith("utf-") else json.dumps(document, indent=indent)


def failed() -> bool:
    """Tell whether the standard output takes no more, and give up what it has not taken."""
    try:
        sys.stdout.flush()
        takes = refusal() is None
    except (OSError, ValueError):
        takes = False
    if not takes:
        drop()
    return not takes


def refusal() -> str | None:
    """Return why the standard output takes nothing, as far as that is known before it is written, or None."""
    if isinstance(sys.stdout, Closed):
        return "is closed"
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return None  # not the system's: a test's, or that of a program around this one
    try:
        os.write(descriptor, b"")
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            space = os.fstatvfs(descriptor)
            free = space.f_bavail if os.geteuid() else space.f_bfree
            return "is on a full disk" if space.f_blocks and not free else None
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        gone = any(event & (select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0))
    except AttributeError:  # Windows has neither
        return None
    except OSError as error:
        return f"takes nothing ({error.strerror})"
    return "is read by nobody" if gone else None


def drop() -> None:
    """Let the output go nowhere from now on, so that the interpreter's last flush is quiet."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def read_input() -> bytes:
    """Return all of the standard input."""
    buffer = getattr(sys.stdin, "buffer", None)
    found: bytes = sys.stdin.read().encode() if buffer is None else buffer.read()
    return found


def read_line() -> bytes:
    """Return the standard input up to its first line that is not empty; UTF-16 whole."""
    if not hasattr(sys.stdin, "buffer"):
        return read_input()
    found = b""
    for line in sys.stdin.buffer:
        found += line
        whole = found.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        if not whole and found.removeprefix(codecs.BOM_UTF8).strip():
            break
    return found


def decoded(data: bytes) -> str | None:
    """Return what came in as a text, by its byte order mark if it has one, or None when it is no UTF-8."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def counted(number: int, what: str, plural: str | None = None) -> str:
    """Return a number of things, as people say it."""
    return f"{number:,} {what if number == 1 else plural or f'{what}s'}"


def printable(text: str) -> str:
    """Return a text that cannot steer a terminal: names and notes come from other people.

    Blanks of every width, and what joins letters or keeps them apart, belong to what people write.
    """
    return "".join(c if c.isprintable() or c in _JOINERS or category(c) == "Zs" else "�" for c in text)
