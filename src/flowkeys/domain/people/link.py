"""One-time links: for the first owner, for somebody who is invited, and for a forgotten password."""

from enum import StrEnum
from typing import Final

import msgspec

from flowkeys.domain.keys.api_key import Creator
from flowkeys.domain.people.person import Role
from flowkeys.domain.people.random_secret import RandomSecret
from flowkeys.domain.permissions import PermissionSet
from flowkeys.domain.times import SECOND

_HOUR: Final = 3600 * SECOND


class Purpose(StrEnum):
    """What a link is for; the value is the first part of its path."""

    SET_UP = "set-up"
    INVITATION = "invitation"
    RESET = "reset"


LIFETIMES: Final = {
    Purpose.SET_UP: _HOUR,
    Purpose.INVITATION: 7 * 24 * _HOUR,
    Purpose.RESET: _HOUR,
}
"""How long a link works, in microseconds."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was not used yet. Its secret is not here: only a hash of it is stored."""

    id: str
    workspace_id: str
    purpose: Purpose
    email: str | None
    """Whom it is for; None for a set-up link, whose user chooses the address."""
    role: Role
    """What its user becomes; for a reset link, what the person is."""
    permissions: PermissionSet
    person_id: str | None
    """Whose password a reset link sets; None for the other purposes."""
    created_by: Creator
    created_at: int
    expires_at: int


class IssuedLink(msgspec.Struct, frozen=True):
    """A link at the only moment at which its secret is known."""

    link: Link
    secret: RandomSecret

    @property
    def path(self) -> str:
        """The path of the page that the link opens, secret included."""
        return path_of(self.link.purpose, self.secret)


def path_of(purpose: Purpose, secret: RandomSecret) -> str:
    """Return the path of the page that a link opens, for example ``/set-up/…``."""
    return f"/{purpose}/{secret.reveal()}"
