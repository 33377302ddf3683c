"""From the bytes of an answer to its records, wherever the network has cut them.

An answer is a stream of events (the HTML standard's server-sent events, section 9.2.6), lines of JSON, or one
JSON text. Which it is, its first character says, since some servers answer in another form than they were
asked for, or name another than they send.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

HEAD_BYTES: Final = 1000
"""How much of an answer is kept for the operator's log, in case it is no answer."""
_MARK: Final = b"\xef\xbb\xbf"
_BLANK_LINES: Final = (b"\n", b"\r\n")
_BLANK: Final = re.compile(rb"[ \t\r\n]*")


class Named(NamedTuple):
    """A record of an event that has a name."""

    event: bytes
    data: bytes


Record = bytes | Named


class Records:
    """Cuts an answer into records."""

    __slots__ = ("_after_return", "_begun", "_by_line", "_data", "_event", "_parts", "head", "is_json")

    def __init__(self) -> None:
        self.head = b""
        """How the answer begins."""
        self.is_json = False
        """The answer is JSON, one text or lines of it, and no stream of events."""
        self._begun = False
        self._parts: list[bytes] = []
        """What was read of a line that has not ended."""
        self._after_return = False
        """The last character was a carriage return: a line feed that follows belongs to it."""
        self._data: list[bytes] = []
        self._event = b""
        self._by_line: bool | None = None
        """Each line is a JSON text; False for one text in several lines. The first line decides."""

    @property
    def waiting(self) -> bytes | None:
        """What was read of the line that begins the next event; None within an event, and in JSON."""
        if not self._begun or self.is_json or self._after_return or self._data or self._event:
            return None
        return b"".join(self._parts) if self._parts else b""

    def skip(self) -> None:
        """Forget what waits: somebody else reads it."""
        self._parts.clear()

    def feed(self, chunk: bytes) -> Sequence[Record]:
        """Return the records that `chunk` completes."""
        if not self._begun:
            chunk = self._begin(chunk)
            if not self._begun:
                return ()
        elif len(self.head) < HEAD_BYTES:
            self.head = (self.head + chunk)[:HEAD_BYTES]
        if self._by_line is False:
            self._parts.append(chunk)
            return ()
        if self._after_return and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_return = False
        if b"\r" in chunk:  # inside JSON it is escaped
            self._after_return = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in chunk:
            self._parts.append(chunk)
            return ()
        if self._parts:
            self._parts.append(chunk)
            chunk = b"".join(self._parts)
        # At line feeds only: a text may hold other characters that Python takes for line ends.
        lines = chunk.split(b"\n")
        self._parts = [lines.pop()]
        return self._json(lines) if self.is_json else self._events(lines)

    def finish(self) -> Sequence[Record]:
        """Return the records that the end of the answer completes: the last one may lack its blank line."""
        if not self._begun:
            return ()
        rest, self._parts = b"".join(self._parts), []
        if self.is_json:
            return [rest] if rest.strip() else ()
        return self._events([rest, b""])

    def _begin(self, chunk: bytes) -> bytes:
        """Find out what the answer is; what goes before its first character is left out."""
        self.head += chunk
        start = self.head.removeprefix(_MARK)
        start = start[_BLANK.match(start).end() :]  # type: ignore[union-attr]  # it matches nothing, too
        if not start or self.head in (_MARK[:1], _MARK[:2]):
            self.head = self.head[-HEAD_BYTES:]
            return b""
        self._begun = True
        self.is_json = start[:1] in b"{["
        self.head = start[:HEAD_BYTES]
        return start

    def _json(self, lines: list[bytes]) -> list[Record]:
        if self._by_line is None:
            self._by_line = _is_json(lines[0])
        if self._by_line:
            return [line for line in lines if line.strip()]
        self._parts = [b"\n".join([*lines, *self._parts])]
        return []

    def _events(self, lines: list[bytes]) -> list[Record]:
        found: list[Record] = []
        data = self._data
        for line in lines:
            if line.startswith(b"data:"):
                data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif not line:
                if data or self._event:
                    text = data[0] if len(data) == 1 else b"\n".join(data)
                    found.append(Named(self._event, text) if self._event else text)
                    data.clear()
                self._event = b""
            elif line.startswith(b"event:"):
                self._event = line[6:].strip()
            elif line == b"data":
                data.append(b"")
            elif line.startswith(b"error:"):
                found.append(Named(b"error", line[6:].strip()))  # llama.cpp's, a field of its own
            elif line[0] in b"{[" and not data:
                found.append(line)  # a proxy's error, written into the stream as it is
        return found


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return False
    return True


def behind_record(data: bytes, start: int) -> int:
    """Return where the first record of a stream of events ends that ends in these bytes, or 0."""
    at = data.find(b"\n", start)
    while at >= 0:
        for end in _BLANK_LINES:
            if data.startswith(end, at + 1):
                return at + 1 + len(end)
        at = data.find(b"\n", at + 1)
    return 0
