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
    """Reads the change feed at once: each call is one indexed query of microseconds."""

    def range(self) -> tuple[int, int]:
        """Return the positions of the oldest and of the newest change that is stored; 0 and 0 without any.

        Raises:
            Unavailable: the store cannot be reached.
        """
        ...

    def between(self, workspace_id: str, after: int, last: int, limit: int) -> Sequence[Followed]:
        """Return a workspace's changes behind `after` up to `last`, in order, the first `limit` of them.

        Raises:
            Unavailable: the store cannot be reached.
        """
        ...
