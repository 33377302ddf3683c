"""In which order records came: as one object, which the garbage collector need not walk."""

from collections.abc import Collection
from typing import Final

INDEX_BYTES: Final = 16
_SPARE: Final = 1024
"""So many indexes more than twice the records are kept; then those of records that are gone are left out."""


class Order:
    """The indexes in the order in which they came.

    Some in it are gone: a record that was read ahead gets another index when its token is presented.
    """

    def __init__(self) -> None:
        self._indexes = bytearray()

    def add(self, index: bytes) -> None:
        """Add one."""
        self._indexes += index

    def trim(self, present: Collection[bytes]) -> None:
        """Leave those out that are gone, once they are many, where `present` are all that are there."""
        if len(self._indexes) > INDEX_BYTES * (2 * len(present) + _SPARE):
            self._indexes = bytearray().join(present)

    def oldest(self) -> bytes:
        """Take the one away that came first, and return it."""
        index = bytes(self._indexes[:INDEX_BYTES])
        del self._indexes[:INDEX_BYTES]
        return index
