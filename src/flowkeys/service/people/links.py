"""One-time links: the first owner's, invitations, and those for a forgotten password."""

from flowkeys.domain.errors import NotFound
from flowkeys.domain.people.link import IssuedLink, Link, Purpose
from flowkeys.domain.people.person import USERS_MANAGE, Role, held_by
from flowkeys.domain.people.random_secret import RandomSecret
from flowkeys.domain.permissions import PermissionSet
from flowkeys.domain.principal import Caller, operator
from flowkeys.domain.times import Clock
from flowkeys.service.people import password_rule
from flowkeys.service.people.input import acting, checked_email, checked_name, given, require_above
from flowkeys.service.people.link_rows import GONE, find, issue, join, note_link, require_free, reset, works
from flowkeys.service.people.set_up import SetUp
from flowkeys.service.people.sign_in_rows import Started, start
from flowkeys.service.people.sign_ins import SignInService
from flowkeys.service.ports.people import PasswordHasher
from flowkeys.service.ports.store import Store, Transaction


class LinkService:
    """Issues links, shows what they are for, and lets each be used once."""

    def __init__(
        self,
        store: Store,
        passwords: PasswordHasher,
        sign_ins: SignInService,
        clock: Clock,
        set_up: SetUp | None = None,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._sign_ins = sign_ins
        self._clock = clock
        self._set_up = set_up or SetUp(store, clock)
        self.used = self._set_up.used
        """Told when a link was used, in this process."""

    async def is_set_up(self) -> bool:
        """Tell whether the default workspace has an owner: until then a set-up link is waited for."""
        return await self._set_up.is_done()

    async def set_up_link(self) -> RandomSecret | None:
        """Return the secret of a link that makes the first owner, or None when there is one.

        It works for an hour, and those that were made before it work no more.
        """
        return await self._set_up.link()

    async def invite(
        self, caller: Caller, email: str, role: Role, permissions: PermissionSet | None = None
    ) -> IssuedLink:
        """Return a link by which somebody can become one of the workspace's people, within seven days.

        An earlier one of the same address works no more. Without `permissions` a member gets the usual.

        Raises:
            Forbidden: the caller may not manage people, or holds less than they give.
            InvalidInput: the address cannot be one, or is a person's already; there is no such permission.
        """
        caller.require(USERS_MANAGE)
        address, granted, now = checked_email(email), given(role, permissions), self._clock()

        def work(tx: Transaction) -> IssuedLink:
            require_above(acting(tx, caller), held_by(role, granted))
            require_free(tx, caller.workspace_id, address)
            tx.links.void(caller.workspace_id, Purpose.INVITATION, email=address)
            return issue(tx, caller, now, Purpose.INVITATION, email=address, role=role, permissions=granted)

        return await self._store.write(work)

    async def invitations(self, caller: Caller) -> list[Link]:
        """Return the invitations that can still be accepted, newest first.

        Raises:
            Forbidden: the caller may not manage people.
        """
        caller.require(USERS_MANAGE)
        now = self._clock()

        def work(tx: Transaction) -> list[Link]:
            found = tx.links.of(caller.workspace_id, Purpose.INVITATION)
            return [link for link in found if works(tx, link, now)]

        return await self._store.read(work)

    async def withdraw(self, caller: Caller, link_id: str) -> None:
        """Withdraw an invitation.

        Raises:
            Forbidden: the caller may not manage people, or holds less than the invitation gives.
            NotFound: the workspace has no such invitation.
        """
        caller.require(USERS_MANAGE)
        now = self._clock()

        def work(tx: Transaction) -> None:
            actor = acting(tx, caller)
            link = tx.links.get(caller.workspace_id, link_id)
            if link is None or link.purpose is not Purpose.INVITATION:
                raise NotFound("invitation")
            require_above(actor, held_by(link.role, link.permissions))
            tx.links.remove(caller.workspace_id, link_id)
            note_link(tx, caller, now, "withdraw_invitation", link)

        await self._store.write(work)

    async def reset_link(self, email: str) -> IssuedLink:
        """Return a link by which somebody can choose a new password, within an hour; for the operator.

        Earlier ones for the same person work no more.

        Raises:
            InvalidInput: the address cannot be one.
            NotFound: nobody has this address.
        """
        address, now = checked_email(email), self._clock()

        def work(tx: Transaction) -> IssuedLink:
            person = tx.people.find(address)
            if person is None:
                raise NotFound(f"person: {address}")
            caller = Caller(operator(person.workspace_id))
            tx.links.void(person.workspace_id, Purpose.RESET, person_id=person.id)
            return issue(
                tx,
                caller,
                now,
                Purpose.RESET,
                email=person.email,
                role=person.role,
                permissions=person.permissions,
                person_id=person.id,
            )

        return await self._store.write(work)

    async def peek(self, purpose: Purpose, secret_text: str) -> Link | None:
        """Return what a link is for, or None when it does not work (any more). It is not used up."""
        secret, now = RandomSecret.parse(secret_text), self._clock()
        if secret is None:
            return None
        digest = secret.digest()
        return await self._store.read(lambda tx: find(tx, purpose, digest, now))

    async def accept(
        self,
        purpose: Purpose,
        secret_text: str,
        *,
        password: str,
        email: str | None = None,
        name: str | None = None,
        address: str | None = None,
        user_agent: str | None = None,
    ) -> Started:
        """Use a link up: make its person, or set their password, and sign them in; all of it or nothing.

        `email` counts for a set-up link only; without `name` it is what stands before the ``@``.

        Raises:
            NotFound: the link does not work (any more).
            InvalidInput: naming ``email``, ``name`` or ``password``; the link can still be used.
        """
        link = await self.peek(purpose, secret_text)
        if link is None:
            raise NotFound(GONE)
        digest = RandomSecret(secret_text).digest()
        person_email = checked_email(email or "") if link.email is None else link.email
        person_name = checked_name(name, person_email)
        hashed = await self._passwords.hash(password_rule.checked(password, person_email))
        now = self._clock()

        def work(tx: Transaction) -> Started:
            found = find(tx, purpose, digest, now)  # another may have used it while the password was hashed
            if found is None:
                raise NotFound(GONE)
            tx.links.remove(found.workspace_id, found.id)
            if purpose is Purpose.RESET:
                person = reset(tx, found, hashed, now, address)
            else:
                person = join(tx, found, person_email, person_name, hashed, now, address)
            return start(tx, person, now, self._sign_ins.limits, address=address, user_agent=user_agent)

        started = await self._store.write(work)
        self._sign_ins.forgive(started.person.email, address)
        for tell in self.used:
            tell(purpose)
        return started
