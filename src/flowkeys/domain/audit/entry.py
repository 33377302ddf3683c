"""An entry of the audit log as people read it, and what they look for."""

from typing import Any, Final

import msgspec

from flowkeys.domain.journal import AuditEntry, Subject
from flowkeys.domain.listing import UNPAGED_LIMIT

KINDS_OF_ACTORS: Final = ("key", "person", "operator", "system")
KINDS_OF_SUBJECTS: Final = tuple(subject.value for subject in Subject)
_NAMES: Final = ("keyName", "name", "email", "url")


class AuditRecord(msgspec.Struct, frozen=True):
    """An entry with its number in the chain, and what its subject was called."""

    seq: int
    entry: AuditEntry
    subject_name: str | None = None
    """As it was called then, else as it is called or was called last; None when nobody knows."""


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries, newest first."""

    workspace_id: str
    subject: str | None = None
    """What was changed: its id, or a kind of things (`KINDS_OF_SUBJECTS`)."""
    actor: str | None = None
    """Who did it: an id, a name, or a kind (`KINDS_OF_ACTORS`)."""
    action: str | None = None
    since: int | None = None
    """Not before this time."""
    until: int | None = None
    """Before this time."""
    limit: int = UNPAGED_LIMIT
    offset: int = 0
    before: int | None = None
    """Only what comes behind the entry with this number, in the order newest first."""


class AuditChoices(msgspec.Struct, frozen=True):
    """What there is to look for."""

    actors: tuple[str, ...]
    """Names of those who did something, sorted; at most `MOST_CHOICES`."""
    actions: tuple[str, ...]


MOST_CHOICES: Final = 200


def name_in(entry: AuditEntry) -> str | None:
    """Return what an entry says that its subject is called."""
    for fields in (entry.after, entry.before):
        for name in _NAMES:
            found: Any = fields.get(name) if fields else None
            if isinstance(found, str):
                return found
    return None
