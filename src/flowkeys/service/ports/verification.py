"""What verification and predictions need: look-ups by token and by chatflow id, and a memory of use.

Two of these answer at once or say that they cannot (`PENDING`): the calls that keys exist for must not wait
for an event loop when the answer is in memory or in a file beside it (docs/adr/0011).
"""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Final, Literal, Protocol

import msgspec

from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowAccess
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.digest import TokenDigest
from flowkeys.domain.keys.networks import Client
from flowkeys.domain.keys.rotation import LastUse, TokenUses
from flowkeys.domain.permissions import PermissionSet


class Pending(Enum):
    """There is an answer, and whoever wants it has to wait for it."""

    PENDING = "pending"


PENDING: Final = Pending.PENDING

STALE: Final = -1
"""The position of a record that was not read for a call, but is what was known last, while the store is
away (`cache.stale`)."""


class Found(msgspec.Struct, frozen=True, gc=False):
    """What a look-up by digest found."""

    record: KeyRecord | None
    digest: TokenDigest | None = None
    """The one that is stored, of those that were asked for."""
    sees: Callable[[int], bool] | None = None
    """Tells of a change, by its position, whether what was read contains it, where the record's own position
    says so of some only."""


class FoundChatflow(msgspec.Struct, frozen=True, gc=False):
    """What a look-up by a chatflow's id found."""

    access: ChatflowAccess | None
    position: int = 0
    """Of the change feed: what was changed up to there is in it."""
    sees: Callable[[int], bool] | None = None
    """As `Found.sees`."""


class Unreadable(msgspec.Struct, frozen=True):
    """What stands for the record of a key that is stored, and whose row was spoilt by hand."""

    key_id: str


class KeyStore(Protocol):
    """Finds keys by digest: the one look-up that crosses workspaces, since it is how one is learnt."""

    def find_at_once(self, digests: Sequence[TokenDigest]) -> Found | Literal[Pending.PENDING]:
        """Return what `find` returns, or `PENDING` where that takes more than microseconds.

        Raises:
            Unavailable: the store cannot be reached, or the key's row was spoilt by hand.
        """
        ...

    async def find(self, digests: Sequence[TokenDigest]) -> Found:
        """Return the key whose token has one of `digests`, in any status.

        At most one indexed query, which also reads the record's position in the change feed.

        Raises:
            Unavailable: the store cannot be reached, or the key's row was spoilt by hand.
        """
        ...


class Keys(Protocol):
    """Finds keys by token; what a verifier asks. Never an answer older than the stated bound."""

    def at_once(self, text: bytes, now: int) -> KeyRecord | Literal[Pending.PENDING] | None:
        """Return the key of a token, None when there is none, or `PENDING`.

        `text` may be anything that was presented as a token. `now` is the time of the call.

        Raises:
            Unavailable: the store cannot be reached, or the feed of changes broke.
        """
        ...

    async def find(self, text: bytes, now: int) -> KeyRecord | None:
        """Return the key of a token, or None when there is none.

        Raises:
            Unavailable: the store cannot be reached, or the feed of changes broke.
        """
        ...

    def accepted_stale(self) -> None:
        """Note that a call was let in by a record of the position `STALE`."""
        ...


class ChatflowDirectory(Protocol):
    """Finds chatflows by id for the open routes: the other look-up without a workspace."""

    def at_once(self, chatflow_id: str, now: int) -> ChatflowAccess | Literal[Pending.PENDING] | None:
        """Return what `access` returns, or `PENDING` where that takes more than microseconds.

        Raises:
            Unavailable: the store cannot be reached.
        """
        ...

    async def access(self, chatflow_id: str) -> ChatflowAccess | None:
        """Return what a call needs to know first, or None when there is no such chatflow."""
        ...

    async def load(self, chatflow_id: str) -> Chatflow | None:
        """Return the chatflow, to be run or shown to anyone, without the keys bound to it; or None."""
        ...


class ChangeListener(Protocol):
    """Keeps copies of what is stored, and is told when they are out of date."""

    def changed(self, subject: str, subject_id: str, position: int) -> None:
        """A key or a chatflow was changed; `position` is the change's in the feed."""
        ...

    def forget(self) -> None:
        """Forget every copy: changes may have been missed."""
        ...


class ChangeFeed(Protocol):
    """Tells of changes that were committed, by this process and by others."""

    def current(self, now: int, within: int | None = ...) -> bool:
        """Tell whether listeners know all that was committed up to `within` microseconds before `now`.

        That is at most the stated bound. When it says False, copies must not be used: the store has to be
        asked.
        """
        ...

    def age(self, now: int) -> int:
        """Return how old, in microseconds, the last is that listeners know, also when it is too old."""
        ...


class UsageRecorder(Protocol):
    """Remembers, in memory, that keys were used. Verification calls it; it never blocks and never writes."""

    def used(self, key_id: str, at: int, client: Client | None) -> None:
        """Note that a key was accepted at the time `at`, and whose call it was: that is read later."""
        ...

    def used_replaced(self, token: int, at: int, client: Client | None) -> None:
        """Note beside it that the token was a replaced one, by its row's number, and who had it."""
        ...

    def exercised(self, key_id: str, held: PermissionSet, permissions: Iterable[str]) -> None:
        """Note that a key which holds `held` used `permissions`, by their names or by all that it holds."""
        ...

    def outdated(self, key_id: str, old: TokenDigest, new: TokenDigest) -> None:
        """Note that an accepted token is stored under an older secret: `Keyring` stores `new` later."""
        ...


class RecentUses(Protocol):
    """Tells of uses that are remembered and not stored yet. Safe to ask from any thread."""

    def last_use(self, key_id: str) -> LastUse | None:
        """Return how a key was last used, or None when all that is known of it is stored."""
        ...

    def of_replaced(self, token: int) -> TokenUses | None:
        """Return how a replaced token was used, as far as that is not stored, or None."""
        ...
