"""Ids: version 4 UUIDs (RFC 9562), as text."""

import os
from collections import deque
from typing import Final

_BATCH: Final = 256
_SIZE: Final = 16
_VARIANTS: Final = "89ab"

_ready: Final[deque[str]] = deque()
os.register_at_fork(after_in_child=_ready.clear)  # a child must not hand out its parent's ids


def new_id() -> str:
    """Return a new id, unguessable. The operating system's generator is asked once for many of them.

    Any thread may call it: taking from a deque is atomic, so that no id is given out twice.
    """
    try:
        digits = _ready.popleft()
    except IndexError:
        pool = os.urandom(_BATCH * _SIZE).hex()
        width = 2 * _SIZE
        _ready.extend(pool[start : start + width] for start in range(width, len(pool), width))
        digits = pool[:width]
    variant = _VARIANTS[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
