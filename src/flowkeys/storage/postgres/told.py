"""The last changes that were told of, in the order in which PostgreSQL tells of them, for those who follow.

That order is the same for every process that listens: the server has one queue. The numbers of transactions,
by which changes are named, are in another order, so what was told behind one is found by its place.
"""

import secrets
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

from flowkeys.service.ports.changes import Followed

KEPT: Final = 20_000
"""Changes that are remembered; who is further behind is told to forget everything."""


class Told:
    """Implements `ChangeLog`: the changes since this process listens without a gap."""

    def __init__(self, kept: int = KEPT) -> None:
        """Remember so many."""
        self._changes: deque[tuple[str, Followed]] = deque()
        self._kept = kept
        self._dropped = 0
        """How many came before those that are remembered: places are never given anew."""
        self._own = secrets.token_hex(8)
        """Of this process, and another one each time when everything was forgotten."""
        self._begins: dict[int, int] = {}
        """Where the changes of each transaction begin."""

    @property
    def place(self) -> int:
        """Up to where is told."""
        return self._dropped + len(self._changes)

    @property
    def mark(self) -> str:
        """What only this process says, and only while nothing more is told."""
        return f"{self._own}:{self.place}"

    def begin(self) -> None:
        """Remember nothing that was told before: something was missed, or cannot be told one by one."""
        self._dropped = self.place
        self._own = secrets.token_hex(8)
        self._changes.clear()
        self._begins.clear()

    def add(self, workspace_id: str, change: Followed) -> None:
        """Remember a change that was told just now."""
        self._begins.setdefault(change.position, self.place)
        self._changes.append((workspace_id, change))
        if len(self._changes) > self._kept:
            _, oldest = self._changes.popleft()
            self._dropped += 1
            self._begins.pop(oldest.position, None)

    def place_of(self, position: int) -> int | None:
        """Return where to go on behind a position: at its transaction, of which some may not be known."""
        return self._begins.get(position)

    def mark_of(self, position: int) -> str | None:
        """See `ChangeLog.mark_of`. Numbers of transactions are in another order than what was told."""
        del position
        return None

    def since(self, workspace_id: str, after: int, last: int, limit: int) -> Sequence[Followed] | None:
        """Return a workspace's changes from the place `after` to the place `last`, in order.

        None: they are not remembered, or there are more than `limit`.
        """
        if not self._dropped <= after <= last <= self.place:
            return None
        told = islice(self._changes, after - self._dropped, last - self._dropped)
        found = [change for workspace, change in told if workspace == workspace_id]
        return found if len(found) <= limit else None
