"""What verification reads, whichever database it is kept in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from flowkeys.cache.chatflows import ChatflowStore
from flowkeys.cache.warming import Batch, KeysAhead
from flowkeys.domain.chatflows.chatflow import Chatflow
from flowkeys.domain.usage.tally import Histogram
from flowkeys.service.audit.opening import ChainedStore
from flowkeys.service.followers import Positioned
from flowkeys.service.ports.changes import ChangeLog
from flowkeys.service.ports.verification import ChangeListener, KeyStore
from flowkeys.storage.sqlite.writer import Writer


class Lookups(KeyStore, ChatflowStore, KeysAhead, Protocol):
    """Finds keys and chatflows, and counts how often."""

    keys_read: int
    chatflows_read: int


class Feed(Positioned, Protocol):
    """Tells of changes, and what it has to tell of itself."""

    lag: Histogram
    breaks: int

    def tell(self, *listeners: ChangeListener) -> None:
        """Tell `listeners` from now on."""
        ...


class ServerStore(ChainedStore, Protocol):
    """A store that a process has opened."""

    after_commit: list[Callable[[], None]]
    """Calls of what has to happen between a commit and its acknowledgement, in the caller's loop."""
    writer: Writer

    def close(self) -> None:
        """Commit what is waiting and close every connection."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """The look-ups and the feed of one database."""

    lookups: Lookups
    feed: Feed
    changes: ChangeLog
    load: Callable[[str], Awaitable[Chatflow | None]]
    """Reads a chatflow by its id alone."""
    of_key: Callable[[str, str], Batch] | None
    """Reads the tokens of a key at once; None: that has to be waited for."""
    bound_ms: int
    """So long after it was acknowledged a change holds in every process."""
    start: Callable[[], None]
    """Begins what a server has in the background."""
    close: Callable[[], Awaitable[None]]
    """Ends it, and closes connections."""
