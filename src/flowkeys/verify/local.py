"""Keys of a server on this machine, read from its database file."""

import threading
from pathlib import Path
from typing import Final

from flowkeys.cache.chatflows import ChatflowCache
from flowkeys.cache.keys import KeyCache
from flowkeys.domain.chatflow import Chatflow
from flowkeys.domain.decision import AccessRequest, Decision
from flowkeys.domain.digest import TokenDigest, TokenHasher
from flowkeys.domain.errors import ConfigurationError, Unavailable
from flowkeys.service.verifier import Verifier
from flowkeys.storage import secret_file
from flowkeys.storage.reading import open_to_read
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
        hasher = TokenHasher(secrets)
        self._lookups, feed = open_to_read(data_dir, hasher.secret_ids)
        keys = KeyCache(self._lookups, feed, hasher, _NoMemory(), CACHED_KEYS)
        directory = ChatflowCache(self._lookups, feed, _never_loaded, now)
        feed.tell(keys, directory)
        self._verifier = Verifier(keys, directory, _NoMemory(), now)
        self._lock = threading.Lock()
        self._closed = False

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
                self._lookups.close()


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
