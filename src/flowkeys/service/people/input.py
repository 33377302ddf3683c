"""What callers may say about people, and how far they may go, checked in the transaction that changes."""

import msgspec

from flowkeys.domain.errors import Forbidden, InvalidInput
from flowkeys.domain.keys.api_key import NAME_LENGTH, clean_name
from flowkeys.domain.people.person import MEMBER_PERMISSIONS, USERS_MANAGE, Person, Role, clean_email
from flowkeys.domain.permissions import ALL, PermissionSet, covers, unknown
from flowkeys.domain.principal import Caller
from flowkeys.service.ports.store import Transaction


def checked_email(text: str) -> str:
    """Return an address in the form in which it is stored.

    Raises:
        InvalidInput: it cannot be one.
    """
    email = clean_email(text)
    if email is None:
        raise InvalidInput.of("email", "Give an email address, for example ada@example.com.")
    return email


def checked_name(text: str | None, email: str) -> str:
    """Return a person's name; without one it is what stands before the ``@``.

    Raises:
        InvalidInput: it is too long or not fit to be shown.
    """
    if text is None or not text.strip():
        return clean_name(email.partition("@")[0][:NAME_LENGTH]) or "?"
    name = clean_name(text)
    if name is None:
        raise InvalidInput.of("name", "Give a name of at most 100 characters, without control characters.")
    return name


def given(role: Role, permissions: PermissionSet | None) -> PermissionSet:
    """Return what is stored as given to somebody of a role; None means the usual.

    Raises:
        InvalidInput: there is no such permission, or it makes somebody more than the role says.
    """
    if role is not Role.MEMBER:
        return frozenset()
    if permissions is None:
        return MEMBER_PERMISSIONS
    if names := unknown(permissions):
        raise InvalidInput.of("permissions", f"There is no permission {', '.join(names)}.")
    if ALL in permissions:
        raise InvalidInput.of("permissions", "Only owners hold everything (*). Make the person an owner.")
    return permissions


def acting(tx: Transaction, caller: Caller) -> Caller:
    """Return the caller with what they hold now: it may have been taken away since they were let in.

    Raises:
        Forbidden: the caller may not manage people.
    """
    principal = caller.principal
    if principal.kind == "person":
        person = tx.people.get(principal.workspace_id, principal.id or "")
        held: PermissionSet = person.held() if person is not None else frozenset()
        caller = msgspec.structs.replace(
            caller, principal=msgspec.structs.replace(principal, permissions=held)
        )
    caller.require(USERS_MANAGE)
    return caller


def require_above(caller: Caller, permissions: PermissionSet) -> None:
    """Raise `Forbidden` unless the caller holds everything that somebody else holds or is to hold."""
    held = caller.principal.permissions
    if not covers(held, permissions):
        lacking = sorted(permissions - held)
        what = "everything (*)" if ALL in lacking else ", ".join(lacking)
        raise Forbidden(f"The person holds or would hold more than you do: {what}.", lacking[0])


def describe(person: Person) -> dict[str, object]:
    """Return what the audit log says of a person."""
    return {
        "email": person.email,
        "name": person.name,
        "role": person.role.value,
        "permissions": sorted(person.permissions),
    }
