"""Last uses and outdated digests, kept in memory until they are flushed.

A crash loses what is not stored yet: last uses are for people to read, not for decisions. With up to
`AT_ONCE` keys in use that is one interval. With more, some are stored at each interval, those that were used
first, so that calls of a hundred thousand keys leave the processor to calls.

The client of each key's last call is kept as it came: its address and what it calls itself are read when they
are stored, so that a call costs a reference.

Uses of tokens that were replaced are counted apart: few keys are being rotated at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from itertools import islice
from typing import Final, NamedTuple

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.digest import TokenDigest
from flowkeys.domain.keys.networks import Client
from flowkeys.domain.keys.rotation import LastUse, TokenUses
from flowkeys.domain.permissions import PermissionSet
from flowkeys.service.recurring import Recurring, at_the_end
from flowkeys.usage.permissions import Exercised, ExercisedPermissions

INTERVAL_SECONDS: Final = 2.0
AT_ONCE: Final = 2_000
"""As many last uses are stored in one interval: some tens of milliseconds of the writer's time."""

CLIENTS: Final = AT_ONCE
"""Of so many keys it is kept who used them last: of all, or, when more are in use, of those that are stored
next. Calls of others are let go at once: each that is kept is a kilobyte, in a dozen objects that the
collector walks. A key that was not used again when its turn came is stored without."""

Outdated = dict[TokenDigest, tuple[str, TokenDigest]]
"""Old digest → key id, new digest: a key that is being rotated has two tokens."""
Replaced = dict[int, TokenUses]
"""The number of a replaced token's row → how it was used."""
Clients = dict[str, Client | None]
"""Key id → whose call the last use was; a key that is missing was used by nobody knows whom."""
Flush = Callable[[dict[str, int], Outdated, Replaced, Clients, Exercised], Awaitable[None]]
"""Stores last uses (key id → time), re-digests, uses of replaced tokens, who used keys last, permissions."""


class Taken(NamedTuple):
    """What is on its way to the store."""

    last_used: dict[str, int]
    clients: Clients
    outdated: Outdated
    replaced: Replaced
    exercised: Exercised


class UsageBuffer:
    """Implements the ports `UsageRecorder` and `RecentUses`, and flushes itself."""

    def __init__(
        self,
        flush: Flush,
        interval_seconds: float = INTERVAL_SECONDS,
        tell: Callable[[str], object] = lambda _: None,
    ) -> None:
        """Keep what is recorded, and hand it to `flush` every `interval_seconds`.

        `tell` is told of an error that is no outage: then what was recorded is kept, and tried again; and of
        what is lost at a stop.
        """
        self._flush = flush
        self._tell = tell
        self._recurring = Recurring("flowkeys-usage", self.flush, interval_seconds, self._failed, whole=True)
        self._last_used: dict[str, int] = {}
        self._clients: Clients = {}
        self._on_its_way: dict[str, int] = {}
        self._clients_on_their_way: Clients = {}
        self._outdated: Outdated = {}
        self._replaced: Replaced = {}
        self._replaced_on_its_way: Replaced = {}
        self._exercised = ExercisedPermissions()
        self._flushing = asyncio.Lock()

    def __len__(self) -> int:
        """Return how many keys' last uses wait to be stored."""
        return len(self._last_used)

    def used(self, key_id: str, at: int, client: Client | None = None) -> None:
        """Note that a key was accepted, and whose call it was."""
        self._last_used[key_id] = at
        if key_id in self._clients or len(self._last_used) <= CLIENTS:
            self._clients[key_id] = client

    def used_replaced(self, token: int, at: int, client: Client | None) -> None:
        """Note that it was by a replaced token, and whose call it was."""
        last = LastUse.of(at, client)
        use = TokenUses(1, at, last.address, last.user_agent)
        before = self._replaced.get(token)
        self._replaced[token] = use if before is None else before.then(use)

    def exercised(self, key_id: str, held: PermissionSet, permissions: Iterable[str]) -> None:
        """Note that a key used permissions, if that is new."""
        self._exercised.note(key_id, held, permissions)

    def outdated(self, key_id: str, old: TokenDigest, new: TokenDigest) -> None:
        """Note that an accepted token is stored under an older secret."""
        self._outdated[old] = (key_id, new)

    def last_use(self, key_id: str) -> LastUse | None:
        """Return how a key was last used, unless that is stored already."""
        for last_used, clients in (
            (self._last_used, self._clients),
            (self._on_its_way, self._clients_on_their_way),
        ):
            at = last_used.get(key_id)
            if at is not None:
                return LastUse.of(at, clients.get(key_id))
        return None

    def of_replaced(self, token: int) -> TokenUses | None:
        """Return how a replaced token was used, as far as that is not stored."""
        before, after = self._replaced_on_its_way.get(token), self._replaced.get(token)
        return after if before is None else before if after is None else before.then(after)

    def start(self) -> None:
        """Begin to flush in the background."""
        self._recurring.start()

    async def stop(self) -> None:
        """End the background task and flush all that is left; what the store does not take is told of."""
        await self._recurring.stop()
        if not await at_the_end(self._all_stored):
            what = (
                f"last uses of {len(self._last_used)} keys and uses of {len(self._replaced)} replaced tokens"
            )
            self._tell(f"the store is not reached, and the server stops: {what} are lost")

    async def _all_stored(self) -> bool:
        while await self.flush():
            pass
        return not self._is_anything_left()

    def _is_anything_left(self) -> bool:
        return bool(self._last_used or self._outdated or self._replaced or self._exercised)

    async def flush(self) -> bool:
        """Hand over what was recorded first; keep it when that fails. Tell whether more is left.

        It begins when a flush that is under way has ended: what was recorded before is stored then.
        """
        async with self._flushing:
            return await self._hand_over()

    async def _hand_over(self) -> bool:
        if not self._is_anything_left():
            return False
        exercised = self._exercised.take()
        last_used, clients = self._take()
        self._on_its_way, self._clients_on_their_way = last_used, clients
        outdated, self._outdated = self._outdated, {}
        replaced = self._replaced_on_its_way = self._replaced  # first: other threads ask for them
        self._replaced = {}
        taken = Taken(last_used, clients, outdated, replaced, exercised)
        try:
            await self._flush(last_used, outdated, replaced, clients, exercised)
        except Exception as error:
            self._give_back(taken)
            if not isinstance(error, Unavailable):
                raise
            return False
        finally:
            if self._on_its_way is last_used:
                self._on_its_way, self._clients_on_their_way = {}, {}
            if self._replaced_on_its_way is replaced:
                self._replaced_on_its_way = {}
        return bool(self._last_used)

    def _give_back(self, taken: Taken) -> None:
        """Keep what could not be stored; what was recorded meanwhile counts where only the last does."""
        self._exercised.give_back(taken.exercised)
        old = {key_id: client for key_id, client in taken.clients.items() if key_id not in self._last_used}
        self._clients = {**old, **self._clients}
        self._last_used = {**taken.last_used, **self._last_used}
        self._outdated = {**taken.outdated, **self._outdated}
        replaced = taken.replaced
        for token, uses in self._replaced.items():
            replaced[token] = replaced[token].then(uses) if token in replaced else uses
        self._replaced = replaced

    def _take(self) -> tuple[dict[str, int], Clients]:
        """Take the uses that were recorded first out of those that wait, with whose they were."""
        if len(self._last_used) <= AT_ONCE:
            taken, clients = self._last_used, self._clients
            self._last_used, self._clients = {}, {}
            return taken, clients
        taken = dict(islice(self._last_used.items(), AT_ONCE))
        clients = {key_id: self._clients.pop(key_id, None) for key_id in taken}
        for key_id in taken:
            del self._last_used[key_id]
        # Whose turn is next has a place, and is known when it is used again.
        self._clients = {key_id: self._clients.get(key_id) for key_id in islice(self._last_used, CLIENTS)}
        return taken, clients

    def _failed(self, error: Exception) -> None:
        self._tell(repr(error))
