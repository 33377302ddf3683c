"""Calls about the audit log: who did what."""

from datetime import date
from typing import Final

import msgspec

from flowkeys.client.audit_models import AuditEntry, AuditHead
from flowkeys.client.call import Call, Listing, Ref, as_listing, as_type, given, id_of, path, query
from flowkeys.client.models import Page

_ENTRIES: Final = as_listing(list[AuditEntry])
_PAGE: Final = as_type(Page[AuditEntry])
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
