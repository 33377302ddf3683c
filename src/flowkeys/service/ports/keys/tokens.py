"""Units of work over tokens: a key has one, and while it is being rotated two."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from flowkeys.domain.keys.digest import TokenDigest
from flowkeys.domain.keys.rotation import Rotation, TokenUses


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a token that was just made."""

    workspace_id: str
    key_id: str
    digest: TokenDigest
    hint: str


class Tokens(Protocol):
    """Tokens within one transaction."""

    def replace(self, new: NewToken, *, at: int, ends_at: int, unused_seconds: int | None) -> None:
        """Let the key's token end at `ends_at`, and give it a new one.

        With `unused_seconds` the old one ends as soon as it was not used for so long.
        """
        ...

    def set_end(self, workspace_id: str, key_id: str, now: int, ends_at: int) -> None:
        """Let a token that was replaced and still works end at another time."""
        ...

    def to_finish(self, now: int) -> list[tuple[str, str, Rotation]]:
        """Return (workspace id, key id, rotation) of those under way that finish when the token is unused.

        Of all workspaces. Those of revoked keys are over.
        """
        ...

    def note_uses(self, uses: Mapping[int, TokenUses], now: int) -> None:
        """Add uses of replaced tokens, by the numbers of their rows; the last as `Keys.touch` does it.

        No other column changes.
        """
        ...
