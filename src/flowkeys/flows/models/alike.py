"""Most records of a stream are as the one before, but for what they say. Those are read all at once.

What stands before and after the content is learned from a record that was read in the usual way, and learned
anew when it changes (``created`` does each second). Where each record differs in more, nothing is gained.
"""

import re
from itertools import takewhile
from typing import Any, Final

import msgspec

from flowkeys.flows.models import structs
from flowkeys.flows.models.structs import Chunk

_RECORD: Final = re.compile(rb"(data: ?)(\{[^\r\n]*\})(\n\n|\r\n\r\n)")
_CONTENT: Final = re.compile(rb'"content": ?"')
_OTHERS: Final = (b"~", b"^")
"""One of them is put in the place of a content, to see that nothing but the content changes with it."""
_ROOM: Final = 1024
_MOST_HOPE: Final = 32
_COST: Final = 4
"""How much hope it costs that there was nothing to learn, or nothing that helps with the next record.
Learning takes as long as reading so many records; each that is read as the one before gives one back."""

_text = msgspec.json.Decoder(str).decode
_texts = msgspec.json.Decoder(list[str]).decode


class Alike:
    """Knows how a record looks around its content."""

    __slots__ = ("_after", "_before", "_end", "_ending", "_hope", "room")

    def __init__(self) -> None:
        self._before = b""
        self._after = b""
        self._end = b""
        """The blank line behind a record."""
        self._ending = b""
        """What stands after the content, and the blank line."""
        self._hope = _MOST_HOPE
        self.room = _ROOM
        """How many bytes are worth looking at, at once: some more than were read the last time. Where short
        runs of records take turns, the rest would be looked at again for each."""

    @property
    def is_hopeful(self) -> bool:
        """Whether it is worth while to look at records one by one."""
        return self._hope > 0

    @property
    def is_known(self) -> bool:
        """Whether something was learned."""
        return bool(self._before)

    def learn(self, sent: bytes, index: Any) -> None:
        """Learn from the bytes of one record of the choice that is read, unless it is of an unusual kind."""
        if not self._learn(sent, index):
            self._hope -= _COST

    def _learn(self, sent: bytes, index: Any) -> bool:
        found = _RECORD.fullmatch(sent)
        if found is None:
            return False
        field, record, end = found.groups()
        try:
            chunk = structs.decode(record)
        except (ValueError, RecursionError):
            return False
        content = _only_content(chunk, index)
        at = _CONTENT.search(record)
        if not content or at is None:
            return False
        written = content.encode()
        before, after = record[: at.end()], record[at.end() + len(written) :]
        if before + written + after != record or not _is_all_that_differs(before, after, chunk):
            return False
        # The other character was the content, and a string ends at the first quote that nothing escapes:
        # whatever stands there is the content, as long as it is written as JSON's strings are.
        self._before, self._after, self._end = field + before, after, end
        self._ending = after + end
        return True

    def read_one(self, data: bytes) -> str | None:
        """Return what is said by the one record that `data` is; None when it is less, or more, or another."""
        if not (data.startswith(self._before) and data.endswith(self._ending)):
            return None
        content = data[len(self._before) : -len(self._ending)]
        try:
            said = _text(b'"%b"' % content)
        except ValueError:
            return None
        self._hope = min(_MOST_HOPE, self._hope + 1)
        return said

    def read(self, data: bytes) -> tuple[list[str], int] | None:
        """Return what is said by the records with which `data` begins, and how many bytes are behind them.

        None when the first is another kind of record than was learned, which is then forgotten.
        """
        if data.startswith(self._before):
            records = data.split(self._end)
            rest = records.pop()
            if not records:
                self.room = max(self.room, 2 * len(data))
                return None  # its end has not come yet
            written = self._contents(records)
            said = _decoded(written)
            if said is not None:
                self._hope = min(_MOST_HOPE, self._hope + len(written))
                behind = records[len(written) :]
                left = sum(map(len, behind)) + len(behind) * len(self._end) + len(rest)
                self.room = max(_ROOM, 2 * (len(data) - left))
                return said, left
        elif self._before.startswith(data):
            return None
        self._before = b""
        self._hope -= _COST
        self.room = _ROOM
        return None

    def _contents(self, records: list[bytes]) -> list[bytes]:
        """Return what stands between before and after, in all records before one that looks otherwise."""
        before, after = self._before, self._after
        start, end = len(before), -len(after)
        found = [record[start:end] for record in records]
        if len(found) > 1 and b"".join(records) == before + (after + before).join(found) + after:
            return found
        room = start - end
        fits = (len(r) >= room and r.startswith(before) and r.endswith(after) for r in records)
        return [content for content, _ in zip(found, takewhile(bool, fits), strict=False)]


def _only_content(chunk: Chunk, index: Any) -> str:
    """Return the content of a record that says nothing else, or ""."""
    if chunk.choices is None or len(chunk.choices) != 1 or chunk.error is not None or chunk.done:
        return ""
    choice = chunk.choices[0]
    said = choice.delta
    if said is None or not isinstance(said.content, str) or choice.index not in (index, None):
        return ""
    is_plain = choice.message is None and choice.text is None and choice.finish_reason is None
    if not is_plain or choice.error is not None:
        return ""
    others = msgspec.structs.asdict(said)
    del others["content"]
    return "" if any(others.values()) else said.content


def _is_all_that_differs(before: bytes, after: bytes, chunk: Chunk) -> bool:
    """Tell whether a record with another content in its place is the same but for that."""
    given = chunk.choices
    if not given or given[0].delta is None:
        return False
    content = given[0].delta.content
    put = next(other for other in _OTHERS if other.decode() != content)
    try:
        other = structs.decode(before + put + after)
    except (ValueError, RecursionError):
        return False
    found = other.choices
    if not found or found[0].delta is None or found[0].delta.content != put.decode():
        return False
    found[0].delta.content = content
    return other == chunk


def _decoded(written: list[bytes]) -> list[str] | None:
    """Return strings of JSON, without empty ones; None when one of them is no string, or there is none."""
    if not written:
        return None
    try:
        if b'"' in b"".join(written):
            found = [_text(b'"%b"' % one) for one in written]
        else:  # what has no quotes cannot end one string and begin another
            found = _texts(b'["%b"]' % b'","'.join(written))
            if len(found) != len(written):
                return None
    except ValueError:
        return None
    return [text for text in found if text]
