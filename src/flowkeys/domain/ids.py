"""Ids: UUIDs (RFC 9562), as text: of version 4, and of version 7 where many are filed one after the other."""

import os
import re
from collections import deque
from typing import Final

_BATCH: Final = 256
_SIZE: Final = 16
_VARIANTS: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_TIME: Final = 2**48 - 1

_FORM: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_ready: Final[deque[str]] = deque()
os.register_at_fork(after_in_child=_ready.clear)  # a child must not hand out its parent's ids


def new_id() -> str:
    """Return a new id, unguessable. The operating system's generator is asked once for many of them.

    Any thread may call it: taking from a deque is atomic, so that no id is given out twice.
    """
    digits = _digits()
    variant = _VARIANTS[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def new_ordered_id(at: int) -> str:
    """Return a new id that begins with the time `at` in milliseconds (microseconds are given).

    What is filed under such ids is written to the end of an index; under random ones each goes to a page of
    its own, which costs more than all else about it. 74 bits are random: it is as unguessable.
    """
    digits = _digits()
    time = f"{at // 1000 & _TIME:012x}"
    variant = _VARIANTS[digits[16]]
    return f"{time[:8]}-{time[8:]}-7{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def first_id_of(at: int) -> str:
    """Return what no id is less than that `new_ordered_id` makes for the time `at`, or for a later one."""
    time = f"{max(at, 0) // 1000 & _TIME:012x}"
    return f"{time[:8]}-{time[8:]}-7000-8000-000000000000"


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an id."""
    return _FORM.fullmatch(text) is not None


def _digits() -> str:
    try:
        return _ready.popleft()
    except IndexError:
        pool = os.urandom(_BATCH * _SIZE).hex()
        width = 2 * _SIZE
        _ready.extend(pool[start : start + width] for start in range(width, len(pool), width))
        return pool[:width]
