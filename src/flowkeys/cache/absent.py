"""Tokens that were looked up and are nobody's, for a moment."""

from collections import OrderedDict
from typing import Final

from flowkeys.domain.times import SECOND

ABSENT_MICROSECONDS: Final = SECOND
"""How long a token that nobody has stays known as such; any change of a key ends that sooner."""
_MOST: Final = 4096


class Absent:
    """Remembers the last of them, by what they are filed under."""

    def __init__(self) -> None:
        self._until: OrderedDict[bytes, int] = OrderedDict()

    def add(self, index: bytes, now: int) -> None:
        """Remember one that nobody has at the time `now`."""
        self._until[index] = now + ABSENT_MICROSECONDS
        if len(self._until) > _MOST:
            self._until.popitem(last=False)

    def knows(self, index: bytes, now: int) -> bool:
        """Tell whether one is still known as such."""
        return bool(self._until) and 0 < self._until.get(index, 0) - now <= ABSENT_MICROSECONDS

    def clear(self) -> None:
        """Forget all of them."""
        self._until.clear()
