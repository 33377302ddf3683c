"""What links write and how they are judged, within a transaction that somebody else began."""

from typing import Final

from flowkeys.domain.errors import InvalidInput, NotFound
from flowkeys.domain.ids import new_id
from flowkeys.domain.journal import Subject
from flowkeys.domain.keys.api_key import Status
from flowkeys.domain.people.link import LIFETIMES, IssuedLink, Link, Purpose
from flowkeys.domain.people.person import USERS_MANAGE, Person, Role, held_by
from flowkeys.domain.people.random_secret import RandomSecret
from flowkeys.domain.permissions import PermissionSet, covers
from flowkeys.domain.principal import Caller
from flowkeys.service.journal import record
from flowkeys.service.people.input import describe
from flowkeys.service.people.sign_in_rows import replace_password
from flowkeys.service.ports.store import Transaction

GONE: Final = "link: it was used or replaced, or it is too old"
_ISSUED: Final = {
    Purpose.SET_UP: "set_up_link",
    Purpose.INVITATION: "invite",
    Purpose.RESET: "reset_link",
}


def find(tx: Transaction, purpose: Purpose, digest: str, now: int) -> Link | None:
    """Return the link of a digest if it works."""
    link = tx.links.find(purpose, digest)
    return link if link is not None and works(tx, link, now) else None


def works(tx: Transaction, link: Link, now: int) -> bool:
    """Tell whether a link can still be used."""
    if link.expires_at <= now:
        return False
    if link.purpose is Purpose.SET_UP:
        return not tx.people.count_owners(link.workspace_id)
    return link.purpose is Purpose.RESET or _is_backed(tx, link, now)


def _is_backed(tx: Transaction, link: Link, now: int) -> bool:
    """Tell whether who sent an invitation could still send it: what they lost they cannot give."""
    by, wanted = link.created_by, held_by(link.role, link.permissions) | {USERS_MANAGE}
    if by.type == "operator" or by.id is None:
        return by.type == "operator"
    if by.type == "person":
        person = tx.people.get(link.workspace_id, by.id)
        return person is not None and covers(person.held(), wanted)
    key = tx.keys.get(link.workspace_id, by.id)
    return key is not None and key.status_at(now) is Status.ACTIVE and covers(key.permissions, wanted)


def join(
    tx: Transaction, link: Link, email: str, name: str, hashed: str, now: int, address: str | None
) -> Person:
    """Make the person of a set-up link or an invitation."""
    require_free(tx, link.workspace_id, email)
    person = Person(
        id=new_id(),
        workspace_id=link.workspace_id,
        email=email,
        name=name,
        role=link.role,
        permissions=link.permissions,
        created_at=now,
        updated_at=now,
        version=1,
    )
    tx.people.insert(person, hashed)
    # Whoever came by one link needs no other, and a second owner is not made by a link that lies around.
    tx.links.void(link.workspace_id, Purpose.INVITATION, email=email)
    record(
        tx,
        Caller(person.as_principal(), address),
        now,
        action="person.create",
        subject=Subject.PERSON,
        subject_id=person.id,
        version=1,
        after={**describe(person), "by": link.purpose.value, "invitedBy": link.created_by.name},
    )
    return person


def void_unbacked(tx: Transaction, caller: Caller, sender_id: str, now: int) -> None:
    """Withdraw the invitations of somebody who could not send them any more, so that none comes back."""
    for link in tx.links.of(caller.workspace_id, Purpose.INVITATION):
        if link.created_by.id == sender_id and not _is_backed(tx, link, now):
            tx.links.remove(caller.workspace_id, link.id)
            note_link(tx, caller, now, "withdraw_invitation", link)


def reset(tx: Transaction, link: Link, hashed: str, now: int, address: str | None) -> Person:
    """Set the password of a link's person."""
    person = tx.people.get(link.workspace_id, link.person_id or "")
    if person is None:
        raise NotFound(GONE)
    replace_password(tx, Caller(person.as_principal(), address), person, hashed, now)
    return person


def require_free(tx: Transaction, workspace_id: str, email: str) -> None:
    """Raise `InvalidInput` when somebody has this address; of another workspace it is not told."""
    person = tx.people.find(email)
    if person is None:
        return
    if person.workspace_id == workspace_id:
        raise InvalidInput.of("email", "Somebody with this email address is here already.")
    raise InvalidInput.of("email", "This email address cannot be used here. Use another one.")


def issue(
    tx: Transaction,
    caller: Caller,
    now: int,
    purpose: Purpose,
    *,
    role: Role,
    email: str | None = None,
    permissions: PermissionSet = frozenset(),
    person_id: str | None = None,
) -> IssuedLink:
    """Make a link; those that expired are forgotten."""
    secret = RandomSecret.mint()
    link = Link(
        id=new_id(),
        workspace_id=caller.workspace_id,
        purpose=purpose,
        email=email,
        role=role,
        permissions=permissions,
        person_id=person_id,
        created_by=caller.principal.as_creator(),
        created_at=now,
        expires_at=now + LIFETIMES[purpose],
    )
    tx.links.forget(now)
    tx.links.insert(link, secret.digest())
    note_link(tx, caller, now, _ISSUED[purpose], link)
    return IssuedLink(link, secret)


def note_link(tx: Transaction, caller: Caller, now: int, what: str, link: Link) -> None:
    """Write what happened to a link: whom it is for and what it gives, never its secret."""
    after = {"email": link.email, "role": link.role.value, "permissions": sorted(link.permissions)}
    record(
        tx,
        caller,
        now,
        action=f"person.{what}",
        subject=Subject.PERSON,
        subject_id=link.person_id or link.id,
        version=1,
        after=after,
    )
