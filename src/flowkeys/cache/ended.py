"""Which tokens were replaced and have ended: 8 bytes of each, and no record.

While every token that works is in memory, one that is not is nobody's. Who presents one that was replaced is
to hear that, and when: so it is known here that there is something to look up.
"""

from array import array
from bisect import bisect_left
from typing import Final

from flowkeys.domain.keys.api_key import KeyRecord

_BYTES: Final = 8
"""Of a digest: two in a million million million share them by chance, and then one look-up is in vain."""
_FEW: Final = 1000
"""Up to so many are put where they belong; more are sorted in with all others."""


class Ended:
    """A set of digests that is read often and added to seldom."""

    def __init__(self) -> None:
        self._known = array("Q")
        self._added: list[int] = []

    def __contains__(self, digest: bytes) -> bool:
        if self._added:
            self._sort()
        known = self._known
        if not known:
            return False
        mark = _mark(digest)
        at = bisect_left(known, mark)
        return at < len(known) and known[at] == mark

    def add(self, digest: bytes) -> None:
        """Add one. Many in a row are sorted when they are first asked for."""
        self._added.append(_mark(digest))

    def __len__(self) -> int:
        return len(self._known) + len(self._added)

    def _sort(self) -> None:
        added, self._added = self._added, []
        if len(added) > _FEW:
            self._known = array("Q", sorted({*self._known, *added}))
            return
        for mark in added:
            at = bisect_left(self._known, mark)
            if at == len(self._known) or self._known[at] != mark:
                self._known.insert(at, mark)


def has_ended(record: KeyRecord, now: int) -> bool:
    """Tell whether a token was replaced and works no more: nobody needs its record in memory."""
    return record.replaced is not None and record.replaced.valid_until <= now


def _mark(digest: bytes) -> int:
    return int.from_bytes(digest[:_BYTES])
