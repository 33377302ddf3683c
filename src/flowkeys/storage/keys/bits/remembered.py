"""Sets of keys that a process has read, so that it need not read and decode them for each list.

A set is what the database has under one *version*, which triggers change with whatever makes sets other ones
(`ddl`). Lists read the version in the transaction, and so in the snapshot, of everything else that they read:
no page is made of older sets than its keys.
"""

import threading
from collections import OrderedDict
from typing import Final, NamedTuple

from flowkeys.storage.keys.sets import KeySet

MOST_BYTES: Final = 16 << 20
"""So much memory is used at most in a process; sets that nobody asked for lately go first."""
_OF_BLOCK: Final = 200
"""Bytes of a block of keys: its bits as a number, its own number, and their place in a mapping."""
_OF_ANY: Final = 1000

Name = tuple[str, str]
"""Workspace, and a mark or something else that a set is known by."""


class Kept(NamedTuple):
    """A set, and the keys of which it says nothing: they had changed when it was made."""

    keys: KeySet
    without: KeySet = KeySet({})

    def size(self) -> int:
        """Return how many bytes it takes, about."""
        return _OF_ANY + _OF_BLOCK * (len(self.keys.blocks) + len(self.without.blocks))


class Remembered:
    """What some threads remember together."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """Remember nothing yet, and at most so much."""
        self._most = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Name, Kept] = OrderedDict()
        self.version: str | None = None
        """The version of everything that is remembered."""
        self.bytes = 0
        """How much that takes."""

    def get(self, version: str | None, name: Name) -> Kept | None:
        """Return what is remembered under a version."""
        with self._lock:
            if version is None or version != self.version:
                return None
            found = self._kept.get(name)
            if found is not None:
                self._kept.move_to_end(name)
            return found

    def put(self, version: str | None, name: Name, kept: Kept) -> None:
        """Remember a set, and forget those of any other version; None: there is none to go by."""
        if version is None or kept.size() > self._most:
            return
        with self._lock:
            if version != self.version:
                self._kept.clear()
                self.version, self.bytes = version, 0
            before = self._kept.pop(name, None)
            self._kept[name] = kept
            self.bytes += kept.size() - (0 if before is None else before.size())
            while self.bytes > self._most:
                _, oldest = self._kept.popitem(last=False)
                self.bytes -= oldest.size()
