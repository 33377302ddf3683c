"""What verification and predictions need: look-ups by digest and by chatflow id, and a memory of use."""

from collections.abc import Sequence
from typing import Protocol

from flowkeys.domain.api_key import KeyRecord
from flowkeys.domain.chatflow import Chatflow, ChatflowAccess
from flowkeys.domain.digest import TokenDigest


class KeyStore(Protocol):
    """Finds keys by digest: the one look-up that crosses workspaces, since it is how one is learnt."""

    async def find(self, digests: Sequence[TokenDigest]) -> KeyRecord | None:
        """Return the key whose token has one of `digests`, in any status, or None.

        At most one indexed query. Never a stale record after a change was committed in this process.

        Raises:
            Unavailable: the store cannot be reached.
        """
        ...


class ChatflowDirectory(Protocol):
    """Finds chatflows by id for the open routes: the other look-up without a workspace."""

    async def access(self, chatflow_id: str) -> ChatflowAccess | None:
        """Return what a call needs to know first, or None when there is no such chatflow."""
        ...

    async def load(self, chatflow_id: str) -> Chatflow | None:
        """Return the chatflow, to be run or shown to anyone, without the keys bound to it; or None."""
        ...


class UsageRecorder(Protocol):
    """Remembers, in memory, that keys were used. Verification calls it; it never blocks and never writes."""

    def used(self, key_id: str, at: int) -> None:
        """Note that a key was accepted at the time `at`."""
        ...

    def outdated(self, key_id: str, old: TokenDigest, new: TokenDigest) -> None:
        """Note that an accepted token is stored under an older secret: `Keyring` stores `new` later."""
        ...


class RecentUses(Protocol):
    """Tells of uses that are remembered and not stored yet. Safe to ask from any thread."""

    def last_use(self, key_id: str) -> int | None:
        """Return when a key was last accepted, or None when all that is known of it is stored."""
        ...
