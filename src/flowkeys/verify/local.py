"""Keys of a server on this machine, read from its database file."""

import threading
from pathlib import Path
from typing import Final

from flowkeys.cache.chatflows import ChatflowCache
from flowkeys.cache.keys import KeyCache
from flowkeys.domain.chatflow import Chatflow
from flowkeys.domain.decision import AccessRequest, Decision
from flowkeys.domain.digest import TokenDigest, TokenHasher
from flowkeys.domain.errors import ConfigurationError, FlowkeysError, Unavailable
from flowkeys.service.verifier import Verifier
from flowkeys.storage import secret_file
from flowkeys.storage.reading import open_to_read
from flowkeys.storage.sqlite_lookups import SqliteLookups
from flowkeys.verify.forks import begin_again_after
from flowkeys.verify.verifier import now

CACHED_KEYS: Final = 100_000
"""At about 400 bytes each. A key that is not kept costs a look-up in the file."""


class LocalSource:
    """Implements `Source` over a database file.

    One connection and one lock: a decision takes microseconds, and SQLite would make threads wait as well.
    """

    def __init__(self, data_dir: Path, secret: str | None) -> None:
        """Open the database in `data_dir`; see `Verifier.local`."""
        secrets = _split(secret) if secret else secret_file.read(data_dir / "secret")
        if not secrets:
            raise ConfigurationError(
                f"There is no server secret. Set FLOWKEYS_SECRET, or bring back {data_dir / 'secret'}."
            )
        self._data_dir = data_dir
        self._hasher = TokenHasher(secrets)
        self._closed = False
        self._opened: list[SqliteLookups] = []
        self.begin()
        begin_again_after(self)

    def begin(self) -> None:
        """Open the database; in a process that was forked, once more (SQLite forbids to share it)."""
        self._lock = threading.Lock()
        if self._closed:
            return
        try:
            lookups, feed = open_to_read(self._data_dir, self._hasher.secret_ids)
        except FlowkeysError:
            if not self._opened:
                raise
            self._closed = True  # of what was forked: it cannot raise there
            return
        self._opened.append(lookups)  # with those of the parent, which must not be closed here
        keys = KeyCache(lookups, feed, self._hasher, _NoMemory(), CACHED_KEYS)
        directory = ChatflowCache(lookups, feed, _never_loaded, now)
        feed.tell(keys, directory)
        self._verifier = Verifier(keys, directory, _NoMemory(), now)

    def decide(self, text: bytes, request: AccessRequest) -> Decision:
        """Return the decision."""
        with self._lock:
            if self._closed:
                raise Unavailable("This verifier was closed.")
            decision = self._verifier.at_once(text, request, counts=False)
        assert decision is not None, "a file beside us is read at once"
        return decision

    at_once = decide

    async def adecide(self, text: bytes, request: AccessRequest) -> Decision:
        """Return the decision: a look-up in the file takes less than a thread would."""
        return self.decide(text, request)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._opened[-1].close()


class _NoMemory:
    """Implements `UsageRecorder`: who only reads the database cannot store when keys were used."""

    def used(self, key_id: str, at: int) -> None:
        """Forget it."""

    def outdated(self, key_id: str, old: TokenDigest, new: TokenDigest) -> None:
        """Forget it: the server notes it too."""


async def _never_loaded(chatflow_id: str) -> Chatflow | None:
    del chatflow_id
    return None


def _split(secret: str) -> list[str]:
    return [part.strip() for part in secret.split(",") if part.strip()]
