"""What services need of people, their sign-ins, their links and their passwords."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from flowkeys.domain.people.link import Link, Purpose
from flowkeys.domain.people.pace import Pace
from flowkeys.domain.people.person import Person, PersonSeen, Signed, SignIn


class Verified(msgspec.Struct, frozen=True):
    """What came of comparing a password."""

    matches: bool
    outdated: bool = False
    """Whether a matching hash was made with other parameters than today's, and should be made anew."""


class PasswordHasher(Protocol):
    """Hashes passwords slowly, so that a stolen database does not give them away. Few at once."""

    async def hash(self, password: str) -> str:
        """Return what is stored of a password: salted, and naming its algorithm and parameters.

        Raises:
            Unavailable: too many are waiting.
        """
        ...

    async def verify(self, stored: str | None, password: str) -> Verified:
        """Compare a password with what is stored; the same work is done when nothing is.

        Raises:
            Unavailable: too many are waiting.
        """
        ...


class People(Protocol):
    """People within one transaction."""

    def insert(self, person: Person, password_hash: str) -> None:
        """Add a person; the address must be free in all workspaces."""
        ...

    def get(self, workspace_id: str, person_id: str) -> Person | None:
        """Return a person of the workspace."""
        ...

    def find(self, email: str) -> Person | None:
        """Return who has this address, in whichever workspace: that is how a sign-in learns it."""
        ...

    def all(self, workspace_id: str) -> list[PersonSeen]:
        """Return the workspace's people, who came first first."""
        ...

    def count_owners(self, workspace_id: str) -> int:
        """Count the workspace's owners."""
        ...

    def update(self, person: Person) -> None:
        """Write name, role, permissions, time of change and version; nothing else."""
        ...

    def remove(self, workspace_id: str, person_id: str) -> None:
        """Remove a person with their sign-ins and the links for their password."""
        ...

    def password_hash(self, workspace_id: str, person_id: str) -> str | None:
        """Return what is stored of a person's password, or None when there is no such person."""
        ...

    def set_password_hash(self, workspace_id: str, person_id: str, password_hash: str) -> None:
        """Replace what is stored of a person's password. No other column changes."""
        ...


class SignIns(Protocol):
    """Sign-ins within one transaction. Digests are `RandomSecret.digest`."""

    def insert(self, workspace_id: str, sign_in: SignIn, digest: str) -> None:
        """Add a sign-in; its person was last seen when it was made."""
        ...

    def find(self, digest: str) -> Signed | None:
        """Return the sign-in of a secret with its person, in whichever workspace, expired or not."""
        ...

    def of(self, workspace_id: str, person_id: str) -> list[SignIn]:
        """Return a person's sign-ins, expired ones included, who was seen last first."""
        ...

    def addresses(self, email: str) -> list[str | None]:
        """Return the addresses of the sign-ins of whoever has this email address, in whichever workspace."""
        ...

    def touch(self, sign_in_id: str, at: int) -> None:
        """Move `last_seen_at` of a sign-in and of its person forward, never back."""
        ...

    def end(self, workspace_id: str, person_id: str, sign_in_id: str) -> bool:
        """End one sign-in of a person; tell whether there was one."""
        ...

    def end_all(self, workspace_id: str, person_id: str, keep_id: str | None = None) -> int:
        """End a person's sign-ins but the one to keep; return how many were ended."""
        ...

    def forget(self, now: int, idle_since: int) -> None:
        """Delete sign-ins that expired by `now` or were not seen since `idle_since`."""
        ...


class Links(Protocol):
    """One-time links within one transaction. Digests are `RandomSecret.digest`."""

    def insert(self, link: Link, digest: str) -> None:
        """Add a link."""
        ...

    def find(self, purpose: Purpose, digest: str) -> Link | None:
        """Return the link of a secret, in whichever workspace, expired or not."""
        ...

    def get(self, workspace_id: str, link_id: str) -> Link | None:
        """Return a link of the workspace."""
        ...

    def of(self, workspace_id: str, purpose: Purpose) -> list[Link]:
        """Return the workspace's links for a purpose, newest first, expired ones included."""
        ...

    def remove(self, workspace_id: str, link_id: str) -> bool:
        """Delete a link, so that it works no more; tell whether there was one."""
        ...

    def void(
        self, workspace_id: str, purpose: Purpose, *, email: str | None = None, person_id: str | None = None
    ) -> None:
        """Delete the workspace's links for a purpose: all, or those for an address or a person."""
        ...

    def forget(self, now: int) -> None:
        """Delete links that expired by `now`."""
        ...


class Tries(Protocol):
    """Counts tries of passwords by name, for several processes: each counts for all of them."""

    async def begin(self, names: Sequence[tuple[str, Pace]]) -> int | None:
        """Count a try under every name, or under none and return for how many microseconds to wait first.

        0 when it is counted. None when nobody can be asked: then it is each process's own matter.
        """
        ...

    def take_back(self, names: Iterable[str]) -> None:
        """Uncount a try that did not fail, without waiting for it."""
        ...

    def clear(self, name: str) -> None:
        """Forget the failures of a name, without waiting for it."""
        ...


class SentForm(msgspec.Struct, frozen=True, kw_only=True):
    """A form that was sent, by the hash of its one-time value, and what it made."""

    workspace_id: str
    principal_id: str
    digest: str
    subject_id: str
    sent_at: int


class SentForms(Protocol):
    """Forms that were sent, within one transaction."""

    def add(self, form: SentForm) -> str | None:
        """Note a form; when its principal sent it before, change nothing and return what it made then."""
        ...

    def forget(self, before: int) -> None:
        """Delete what was sent before a time."""
        ...
