"""Where an answer of HTTP/1.1 ends, as its bytes come."""

import re
from typing import Final

LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
END_OF_HEAD: Final = b"\r\n\r\n"
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"


class Framing:
    """Follows one answer: of a known length, or in chunks of which none holds what ends them."""

    def __init__(self) -> None:
        self._head: bytes | None = b""
        self._left: int | None = None
        self._tail = b""

    def ends(self, data: bytes) -> bool:
        """Take the next bytes; return whether they are the last."""
        if self._head is not None:
            self._head += data
            end = self._head.find(END_OF_HEAD)
            if end < 0:
                return False
            found = LENGTH.search(self._head, 0, end + 2)
            if found is not None:
                self._left = int(found[1]) + end + len(END_OF_HEAD) - (len(self._head) - len(data))
            self._head = None
        if self._left is not None:
            self._left -= len(data)
            return self._left <= 0
        self._tail = (self._tail + data)[-len(_LAST_CHUNK) :]
        return self._tail == _LAST_CHUNK
