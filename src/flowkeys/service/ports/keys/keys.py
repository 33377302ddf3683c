"""Keys within one transaction."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from flowkeys.domain.keys.api_key import ApiKey
from flowkeys.domain.keys.digest import TokenDigest
from flowkeys.domain.keys.rotation import LastUse
from flowkeys.domain.listing import KeyQuery, Page
from flowkeys.service.ports.keys.makers import KeysMade


class Keys(Protocol):
    """Keys within one transaction."""

    def insert(self, key: ApiKey, digest: TokenDigest) -> None:
        """Add a key and its one token."""
        ...

    def get(self, workspace_id: str, key_id: str) -> ApiKey | None:
        """Return a key of the workspace with its bound chatflows, in any status."""
        ...

    def some(self, workspace_id: str, key_ids: Sequence[str]) -> list[ApiKey]:
        """Return those of the keys that the workspace has, in the order of the ids, in any status."""
        ...

    def page(self, query: KeyQuery, now: int) -> Page[ApiKey]:
        """Return the keys that match, sorted, with the number of all that match."""
        ...

    def made_by(self, workspace_id: str, creator_id: str) -> KeysMade:
        """Count the keys that a person or a key made, and those that were made by such keys, and so on."""
        ...

    def ids_made_by(self, workspace_id: str, creator_id: str, most: int) -> list[str]:
        """Return the ids of what `made_by` counts, the first made first, at most so many."""
        ...

    def update(self, key: ApiKey) -> None:
        """Write name, permissions, status, expiry, note, times of change and version; nothing else."""
        ...

    def touch(self, last_used: Mapping[str, LastUse], now: int) -> None:
        """Move a key's last use forward, by its id, and back when it lies more than a day ahead of now.

        No other column changes.
        """
        ...

    def redigest(self, key_id: str, old: TokenDigest, new: TokenDigest) -> bool:
        """Replace a digest where `old` still stands; tell whether it did. No other column changes."""
        ...

    def any_live(self, now: int) -> bool:
        """Tell whether there is a token that could be accepted."""
        ...

    def secrets(self) -> list[str]:
        """Return the ids of all secrets that tokens were made under; soon, however many tokens there are."""
        ...

    def count_under(self, secret_id: str, now: int) -> int:
        """Count the tokens made under a secret that could still be accepted."""
        ...

    def count_by_secret(self, now: int) -> dict[str, int]:
        """Count the tokens that could still be accepted, by the id of the secret they were made under."""
        ...

    def ids_by_secret(self, secret_id: str, now: int) -> list[tuple[str, str]]:
        """Return (workspace id, key id) of keys made under a secret that could still be accepted."""
        ...
