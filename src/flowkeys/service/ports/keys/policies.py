"""Policies of workspaces within one transaction, and what is asked about keys for their sake."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from flowkeys.domain.keys.api_key import Creator
from flowkeys.domain.keys.policy import Policy


class KeysOfPerson(msgspec.Struct, frozen=True):
    """How many keys that can be used go back to a person."""

    person_id: str
    name: str
    total: int


class Policies(Protocol):
    """Policies of workspaces within one transaction, and what is asked about keys for their sake."""

    def get(self, workspace_id: str) -> Policy:
        """Return the policy of a workspace; one that asks for nothing when it has none."""
        ...

    def put(self, workspace_id: str, new: Policy) -> None:
        """Write the policy of a workspace."""
        ...

    def began_at(self, key_id: str) -> int:
        """Return when the newest token of a key was made: when its life began, or began anew."""
        ...

    def networks_of_keys(self, workspace_id: str) -> Mapping[str, tuple[str, ...]]:
        """Return every list of networks that keys of the workspace have, each once, by how it is stored."""
        ...

    def broken(
        self, workspace_id: str, asked: Policy, networks: Sequence[str], now: int, most: int
    ) -> tuple[dict[str, int], int]:
        """Return keys that can be used, or enabled, and do not keep to a policy, and how many there are.

        With each of the ids, at most so many, comes when its life began; `networks` are stored lists that
        break the policy.
        """
        ...

    def due(self, workspace_id: str, days: int, now: int, most: int) -> list[str]:
        """Return active keys whose newest token is so many days old, the first made first, `most` at most."""
        ...

    def person_behind(self, workspace_id: str, creator: Creator) -> str | None:
        """Return the id of the person that a creator is or goes back to, however many keys lie between."""
        ...

    def count_of_person(self, workspace_id: str, person_id: str, now: int) -> int:
        """Count the keys that can be used, or enabled, and go back to a person."""
        ...

    def people_with_more(self, workspace_id: str, most: int, now: int) -> Sequence[KeysOfPerson]:
        """Return the people to whom more keys than that go back, who has most first."""
        ...
