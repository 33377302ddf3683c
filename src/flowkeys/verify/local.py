"""Keys of a server on this machine, read from its database file."""

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from flowkeys.cache.chatflows import ChatflowCache
from flowkeys.cache.keys import KeyCache
from flowkeys.domain.chatflows.chatflow import Chatflow
from flowkeys.domain.errors import ConfigurationError, Unavailable
from flowkeys.domain.keys.decision import AccessRequest, Decision
from flowkeys.domain.keys.digest import TokenDigest
from flowkeys.domain.keys.networks import Client
from flowkeys.domain.permissions import PermissionSet
from flowkeys.service.keys.verifier import Verifier
from flowkeys.storage.sqlite.lookups import SqliteLookups
from flowkeys.storage.sqlite.reading import Files, files_of, open_to_read
from flowkeys.verify.clock import now
from flowkeys.verify.forks import begin_again_after
from flowkeys.verify.local_secrets import LocalSecrets

CACHED_KEYS: Final = 100_000
"""At about 400 bytes each. A key that is not kept costs a look-up in the file."""
_LOOK_SECONDS: Final = 0.005
"""So often it is looked whether a file was replaced: as often as the feed of changes is asked."""


class LocalSource:
    """Implements `Source` over a database file.

    One connection and one lock: a decision takes microseconds, and SQLite would make threads wait as well.
    """

    def __init__(self, data_dir: Path, secret: str | None, *, ignores_limits: bool = False) -> None:
        """Open the database in `data_dir`; see `Verifier.local`."""
        self._takes = not ignores_limits
        self._data_dir = data_dir
        self._secrets = LocalSecrets(data_dir, secret)
        self._closed = False
        self._lookups: SqliteLookups | None = None
        self.begin()
        begin_again_after(self)
        with self._lock:
            self._open()

    def hold(self) -> None:
        """Keep other threads out of SQLite, which has locks of its own, and close the database.

        A child would inherit what SQLite knows of it, such as locks that only this process has and files that
        may be removed; it forbids to use that and to close it there. Either opens it at its next call.
        """
        self._lock.acquire()
        self._close()

    def let_go(self) -> None:
        """Let them in again."""
        self._lock.release()

    def begin(self) -> None:
        """Begin with no database; it is opened by the next call."""
        self._lock = threading.RLock()  # again too: whoever forks holds it, and may be a signal handler
        self._files: Files | None = None
        self._looked = 0.0

    def _look(self) -> None:
        """See to it that what is open is the files that are there now, under the secrets that there are."""
        looked = time.monotonic()
        if self._lookups is not None and looked - self._looked < _LOOK_SECONDS:
            return
        try:
            has_others = self._secrets.look()
        except (ConfigurationError, OSError) as error:
            raise Unavailable(f"The server secret was changed. {error}") from error
        if self._lookups is None or has_others or files_of(self._data_dir) != self._files:
            try:
                self._open()
            except (ConfigurationError, OSError) as error:
                raise Unavailable(f"The database or the secret was replaced or removed. {error}") from error
        self._looked = looked

    def _open(self) -> None:
        """Open the database, with nothing kept of the one that was open."""
        self._close()  # first: both may have the same files beside them, and locks on those
        before = files_of(self._data_dir)
        lookups, feed, hasher, self._secrets.trusted = open_to_read(self._data_dir, self._secrets.written)
        keys = KeyCache(lookups, feed, hasher, _NoMemory(), CACHED_KEYS)
        directory = ChatflowCache(lookups, feed, _never_loaded, now)
        feed.tell(keys, directory)
        self._verifier = Verifier(keys, directory, _NoMemory(), now)
        self._lookups = lookups
        # Those beside it may have been made by opening it. Was any replaced meanwhile, nobody knows which one
        # is open: then it is opened again at the next look.
        after = files_of(self._data_dir)
        is_sure = before.database == after.database and all(
            old in (None, new) for old, new in zip(before, after, strict=True)
        )
        self._files = after if is_sure else None

    def decide(self, text: bytes, request: AccessRequest, client: Client | None = None) -> Decision:
        """Return the decision."""
        with self._lock:
            if self._closed:
                raise Unavailable("This verifier was closed.")
            self._look()
            decision = self._verifier.at_once(text, request, client, counts=False, takes=self._takes)
        assert decision is not None, "a file beside us is read at once"
        return decision

    at_once = decide

    async def adecide(self, text: bytes, request: AccessRequest, client: Client | None = None) -> Decision:
        """Return the decision: a look-up in the file takes less than a thread would."""
        return self.decide(text, request, client)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._closed = True
            self._close()

    def _close(self) -> None:
        opened, self._lookups = self._lookups, None
        if opened is not None:
            opened.close()


class _NoMemory:
    """Implements `UsageRecorder`: who only reads the database cannot store when keys were used."""

    def used(self, key_id: str, at: int, client: Client | None) -> None:
        """Forget it."""

    def used_replaced(self, token: int, at: int, client: Client | None) -> None:
        """Forget it."""

    def exercised(self, key_id: str, held: PermissionSet, permissions: Iterable[str]) -> None:
        """Forget it."""

    def outdated(self, key_id: str, old: TokenDigest, new: TokenDigest) -> None:
        """Forget it: the server notes it too."""


async def _never_loaded(chatflow_id: str) -> Chatflow | None:
    del chatflow_id
    return None
