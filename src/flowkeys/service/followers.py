"""Following changes: one poll for all who follow, and a place in the feed for each."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.digest import TokenHasher
from flowkeys.domain.times import Clock
from flowkeys.domain.version import VERSION
from flowkeys.service.ports.changes import ChangeLog, Followed
from flowkeys.service.ports.store import Store
from flowkeys.service.ports.verification import ChangeFeed
from flowkeys.service.recurring import Recurring

POLL_SECONDS: Final = 0.01
"""While somebody follows, changes of other processes are looked for so often, once for everybody."""
AT_ONCE: Final = 10_000
"""Who is further behind is told to forget everything instead."""


_PRUNED_AT_ONCE: Final = 500
"""Changes that one commit deletes: a millisecond or two."""
_PAUSE_SECONDS: Final = 0.05
_PRUNE_EVERY_SECONDS: Final = 600.0


class Pruning:
    """Deletes changes that nobody who follows needs any more; who was away for longer begins anew."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        kept: int,
        tell: Callable[[str], object],
        pause: float = _PAUSE_SECONDS,
    ) -> None:
        """Keep them for `kept` microseconds; `tell` hears when they cannot be deleted."""
        self._store = store
        self._clock = clock
        self._kept = kept
        self._pause = pause
        self.recurring = Recurring(
            "flowkeys-pruning", self.prune, _PRUNE_EVERY_SECONDS, lambda error: tell(str(error))
        )

    async def prune(self) -> int:
        """Delete what is too old, a few at a time, for which writers wait; return how many."""
        before, pruned = self._clock() - self._kept, 0
        while some := await self._store.write(lambda tx: tx.journal.prune(before, _PRUNED_AT_ONCE)):
            pruned += some
            await asyncio.sleep(self._pause)
        return pruned


class Positioned(ChangeFeed, Protocol):
    """A feed that says how far it has told its listeners."""

    position: int
    """The number of the last change that was told."""

    @property
    def place(self) -> int:
        """The same, in the order in which changes are told."""
        ...

    @property
    def epoch(self) -> str:
        """Another one when positions may mean something else."""
        ...

    @property
    def mark(self) -> str | None:
        """What nobody has for whom anything else was told up to now: None, there is no such thing."""
        ...


class Followers:
    """Wakes those who follow when there is something new. Implements `ChangeListener`."""

    def __init__(
        self,
        log: ChangeLog,
        feed: Positioned,
        clock: Clock,
        bound_ms: int,
        hasher: TokenHasher,
    ) -> None:
        """Follow a feed by which a change holds in every process within `bound_ms`.

        That the server's secrets or its version are others is no change that is told, and decides over keys.
        """
        self._beside = " ".join((VERSION, *hasher.secret_ids))
        self._log = log
        self._feed = feed
        self._clock = clock
        self._events: set[asyncio.Event] = set()
        self._poll: asyncio.Task[None] | None = None
        self.bound_ms = bound_ms
        """Within which a change holds in every process that may be asked instead of this one."""
        self.forgotten = 0
        """How often everything had to be forgotten: what is told does not follow what was told before."""

    @property
    def epoch(self) -> str:
        """What tells a follower who comes back whether its position still means the same."""
        return self._shown(self._feed.epoch)

    @property
    def place(self) -> int:
        """Where `position` is in the order of what is told."""
        return self._feed.place

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

    @property
    def mark(self) -> str | None:
        """What whoever comes back to another process shows for its position; None: there is nothing."""
        mark = self._feed.mark
        return None if mark is None else self._shown(mark)

    def place_of(self, position: int, epoch: str | None, mark: str | None = None) -> int | None:
        """Return the place behind which to go on for whoever knows all up to a `position` of an `epoch`.

        That may be another process's, if its `mark` shows that the same was changed at that position.
        None: that cannot be told, and everything has to be forgotten.

        Raises:
            Unavailable: the store cannot be reached.
        """
        if mark is not None and mark == self.mark:
            return self._feed.place  # nothing was changed
        if epoch is None or epoch == self.epoch:
            return self._log.place_of(position)
        if mark is None or (own := self._log.mark_of(position)) is None or self._shown(own) != mark:
            return None
        return self._log.place_of(position)

    def _shown(self, mark: str) -> str:
        return hashlib.sha256(f"{self._beside}\n{mark}".encode()).hexdigest()[:32]

    def since(self, workspace_id: str, after: int, last: int) -> Sequence[Followed] | None:
        """Return what changed in a workspace behind the place `after` up to `last`, which `place` gave.

        None when that cannot be told, and whoever follows has to forget everything: `after` was never
        reached, is no longer known, or is too far behind.

        Raises:
            Unavailable: the store cannot be reached.
        """
        return () if after == last else self._log.since(workspace_id, after, last, AT_ONCE)

    async def _look(self) -> None:
        """Ask the feed, which wakes everybody through `changed`; wake them too when it is broken."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if not self._feed.current(self._clock()):
                self._wake()
