"""What a call needs to know of a chatflow first, in memory."""

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowAccess
from flowkeys.domain.journal import Subject
from flowkeys.domain.times import Clock
from flowkeys.service.ports.verification import ChangeFeed, Pending


class ChatflowStore(Protocol):
    """Finds a chatflow by its id, at once."""

    def access_at_once(self, chatflow_id: str) -> ChatflowAccess | None:
        """Return what a call needs to know of a chatflow first.

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
    ) -> None:
        """Keep at most `size` chatflows; `load` reads one whole."""
        self._store = store
        self._feed = feed
        self._load = load
        self._clock = clock
        self._size = size
        self._known: dict[str, ChatflowAccess] = {}

    def __len__(self) -> int:
        return len(self._known)

    def at_once(self, chatflow_id: str, now: int) -> ChatflowAccess | Literal[Pending.PENDING] | None:
        """Return what a call needs to know of a chatflow first, or None."""
        if self._feed.current(now):
            known = self._known.get(chatflow_id)
            if known is not None:
                return known
        found = self._store.access_at_once(chatflow_id)
        if found is not None:
            if len(self._known) >= self._size:
                self._known.pop(next(iter(self._known)))
            self._known[chatflow_id] = found
        return found

    async def access(self, chatflow_id: str) -> ChatflowAccess | None:
        """Return what `at_once` returns: the store is beside us."""
        found = self.at_once(chatflow_id, self._clock())
        assert not isinstance(found, Pending)
        return found

    async def load(self, chatflow_id: str) -> Chatflow | None:
        """Return the chatflow, to be run or shown to anyone."""
        return await self._load(chatflow_id)

    def changed(self, subject: str, subject_id: str, position: int) -> None:
        """Forget a chatflow that was changed."""
        del position
        if subject == Subject.CHATFLOW:
            self._known.pop(subject_id, None)

    def forget(self) -> None:
        """Forget every chatflow."""
        self._known.clear()
