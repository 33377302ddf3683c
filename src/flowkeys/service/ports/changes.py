"""What following changes needs: the rows of the change feed, by position."""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Followed(msgspec.Struct, frozen=True, gc=False):
    """One change, as those who follow are told of it: nothing secret."""

    position: int
    subject: str
    subject_id: str


class ChangeLog(Protocol):
    """Tells at once what was changed, to those who follow, by places: positions need not be in its order."""

    def place_of(self, position: int) -> int | None:
        """Return the place to go on from for whoever was told of all up to a position, if it is known."""
        ...

    def mark_of(self, position: int) -> str | None:
        """Return what was changed at a position, all of it, if all is stored that was changed behind it.

        None: it is not, or positions alone do not say what came before them.

        Raises:
            Unavailable: the store cannot be reached.
        """
        ...

    def since(self, workspace_id: str, after: int, last: int, limit: int) -> Sequence[Followed] | None:
        """Return a workspace's changes between two places, in order.

        None when that cannot be told: `after` was never reached, is no longer known, or is too far behind, by
        more than `limit` changes of the workspace.

        Raises:
            Unavailable: the store cannot be reached.
        """
        ...
