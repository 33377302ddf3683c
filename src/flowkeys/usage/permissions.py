"""Which of its permissions each key has used: noted in memory when it is the first time since the start."""

import threading
from collections.abc import Iterable, Mapping
from typing import Final

from flowkeys.domain.permissions import ALL, PermissionSet

_KNOWN: Final = 65_536
"""Of so many keys it is remembered what was noted; then all is noted anew, which changes nothing."""

Exercised = dict[str, set[str]]
"""Key id → the permissions that it used."""


class ExercisedPermissions:
    """Implements `PermissionUses`. Calls of all threads note what they used: few of them manage anything."""

    def __init__(self) -> None:
        self._known: dict[str, frozenset[str]] = {}
        self._new: Exercised = {}
        self._lock = threading.Lock()

    def note(self, key_id: str, held: PermissionSet, permissions: Iterable[str]) -> None:
        """Note that a key used permissions; where it holds everything, it used that."""
        used = held.intersection((*permissions, ALL))
        known = self._known.get(key_id, frozenset())
        if used <= known:
            return
        with self._lock:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[key_id] = self._known.get(key_id, frozenset()) | used
            self._new.setdefault(key_id, set()).update(used)

    def take(self) -> Exercised:
        """Return what is not stored, and keep it no longer."""
        with self._lock:
            taken, self._new = self._new, {}
        return taken

    def give_back(self, taken: Mapping[str, Iterable[str]]) -> None:
        """Keep what could not be stored."""
        with self._lock:
            for key_id, used in taken.items():
                self._new.setdefault(key_id, set()).update(used)

    def __len__(self) -> int:
        return len(self._new)
