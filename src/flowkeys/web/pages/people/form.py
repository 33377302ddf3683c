"""The form of what a person is and may do: for an invitation, and for a change."""

from typing import Final

import msgspec

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.people.person import MEMBER_PERMISSIONS, Person, Role, held_by
from flowkeys.domain.permissions import PermissionSet, covers, with_implied_views
from flowkeys.domain.principal import Caller
from flowkeys.web.pages.form import Form
from flowkeys.web.pages.keys.choices import PermissionChoices, permission_choices

_ABOUT: Final = {
    Role.OWNER: "May do everything: keys, chatflows, people.",
    Role.MEMBER: "Manages keys and chatflows, within the permissions below.",
    Role.VIEWER: "Sees everything but people, and changes nothing.",
}


class RoleChoice(msgspec.Struct, frozen=True):
    """A role that the caller may give."""

    value: str
    label: str
    about: str
    is_chosen: bool


class PersonForm(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed and chosen so far."""

    email: str = ""
    role: str = Role.MEMBER.value
    permissions: PermissionSet = MEMBER_PERMISSIONS

    @classmethod
    def of(cls, sent: Form) -> "PersonForm":
        """Return the form that was sent."""
        return cls(
            email=sent.text("email"), role=sent.text("role"), permissions=frozenset(sent.all("permissions"))
        )

    @classmethod
    def of_person(cls, person: Person) -> "PersonForm":
        """Return the form of a person whom nobody has changed yet."""
        permissions = person.permissions if person.role is Role.MEMBER else MEMBER_PERMISSIONS
        return cls(email=person.email, role=person.role.value, permissions=permissions)

    def given(self, caller: Caller, kept: PermissionSet = frozenset()) -> tuple[Role, PermissionSet | None]:
        """Return the role and, for a member, the permissions; `kept` are those that had no box.

        Raises:
            InvalidInput: naming ``role``: none was chosen.
        """
        try:
            role = Role(self.role)
        except ValueError:
            raise InvalidInput.of("role", "Choose what the person is to be.") from None
        if role is not Role.MEMBER:
            return role, None
        return role, with_implied_views(self.permissions, caller.principal.permissions) | kept


def roles(caller: Caller, chosen: str) -> list[RoleChoice]:
    """Return the roles that the caller may give."""
    held = caller.principal.permissions
    return [
        RoleChoice(role.value, role.value.capitalize(), about, role.value == chosen)
        for role, about in _ABOUT.items()
        if role is Role.MEMBER or covers(held, held_by(role, frozenset()))
    ]


def permissions(caller: Caller, chosen: PermissionSet) -> PermissionChoices:
    """Return the permissions that the caller may give a member: all but everything."""
    found = permission_choices(caller, chosen)
    return msgspec.structs.replace(found, everything=None)


def by_field(error: InvalidInput) -> dict[str, str]:
    """Return what is wrong by field."""
    return {item.field: item.message for item in error.errors}
