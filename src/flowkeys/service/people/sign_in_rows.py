"""What signing in and changing a password write, within a transaction that somebody else began."""

from typing import Final, Literal

import msgspec

from flowkeys.domain.ids import new_id
from flowkeys.domain.journal import AuditEntry, Subject
from flowkeys.domain.people.link import Purpose
from flowkeys.domain.people.person import Person, SignIn
from flowkeys.domain.people.random_secret import RandomSecret
from flowkeys.domain.people.workspace import DEFAULT_NAME
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import SECOND
from flowkeys.service.journal import note, record
from flowkeys.service.ports.store import Transaction

_DAY: Final = 24 * 3600 * SECOND
_USER_AGENT_LENGTH: Final = 200
_NOBODY: Final = "unknown"


class SignInLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How long somebody stays signed in."""

    days: int = 30
    idle_days: int = 7
    """Days without a request after which a sign-in ends early."""

    @property
    def life(self) -> int:
        """How long a sign-in lives at most, in microseconds."""
        return self.days * _DAY

    @property
    def idle(self) -> int:
        """How long a sign-in may be idle, in microseconds."""
        return self.idle_days * _DAY


class Started(msgspec.Struct, frozen=True):
    """A sign-in at the only moment at which its secret is known."""

    person: Person
    secret: RandomSecret
    expires_at: int


def start(
    tx: Transaction,
    person: Person,
    now: int,
    limits: SignInLimits,
    *,
    address: str | None,
    user_agent: str | None,
) -> Started:
    """Make a sign-in for somebody who has just proved who they are."""
    secret = RandomSecret.mint()
    made = SignIn(
        id=new_id(),
        person_id=person.id,
        created_at=now,
        expires_at=now + limits.life,
        last_seen_at=now,
        address=address,
        user_agent=_shown(user_agent),
    )
    tx.sign_ins.forget(now, now - limits.idle)
    tx.sign_ins.insert(person.workspace_id, made, secret.digest())
    note_own(tx, Caller(person.as_principal(), address), now, "sign_in", person.id)
    return Started(person, secret, made.expires_at)


def replace_password(
    tx: Transaction, caller: Caller, person: Person, hashed: str, now: int, *, keep_id: str | None = None
) -> None:
    """Write a new password. The person's other sign-ins, and links for a forgotten one, work no more."""
    tx.people.set_password_hash(person.workspace_id, person.id, hashed)
    tx.links.void(person.workspace_id, Purpose.RESET, person_id=person.id)
    ended = tx.sign_ins.end_all(person.workspace_id, person.id, keep_id)
    record(
        tx,
        caller,
        now,
        action="person.change_password",
        subject=Subject.PERSON,
        subject_id=person.id,
        version=person.version,
        after={"endedSignIns": ended},
    )


def note_own(
    tx: Transaction,
    caller: Caller,
    now: int,
    what: Literal["sign_in", "sign_out"],
    person_id: str,
    *,
    ended: int | None = None,
) -> None:
    """Write that somebody signed in, or ended so many sign-ins."""
    after = None if ended is None else {"endedSignIns": ended}
    note(tx, caller, now, action=f"person.{what}", subject=Subject.PERSON, subject_id=person_id, after=after)


def note_failure(tx: Transaction, person: Person | None, address: str | None, now: int) -> None:
    """Write that a sign-in failed: for whom, when there is such an account, and never what was typed.

    It is written for unknown accounts too, in the default workspace, so that both take the same time.
    """
    default = tx.workspaces.find(DEFAULT_NAME)
    workspace_id = person.workspace_id if person is not None else default.id if default is not None else None
    if workspace_id is None:
        return
    tx.journal.audit(
        AuditEntry(
            workspace_id=workspace_id,
            at=now,
            actor_type="system",
            actor_id=None,
            actor_name="sign-in",
            action="person.sign_in_failed",
            subject=Subject.PERSON,
            subject_id=person.id if person is not None else _NOBODY,
            address=address,
            request_id=None,
            before=None,
            after=None,
        )
    )


def _shown(user_agent: str | None) -> str | None:
    """Return what a browser calls itself, cut, without what could steer a terminal or a page."""
    if not user_agent:
        return None
    return "".join(c for c in user_agent if c.isprintable())[:_USER_AGENT_LENGTH] or None
