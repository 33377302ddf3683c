"""Signing in with a password, staying signed in, and signing out.

Whether an account exists cannot be learnt here: an unknown address costs the same work and gets the same
answer, waits included.
"""

import asyncio
from typing import Final

import msgspec

from flowkeys.domain.errors import Forbidden, InvalidInput, NotFound, Unavailable
from flowkeys.domain.people.person import Person, Signed, SignIn, clean_email
from flowkeys.domain.people.random_secret import RandomSecret
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import SECOND, Clock
from flowkeys.service.people import password_rule
from flowkeys.service.people.sign_in_rows import (
    SignInLimits,
    Started,
    note_failure,
    note_own,
    replace_password,
    start,
)
from flowkeys.service.people.trying import Trying
from flowkeys.service.ports.people import PasswordHasher, Tries, Verified
from flowkeys.service.ports.store import Store, Transaction

__all__ = ["SignInLimits", "SignInRefused", "SignInService", "Started"]

SEEN_EVERY: Final = 5 * 60 * SECOND
"""How exact `last_seen_at` is: a write at each request would be one too many."""

_ACCOUNT_LENGTH: Final = 320


class SignInRefused(msgspec.Struct, frozen=True):
    """No sign-in: the address or the password is wrong; which of them is not told."""

    retry_after_seconds: int = 0
    """Not 0: nothing was looked at, because too much was tried before; so long it has to be waited."""


class SignInService:
    """The use cases of signing in. Changes of passwords end every other sign-in of the person."""

    def __init__(
        self,
        store: Store,
        passwords: PasswordHasher,
        clock: Clock,
        limits: SignInLimits | None = None,
        tries: Tries | None = None,
    ) -> None:
        """Count tries of passwords with `tries`, too, where several processes serve."""
        self.limits = limits or SignInLimits()
        self._store = store
        self._passwords = passwords
        self._clock = clock
        self._trying = Trying(tries)
        self._touching: dict[str, asyncio.Task[None]] = {}

    async def sign_in(
        self, email: str, password: str, *, address: str | None = None, user_agent: str | None = None
    ) -> Started | SignInRefused:
        """Sign in, or say that it is refused.

        Raises:
            Unavailable: the store cannot be reached; the try does not count.
        """
        known_as = clean_email(email) or ""  # what is no address is nobody's
        account = known_as or email[:_ACCOUNT_LENGTH]
        signed_in_from = await self._store.read(lambda tx: tx.sign_ins.addresses(known_as))
        attempt = await self._trying.begin(account, address, self._clock(), signed_in_from)
        if isinstance(attempt, int):
            return SignInRefused(attempt)
        try:
            started = await self._sign_in(known_as, password, address, user_agent)
        except Unavailable:
            self._trying.undecided(attempt)
            raise
        if isinstance(started, Started):
            self._trying.succeeded(attempt)
        return started

    async def find(self, secret_text: str) -> Signed | None:
        """Return who a browser's secret belongs to, or None when it is unknown, expired or was idle too long.

        Permissions are read now: what was taken from a person is gone at the next request.

        Raises:
            Unavailable: the store cannot be reached.
        """
        secret = RandomSecret.parse(secret_text)
        if secret is None:
            return None
        digest = secret.digest()
        signed = await self._store.read(lambda tx: tx.sign_ins.find(digest))
        now = self._clock()
        if signed is None or not self._is_alive(signed.sign_in, now):
            return None
        sign_in = signed.sign_in
        if now - sign_in.last_seen_at >= SEEN_EVERY and sign_in.id not in self._touching:
            # Beside the request, which neither waits for it nor fails with it.
            self._touching[sign_in.id] = asyncio.create_task(self._touch(sign_in.id, now))
        return signed

    async def sign_out(self, secret_text: str, *, address: str | None = None) -> None:
        """End the sign-in of a secret; nothing happens when there is none."""
        secret = RandomSecret.parse(secret_text)
        if secret is None:
            return
        digest, now = secret.digest(), self._clock()

        def work(tx: Transaction) -> None:
            signed = tx.sign_ins.find(digest)
            if signed is None:
                return
            person = signed.person
            tx.sign_ins.end(person.workspace_id, person.id, signed.sign_in.id)
            note_own(tx, Caller(person.as_principal(), address), now, "sign_out", person.id, ended=1)

        await self._store.write(work)

    async def mine(self, caller: Caller) -> list[SignIn]:
        """Return the caller's sign-ins that still work, the one seen last first.

        Raises:
            Forbidden: the caller is no person.
        """
        person_id, now = _person_id(caller), self._clock()
        found = await self._store.read(lambda tx: tx.sign_ins.of(caller.workspace_id, person_id))
        return [item for item in found if self._is_alive(item, now)]

    async def end(self, caller: Caller, sign_in_id: str) -> None:
        """End one of the caller's sign-ins.

        Raises:
            NotFound: the caller has none of this id.
        """
        person_id, now = _person_id(caller), self._clock()

        def work(tx: Transaction) -> None:
            if not tx.sign_ins.end(caller.workspace_id, person_id, sign_in_id):
                raise NotFound("sign-in")
            note_own(tx, caller, now, "sign_out", person_id, ended=1)

        await self._store.write(work)

    async def end_others(self, caller: Caller, keep_id: str) -> int:
        """End the caller's sign-ins but one; return how many were ended."""
        return await self._end(caller, keep_id)

    async def end_all(self, caller: Caller) -> int:
        """End every sign-in of the caller; return how many were ended."""
        return await self._end(caller, None)

    async def change_password(self, caller: Caller, old: str, new: str, *, keep: str | None = None) -> None:
        """Change the caller's password, and end all of their sign-ins but the one whose id is `keep`.

        Raises:
            InvalidInput: naming ``oldPassword`` (wrong, or too many wrong ones) or ``newPassword``.
            Forbidden: the caller is no person.
        """
        person_id, now = _person_id(caller), self._clock()
        person, stored = await self._store.read(
            lambda tx: (
                tx.people.get(caller.workspace_id, person_id),
                tx.people.password_hash(caller.workspace_id, person_id),
            )
        )
        if person is None:
            raise NotFound("person")
        password = password_rule.checked(new, person.email, "newPassword")
        wait_seconds = await self._trying.begin_change(person_id, now)
        if wait_seconds:
            message = f"Too many wrong passwords. Try again in {wait_seconds} seconds."
            raise InvalidInput.of("oldPassword", message)
        if not (await self._passwords.verify(stored, password_rule.normalized(old))).matches:
            raise InvalidInput.of("oldPassword", "This is not your password.")
        self._trying.changed(person_id)
        hashed = await self._passwords.hash(password)

        def work(tx: Transaction) -> None:
            if tx.people.password_hash(caller.workspace_id, person_id) != stored:
                raise InvalidInput.of("oldPassword", "Your password was changed meanwhile.")
            replace_password(tx, caller, person, hashed, now, keep_id=keep)

        await self._store.write(work)

    def forgive(self, email: str, address: str | None) -> None:
        """Forget the failures of an account where its holder came another way, by a link."""
        self._trying.forgive(email, address)

    async def settled(self) -> None:
        """Wait until the times of use that are on their way are written."""
        await asyncio.gather(*self._touching.values())

    async def _sign_in(
        self, email: str, password: str, address: str | None, user_agent: str | None
    ) -> Started | SignInRefused:
        person, stored = await self._store.read(lambda tx: _account(tx, email))
        normalized = password_rule.normalized(password)
        found = await self._passwords.verify(stored, normalized)
        hashed = await self._rehashed(found, normalized)
        now = self._clock()

        def work(tx: Transaction) -> Started | SignInRefused:
            # What was read before the password was compared may have changed meanwhile.
            current, still = _account(tx, email)
            if current is None or not found.matches or still != stored:
                note_failure(tx, person, address, now)
                return SignInRefused()
            if hashed is not None:
                tx.people.set_password_hash(current.workspace_id, current.id, hashed)
            return start(tx, current, now, self.limits, address=address, user_agent=user_agent)

        return await self._store.write(work)

    async def _rehashed(self, found: Verified, password: str) -> str | None:
        if not (found.matches and found.outdated):
            return None
        return await self._passwords.hash(password)

    async def _end(self, caller: Caller, keep_id: str | None) -> int:
        person_id, now = _person_id(caller), self._clock()

        def work(tx: Transaction) -> int:
            ended = tx.sign_ins.end_all(caller.workspace_id, person_id, keep_id)
            if ended:
                note_own(tx, caller, now, "sign_out", person_id, ended=ended)
            return ended

        return await self._store.write(work)

    async def _touch(self, sign_in_id: str, at: int) -> None:
        try:
            await self._store.write(lambda tx: tx.sign_ins.touch(sign_in_id, at))
        except Unavailable:
            pass  # the next request tries again
        finally:
            del self._touching[sign_in_id]

    def _is_alive(self, sign_in: SignIn, now: int) -> bool:
        return now < sign_in.expires_at and now - sign_in.last_seen_at < self.limits.idle


def _account(tx: Transaction, email: str) -> tuple[Person | None, str | None]:
    """Return who has an address, and what is stored of their password."""
    person = tx.people.find(email)
    if person is None:
        return None, None
    return person, tx.people.password_hash(person.workspace_id, person.id)


def _person_id(caller: Caller) -> str:
    principal = caller.principal
    if principal.kind != "person" or principal.id is None:
        raise Forbidden("Only somebody who is signed in can do this.")
    return principal.id
