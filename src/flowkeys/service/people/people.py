"""Who is in a workspace, and what each may do."""

import msgspec

from flowkeys.domain.errors import Forbidden, InvalidInput, NotFound
from flowkeys.domain.journal import Subject
from flowkeys.domain.people.person import USERS_MANAGE, Person, PersonSeen, Role, held_by
from flowkeys.domain.permissions import PermissionSet
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock
from flowkeys.service.journal import record
from flowkeys.service.people.input import acting, checked_name, describe, given, require_above
from flowkeys.service.people.link_rows import void_unbacked
from flowkeys.service.ports.store import Store, Transaction


class PeopleService:
    """The use cases of people. Who comes in, comes by a link: `LinkService`.

    What a person may do is read at each of their requests, so that a change takes effect at the next one.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def all(self, caller: Caller) -> list[PersonSeen]:
        """Return the workspace's people and when each was last here, who came first first.

        Raises:
            Forbidden: the caller may not manage people.
        """
        caller.require(USERS_MANAGE)
        return await self._store.read(lambda tx: tx.people.all(caller.workspace_id))

    async def get(self, caller: Caller, person_id: str) -> Person:
        """Return one person of the workspace.

        Raises:
            Forbidden: the caller may not manage people.
            NotFound: the workspace has nobody of this id.
        """
        caller.require(USERS_MANAGE)
        return await self._store.read(lambda tx: _get(tx, caller, person_id))

    async def change(
        self,
        caller: Caller,
        person_id: str,
        role: Role,
        permissions: PermissionSet | None = None,
        version: int | None = None,
    ) -> Person:
        """Give a person another role, or a member other permissions; None keeps them, or gives the usual.

        With `version` nothing is changed when somebody else did so meanwhile. Invitations that the person
        sent and could not send any more are withdrawn.

        Raises:
            Forbidden: the caller may not manage people, or holds less than the person does or is to.
            InvalidInput: it is the last owner, there is no such permission, or the version is another.
            NotFound: the workspace has nobody of this id.
        """
        caller.require(USERS_MANAGE)
        now = self._clock()

        def work(tx: Transaction) -> Person:
            actor = acting(tx, caller)
            before = _get(tx, caller, person_id)
            if version is not None and version != before.version:
                raise InvalidInput.of("version", "Somebody changed this person meanwhile. Look again.")
            kept = before.permissions if permissions is None and before.role is Role.MEMBER else permissions
            granted = given(role, kept)
            require_above(actor, before.held())
            require_above(actor, held_by(role, granted))
            if (role, granted) == (before.role, before.permissions):
                return before
            if role is not Role.OWNER:
                _require_other_owner(tx, before, "role")
            after = _save(tx, caller, before, now, role=role, permissions=granted)
            void_unbacked(tx, caller, person_id, now)
            return after

        return await self._store.write(work)

    async def remove(self, caller: Caller, person_id: str) -> None:
        """Remove a person: their sign-ins end, links for their password are void. Keys they made stay.

        Invitations that they sent are withdrawn.

        Raises:
            Forbidden: the caller may not manage people, or holds less than the person.
            InvalidInput: it is the last owner.
            NotFound: the workspace has nobody of this id.
        """
        caller.require(USERS_MANAGE)
        now = self._clock()

        def work(tx: Transaction) -> None:
            actor = acting(tx, caller)
            before = _get(tx, caller, person_id)
            require_above(actor, before.held())
            _require_other_owner(tx, before, "person")
            tx.people.remove(caller.workspace_id, person_id)
            void_unbacked(tx, caller, person_id, now)
            record(
                tx,
                caller,
                now,
                action="person.remove",
                subject=Subject.PERSON,
                subject_id=person_id,
                version=before.version + 1,
                before=describe(before),
            )

        await self._store.write(work)

    async def rename(self, caller: Caller, name: str) -> Person:
        """Change the caller's own name.

        Raises:
            Forbidden: the caller is no person.
            InvalidInput: the name is empty, too long or not fit to be shown.
        """
        person_id = caller.principal.id
        if caller.principal.kind != "person" or person_id is None:
            raise Forbidden("Only somebody who is signed in can do this.")
        if not name.strip():
            raise InvalidInput.of("name", "Give a name.")
        now = self._clock()

        def work(tx: Transaction) -> Person:
            before = _get(tx, caller, person_id)
            cleaned = checked_name(name, before.email)
            if cleaned == before.name:
                return before
            return _save(tx, caller, before, now, name=cleaned)

        return await self._store.write(work)


def _get(tx: Transaction, caller: Caller, person_id: str) -> Person:
    person = tx.people.get(caller.workspace_id, person_id)
    if person is None:
        raise NotFound("person")
    return person


def _require_other_owner(tx: Transaction, person: Person, field: str) -> None:
    """Raise `InvalidInput` when nobody would be left who may do everything."""
    if person.role is Role.OWNER and tx.people.count_owners(person.workspace_id) == 1:
        raise InvalidInput.of(field, "This is the last owner. Make somebody else an owner first.")


def _save(tx: Transaction, caller: Caller, before: Person, now: int, **changes: object) -> Person:
    after = msgspec.structs.replace(before, **changes, updated_at=now, version=before.version + 1)
    tx.people.update(after)
    record(
        tx,
        caller,
        now,
        action="person.update",
        subject=Subject.PERSON,
        subject_id=before.id,
        version=after.version,
        before=describe(before),
        after=describe(after),
    )
    return after
