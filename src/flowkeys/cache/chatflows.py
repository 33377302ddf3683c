"""What a call needs to know of a chatflow first, in memory.

As for keys, what was read says up to which position of the change feed it was read, and a chatflow that
changed behind that is not kept.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Literal, Protocol

from flowkeys.cache.flight import PATIENCE_SECONDS, SharedLookUps
from flowkeys.cache.stale import Stale
from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowAccess
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.journal import Subject
from flowkeys.domain.times import Clock
from flowkeys.service.ports.verification import PENDING, ChangeFeed, FoundChatflow, Pending

_CHANGES: Final = 65_536
"""So many changed chatflows are remembered; more empty the cache instead."""


class ChatflowStore(Protocol):
    """Finds a chatflow by its id."""

    def access_at_once(self, chatflow_id: str) -> ChatflowAccess | Literal[Pending.PENDING] | None:
        """Return what a call needs to know of a chatflow first, or `PENDING`: then await `access`.

        Raises:
            Unavailable: the store cannot be reached.
        """
        ...

    async def access(self, chatflow_id: str) -> FoundChatflow:
        """Return the same, and up to which change it was read.

        Raises:
            Unavailable: the store cannot be reached.
        """
        ...


class ChatflowCache:
    """Implements `ChatflowDirectory` and `ChangeListener`. Only chatflows that are there are kept."""

    def __init__(
        self,
        store: ChatflowStore,
        feed: ChangeFeed,
        load: Callable[[str], Awaitable[Chatflow | None]],
        clock: Clock,
        size: int = 10_000,
        stale: Stale | None = None,
    ) -> None:
        """Keep at most `size` chatflows; `load` reads one whole, `stale` allows what was known."""
        self._stale = stale
        self._store = store
        self._feed = feed
        self._load = load
        self._clock = clock
        self._size = size
        self._known: dict[str, ChatflowAccess] = {}
        self._changed: dict[str, int] = {}
        """Those that changed, and where in the feed: what is waited for may be from before."""
        self._forgotten = 0
        self._flight: SharedLookUps[str, ChatflowAccess | None] = SharedLookUps()

    def __len__(self) -> int:
        return len(self._known)

    def at_once(self, chatflow_id: str, now: int) -> ChatflowAccess | Literal[Pending.PENDING] | None:
        """Return what a call needs to know of a chatflow first, or None, or `PENDING`."""
        if self._feed.current(now):
            known = self._known.get(chatflow_id)
            if known is not None:
                return known
        try:
            found = self._store.access_at_once(chatflow_id)
        except Unavailable:
            if chatflow_id in self._known and self._may_be_stale():
                return PENDING
            raise
        if found is not None and found is not PENDING:
            self._keep(chatflow_id, found)
        return found

    async def access(self, chatflow_id: str) -> ChatflowAccess | None:
        """Return what `at_once` returns; calls for one chatflow at a time share one look-up."""
        found = self.at_once(chatflow_id, self._clock())
        if found is not PENDING:
            return found
        return await self._flight.ask(chatflow_id, partial(self._look_up, chatflow_id))

    async def _look_up(self, chatflow_id: str) -> ChatflowAccess | None:
        for wait in PATIENCE_SECONDS:
            if wait:
                await asyncio.sleep(wait)
            forgotten = self._forgotten
            try:
                found = await self._store.access(chatflow_id)
            except Unavailable:
                known = self._known.get(chatflow_id)
                if known is None or not self._may_be_stale():
                    raise
                return known
            changed = self._changed.get(chatflow_id, -1)
            if forgotten != self._forgotten:
                return found.access
            if changed <= found.position:
                if found.access is not None:
                    self._keep(chatflow_id, found.access)
                return found.access
            if found.sees is None or found.sees(changed):
                return found.access  # of this change, and perhaps not of others: not kept
        raise Unavailable("The database is behind its own feed of changes.")

    async def load(self, chatflow_id: str) -> Chatflow | None:
        """Return the chatflow, to be run or shown to anyone."""
        return await self._load(chatflow_id)

    def changed(self, subject: str, subject_id: str, position: int) -> None:
        """Forget a chatflow that was changed."""
        if subject == Subject.CHATFLOW:
            self._known.pop(subject_id, None)
            self._flight.start_anew()
            self._changed[subject_id] = max(position, self._changed.get(subject_id, -1))
            if len(self._changed) > _CHANGES:
                self.forget()

    def forget(self) -> None:
        """Forget every chatflow."""
        self._known.clear()
        self._changed.clear()
        self._flight.start_anew()
        self._forgotten += 1

    def _may_be_stale(self) -> bool:
        return self._stale is not None and self._stale.allows(self._clock())

    def _keep(self, chatflow_id: str, found: ChatflowAccess) -> None:
        if len(self._known) >= self._size:
            self._known.pop(next(iter(self._known)))
        self._known[chatflow_id] = found
