"""Following changes: one poll for all who follow, and a place in the feed for each."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.times import Clock
from flowkeys.service.ports.changes import ChangeLog, Followed
from flowkeys.service.ports.verification import ChangeFeed

POLL_SECONDS: Final = 0.01
"""While somebody follows, changes of other processes are looked for so often, once for everybody."""
AT_ONCE: Final = 10_000
"""Who is further behind is told to forget everything instead."""


class Positioned(ChangeFeed, Protocol):
    """A feed that says how far it has told its listeners."""

    position: int


class Followers:
    """Wakes those who follow when there is something new. Implements `ChangeListener`."""

    def __init__(self, log: ChangeLog, feed: Positioned, clock: Clock) -> None:
        self._log = log
        self._feed = feed
        self._clock = clock
        self._events: set[asyncio.Event] = set()
        self._poll: asyncio.Task[None] | None = None
        self.forgotten = 0
        """How often everything had to be forgotten: what is told does not follow what was told before."""

    def changed(self, subject: str, subject_id: str, position: int) -> None:
        """Wake everybody: there is a change."""
        del subject, subject_id, position
        self._wake()

    def forget(self) -> None:
        """Wake everybody: changes may have been missed, or a backup was restored."""
        self.forgotten += 1
        self._wake()

    def _wake(self) -> None:
        for event in self._events:
            event.set()

    @contextmanager
    def following(self) -> Iterator[asyncio.Event]:
        """Give an event that each change sets, until the block is left."""
        event = asyncio.Event()
        self._events.add(event)
        if self._poll is None:
            self._poll = asyncio.get_running_loop().create_task(self._look())
        try:
            yield event
        finally:
            self._events.discard(event)
            if not self._events:
                self._poll.cancel()
                self._poll = None

    def position(self) -> int:
        """Return up to where everything has been told to the caches of this process.

        Raises:
            Unavailable: the feed of changes is broken.
        """
        if not self._feed.current(self._clock()):
            raise Unavailable("The feed of changes cannot be read.")
        return self._feed.position

    def since(self, workspace_id: str, after: int, last: int) -> Sequence[Followed] | None:
        """Return what changed in a workspace behind `after` up to `last`, which `position` gave.

        None when that cannot be told, and whoever follows has to forget everything: `after` was never
        reached, is no longer stored, or is too far behind.

        Raises:
            Unavailable: the store cannot be reached.
        """
        if after == last:
            return ()
        oldest, newest = self._log.range()
        if after > newest or after < oldest - 1:
            return None
        found = self._log.between(workspace_id, after, last, AT_ONCE + 1)
        return found if len(found) <= AT_ONCE else None

    async def _look(self) -> None:
        """Ask the feed, which wakes everybody through `changed`; wake them too when it is broken."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if not self._feed.current(self._clock()):
                self._wake()
