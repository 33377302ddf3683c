"""People, what each may do, and their sign-ins."""

import unicodedata
from enum import StrEnum
from typing import Final

import msgspec

from flowkeys.domain.permissions import ALL, GROUPS, PermissionSet
from flowkeys.domain.principal import Principal

EMAIL_LENGTH: Final = 254
"""The longest address that mail can be sent to (RFC 5321)."""

USERS_MANAGE: Final = "users:manage"
"""The permission to see, invite, change and remove people."""

VIEWER_PERMISSIONS: Final[PermissionSet] = frozenset(
    f"{group}:view"
    for group in ("apikeys", "chatflows", "customers", "documentStores", "executions", "policy")
)
"""What a viewer holds: to see all that there is to see here, and to change nothing."""

MEMBER_PERMISSIONS: Final[PermissionSet] = VIEWER_PERMISSIONS | {
    f"{group}:{verb}"
    for group in ("apikeys", "chatflows", "customers", "documentStores")
    for verb in GROUPS[group]
}
"""What a member holds unless something else was given: keys, customers, chatflows and documents, with all
that can be done to them."""

_TYPED_LENGTH: Final = 4 * EMAIL_LENGTH
_UNFIT: Final = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})


class Role(StrEnum):
    """What a person is in a workspace."""

    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signs in. Times are microseconds since 1970, UTC."""

    id: str
    workspace_id: str
    email: str
    """Folded (`clean_email`), so that one address is one person, however it is typed."""
    name: str
    role: Role
    permissions: PermissionSet
    """What was given to a member; empty for the other roles. `held` is what the person may do."""
    created_at: int
    updated_at: int
    version: int

    def held(self) -> PermissionSet:
        """Return the permissions that the person holds."""
        return held_by(self.role, self.permissions)

    def as_principal(self) -> Principal:
        """Return the person as the caller of a service."""
        return Principal("person", self.id, self.name, self.workspace_id, self.held())


class PersonSeen(msgspec.Struct, frozen=True):
    """A person with when they were last here; None: never since the account was made."""

    person: Person
    last_seen_at: int | None


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """A browser in which somebody is signed in. Its secret is not here: only a hash of it is stored."""

    id: str
    person_id: str
    created_at: int
    expires_at: int
    """When it ends, however much it is used."""
    last_seen_at: int
    """To five minutes: it is not written at each request."""
    address: str | None
    user_agent: str | None


class Signed(msgspec.Struct, frozen=True):
    """Who a browser's request comes from, and by which sign-in."""

    person: Person
    sign_in: SignIn


def held_by(role: Role, permissions: PermissionSet) -> PermissionSet:
    """Return what somebody of a role holds to whom `permissions` were given."""
    if role is Role.OWNER:
        return frozenset({ALL})
    return VIEWER_PERMISSIONS if role is Role.VIEWER else permissions


def clean_email(text: str) -> str | None:
    """Return an address trimmed and folded, or None when it cannot be one.

    Whether mail arrives there nobody knows here: it has one ``@`` with something on both sides, no spaces or
    control characters, and at most 254 characters.
    """
    if len(text) > _TYPED_LENGTH:  # normalising takes quadratic time, and anybody may try to sign in
        return None
    email = unicodedata.normalize("NFC", text.strip()).casefold()
    before, _, after = email.partition("@")
    if not before or not after or "@" in after or len(email) > EMAIL_LENGTH:
        return None
    return None if {unicodedata.category(c) for c in email} & _UNFIT else email
