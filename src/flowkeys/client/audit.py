"""Calls about the audit log, and what they return: who did what."""

from datetime import date, datetime
from typing import Any, Final

import msgspec

from flowkeys.client.call import Call, Listing, Ref, as_listing, as_type, given, id_of, path, query
from flowkeys.client.models import Key, Page, Wire


class AuditActor(Wire, frozen=True, kw_only=True):
    """Who did something: a key, a person, the operator or the system."""

    type: str
    id: str | None = None
    name: str = ""


class AuditSubject(Wire, frozen=True, kw_only=True):
    """What something was done to, by its name then, or its last."""

    type: str
    id: str
    name: str | None = None


class AuditEntry(Wire, frozen=True, kw_only=True):
    """Who did what to what, when and from where; `before` and `after` have the wire's names."""

    id: int
    at: datetime
    actor: AuditActor
    action: str
    subject: AuditSubject
    address: str | None = None
    request_id: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class AuditHead(Wire, frozen=True, kw_only=True):
    """The end of the audit log's chain."""

    head: str
    row: int


class Report(Wire, frozen=True, kw_only=True):
    """What a report means, what to do about the keys in it, and how many there are."""

    name: str
    title: str
    says: str
    advice: str
    total: int


_ENTRIES: Final = as_listing(list[AuditEntry])
_PAGE: Final = as_type(Page[AuditEntry])
_REPORTS: Final = as_type(list[Report])
_REPORT: Final = as_type(Page[Key])
_HEAD: Final = as_type(AuditHead)


def every(
    *,
    subject: Ref | None = None,
    actor: Ref | None = None,
    action: str | None = None,
    since: date | None = None,
    until: date | None = None,
) -> Call[Listing[AuditEntry]]:
    """Iterate over all entries that match, newest first; a thousand are in memory at once.

    `subject` is what was changed and `actor` who did it: a thing, its id, or a kind such as ``key``;
    actors go by their names too. `since` and `until` are times with a zone, or days (UTC), and include what
    they name.
    """
    params = _filter(subject, actor, action, since, until)
    return Call(method="GET", path=path("audit"), params=params, decode=_ENTRIES)


def page(
    *,
    subject: Ref | None = None,
    actor: Ref | None = None,
    action: str | None = None,
    since: date | None = None,
    until: date | None = None,
    page: int = 1,
    limit: int = 20,
) -> Call[Page[AuditEntry]]:
    """Return one page of the entries that match, newest first, and how many match in all."""
    params = _filter(subject, actor, action, since, until) | query(page=page, limit=limit)
    return Call(method="GET", path=path("audit"), params=params, decode=_PAGE)


def head() -> Call[AuditHead]:
    """Return the head of the log's chain. Kept elsewhere, it shows `flowkeys audit verify` a cut end."""
    return Call(method="GET", path=path("audit", "head"), decode=_HEAD)


def _filter(
    subject: Ref | None, actor: Ref | None, action: str | None, since: date | None, until: date | None
) -> dict[str, str]:
    params = query(
        subject=None if subject is None else id_of(subject),
        actor=None if actor is None else id_of(actor),
        action=action,
    )
    times = given(**{name: time for name, time in (("from", since), ("to", until)) if time is not None})
    return params | {name: msgspec.to_builtins(time) for name, time in times.items()}


def reports() -> Call[list[Report]]:
    """Return every report, with the number of keys in it."""
    return Call(method="GET", path=path("reports"), decode=_REPORTS)


def report(name: str, *, page: int = 1, limit: int = 100) -> Call[Page[Key]]:
    """Return one page of a report's keys, the first made first, and how many are in it."""
    return Call(
        method="GET", path=path("reports", name), params=query(page=page, limit=limit), decode=_REPORT
    )
