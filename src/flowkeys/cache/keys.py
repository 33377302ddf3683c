"""Keys by token, in memory.

The index is a BLAKE2b of the token behind a random key of this process: it costs a fifth of the stored
digest's HMAC and tells nothing to whoever reads the memory of another run. Records that were read at the
start are filed under the first 128 bits of their digest until their token is first presented.

A record says up to which position of the change feed it was read. A change notes the position at which a key
became another: a record read before it is not used again, whether it was in the cache or on its way into it.
So it is with a customer, whose change is one row of the feed however many keys it has.

While every token of the store is in the cache, one that is not is nobody's: guesses cost no look-up. Keys
that changed are read again before anybody is told so, and what that rests on is fresher than the bound.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from functools import partial
from hashlib import blake2b
from itertools import islice
from typing import Final, Literal

import msgspec

from flowkeys.cache.absent import Absent
from flowkeys.cache.ended import Ended, has_ended
from flowkeys.cache.flight import PATIENCE_SECONDS, SharedLookUps
from flowkeys.cache.marks import Marks
from flowkeys.cache.order import INDEX_BYTES, Order
from flowkeys.cache.stale import Stale
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.journal import Subject
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.digest import Digests, TokenHasher
from flowkeys.domain.keys.token import LENGTH, Token, is_well_formed
from flowkeys.service.ports.verification import (
    PENDING,
    STALE,
    ChangeFeed,
    Found,
    KeyStore,
    Pending,
    Unreadable,
    UsageRecorder,
)

NEW_MICROSECONDS: Final = 500
"""So old may be what it rests on that a token is nobody's: whoever has just made a key in another process and
heard of it is hardly back with it that soon. Asking for each guess would cost a third of refusing it."""
_CHANGES: Final = 65_536
"""So many changed keys are remembered; more empty the cache instead."""
_READ_AT_ONCE: Final = 16
"""So many changed keys are read again for one call that needs it; it is not to wait for the rest."""

ReadKey = Callable[[str], Iterable[tuple[bytes, KeyRecord | Unreadable]]]
"""Reads a key's tokens anew: the digest's bytes and the record."""


class KeyCache:
    """Implements `Keys` over a `KeyStore`, and `ChangeListener`."""

    def __init__(
        self,
        store: KeyStore,
        feed: ChangeFeed,
        hasher: TokenHasher,
        usage: UsageRecorder,
        size: int,
        stale: Stale | None = None,
    ) -> None:
        """Keep at most `size` records; `stale` says when they may be used without the store."""
        self._stale = stale
        self._store = store
        self._feed = feed
        self._hasher = hasher
        self._usage = usage
        self._size = size
        # What comes first is a key, too: BLAKE2 cannot be extended. RFC 7693's takes a block more.
        self._index = blake2b(secrets.token_bytes(32), digest_size=INDEX_BYTES)
        self._records: dict[bytes, KeyRecord] = {}
        self._order = Order()
        self._ended = Ended()
        self._marks = Marks()
        self._is_valid = self._marks.is_valid
        self._absent = Absent()
        self._flight: SharedLookUps[bytes, KeyRecord | None] = SharedLookUps()
        self._changes = 0
        self._read_key: ReadKey | None = None
        """Reads what changed, while all else that is stored is here."""
        self._unread: dict[str, None] | None = None
        """The keys that changed since reading ahead began."""
        self.generation = 0
        """Grows whenever the whole cache is forgotten."""

    def __len__(self) -> int:
        return len(self._records)

    def at_once(self, text: bytes, now: int) -> KeyRecord | Literal[Pending.PENDING] | None:
        """Return the key of a token, None when there is none, or `PENDING`."""
        if len(text) != LENGTH:
            return None
        index = self._index_of(text)
        if trusted := self._feed.current(now):
            record = self._records.get(index)
            if record is not None and (record.position >= self._marks.newest or self._is_valid(record)):
                return record
            if self._absent.knows(index, now):
                return None
        if not is_well_formed(text):
            return None
        if trusted:
            digest = self._hasher.newest(text)
            record = self._read_ahead(index, digest[:INDEX_BYTES], now)
            if record is not None:
                return record
            if self._has_all(now) and not self._is_known(index, digest):
                return None
        return self._find_at_once(index, text, now)

    def _find_at_once(
        self, index: bytes, text: bytes, now: int
    ) -> KeyRecord | Literal[Pending.PENDING] | None:
        digests = self._hasher.digest(Token(text.decode("ascii")))
        try:
            found = self._store.find_at_once(digests.all)
        except Unavailable:
            if self._stale is None or not self._stale.allows(now):
                raise
            return PENDING  # what was known last is what `find` has
        return PENDING if found is PENDING else self._keep(index, found, digests, now)

    async def find(self, text: bytes, now: int) -> KeyRecord | None:
        """Return the key of a token, or None; calls for one token at a time share one look-up."""
        if not is_well_formed(text):
            return None
        index = self._index_of(text)
        return await self._flight.ask(index, partial(self._look_up, index, text, now))

    async def _look_up(self, index: bytes, text: bytes, now: int) -> KeyRecord | None:
        digests = self._hasher.digest(Token(text.decode("ascii")))
        for wait in PATIENCE_SECONDS:
            if wait:
                await asyncio.sleep(wait)
            changes, generation = self._changes, self.generation
            try:
                found = await self._store.find(digests.all)
            except Unavailable:
                known = self._records.get(index) or self._records.get(_filed(digests))
                if self._stale is None or not self._stale.allows(now):
                    raise
                if known is None or not self._is_valid(known):
                    raise
                return msgspec.structs.replace(known, position=STALE)
            record = found.record
            if generation != self.generation or (record is None and changes != self._changes):
                return record  # from before what is known now: not kept
            if record is None or found.sees is None or found.sees(self._marks.last(record)):
                return self._keep(index, found, digests, now)
        raise Unavailable("The database is behind its own feed of changes.")

    def accepted_stale(self) -> None:
        """Note that a call was let in by a record that is what was known last."""
        if self._stale is not None:
            self._stale.used()

    def warm(self, digest: bytes, record: KeyRecord, now: int) -> bool:
        """Take a record that was read ahead, under its digest; return False when there is no room."""
        if has_ended(record, now):
            self._ended.add(digest)
            return True
        if len(self._records) >= self._size:
            self.keep_some()
            return False
        self._insert(digest[:INDEX_BYTES], record)
        return True

    def begin_reading(self, now: int) -> None:
        """Note from now on which keys change: all tokens are about to be read ahead."""
        self._feed.current(now, 0)
        self._read_key, self._unread = None, {}

    def end_reading(self, read_key: ReadKey) -> None:
        """Every token that can be verified was read ahead; `read_key` reads those of a key that changed."""
        if self._unread is not None:
            self._read_key = read_key

    def keep_some(self) -> None:
        """Make no claim from now on that everything is here."""
        self._read_key = self._unread = None

    def changed(self, subject: str, subject_id: str, position: int) -> None:
        """Stop using what was read of a key, or of a customer's keys, before `position`.

        Keys of a customer are read again as they are presented. A policy is every key's.
        """
        if subject == Subject.POLICY:
            self.forget()
        if subject not in {Subject.KEY, Subject.CUSTOMER}:
            return
        self._start_anew()
        marked = self._marks.note(subject, subject_id, position)
        if self._unread is not None and subject == Subject.KEY:
            self._unread[subject_id] = None
        if marked > _CHANGES:
            self.forget()

    def forget(self) -> None:
        """Forget every record, and with them what changed."""
        self._records = {}
        self._order = Order()
        self._ended = Ended()
        self._start_anew()
        self._marks.clear()  # look-ups that are on their way see that the generation is another
        self.keep_some()
        self.generation += 1

    def _index_of(self, text: bytes) -> bytes:
        hashed = self._index.copy()
        hashed.update(text)
        return hashed.digest()

    def _start_anew(self) -> None:
        """Let calls from now on ask for themselves, and not wait for what was read before."""
        self._absent.clear()
        self._flight.start_anew()
        self._changes += 1

    def _read_ahead(self, index: bytes, filed: bytes, now: int) -> KeyRecord | None:
        """Return the key of a token that was read and not presented yet."""
        if self._unread and self._read_key is not None:
            self._read_changed(self._unread, self._read_key, now)
        record = self._records.get(filed)
        if record is None or not self._is_valid(record):
            return None
        del self._records[filed]
        self._insert(index, record)
        return record

    def _has_all(self, now: int) -> bool:
        """Tell whether what is not here is nowhere."""
        return self._claims_all() and self._feed.current(now, NEW_MICROSECONDS) and self._claims_all()

    def _is_known(self, index: bytes, digest: bytes) -> bool:
        """Tell whether a token is somebody's: it was replaced and ended, or its customer changed since."""
        if len(self._ended) > 0 and digest in self._ended:
            return True
        if not self._marks.customers:
            return False
        waiting = self._records.pop(digest[:INDEX_BYTES], None)
        if waiting is not None and index not in self._records:
            self._insert(index, waiting)
        record = self._records.get(index)
        return record is not None and not self._marks.knows_customer(record)

    def _claims_all(self) -> bool:
        return self._read_key is not None and not self._unread

    def _read_changed(self, unread: dict[str, None], read_key: ReadKey, now: int) -> None:
        """Read tokens of changed keys: of some, since a call waits for it.

        With one that cannot be read the claim ends; only who presents it is to hear of that.

        Raises:
            Unavailable: the store cannot be reached.
        """
        for key_id in list(islice(unread, _READ_AT_ONCE)):
            for digest, record in read_key(key_id):
                if isinstance(record, Unreadable):
                    self.keep_some()
                    return
                if has_ended(record, now):
                    self._ended.add(digest)
                else:
                    self._insert(digest[:INDEX_BYTES], record)
            del unread[key_id]

    def _keep(self, index: bytes, found: Found, digests: Digests, now: int) -> KeyRecord | None:
        record = found.record
        if record is None:
            self._absent.add(index, now)
            return None
        if found.digest is not None and found.digest != digests.newest:
            self._usage.outdated(record.key_id, found.digest, digests.newest)
        if self._is_valid(record):
            self._insert(index, record)
        return record

    def _insert(self, index: bytes, record: KeyRecord) -> None:
        if index not in self._records:
            self._order.add(index)
        self._records[index] = record
        self._order.trim(self._records)
        while len(self._records) > self._size:
            self.keep_some()
            self._records.pop(self._order.oldest(), None)


def _filed(digests: Digests) -> bytes:
    """Return what a token is filed under that was read ahead."""
    return bytes.fromhex(digests.newest.rpartition("$")[2])[:INDEX_BYTES]
