"""What callers say they look for in the audit log, as they write it."""

import re
from typing import Final

from flowkeys.domain.audit.entry import AuditQuery
from flowkeys.domain.errors import FieldError, InvalidInput
from flowkeys.domain.listing import UNPAGED_LIMIT
from flowkeys.domain.times import end_of_day, from_iso

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ADVICE: Final = "Give a time such as 2027-01-31T09:00Z, or a date such as 2027-01-31 (UTC)."
_MILLISECOND: Final = 1000


def read_query(
    *,
    subject: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    since: str | None = None,
    until: str | None = None,
    limit: int = UNPAGED_LIMIT,
    offset: int = 0,
    before: int | None = None,
) -> AuditQuery:
    """Return the query; `since` and `until` include the day or the millisecond that they name.

    Raises:
        InvalidInput: naming ``from`` or ``to``: it is no time.
    """
    begin, end = read_span(since, until)
    return AuditQuery(
        workspace_id="",  # the service knows it
        subject=subject or None,
        actor=actor or None,
        action=action or None,
        since=begin,
        until=end,
        limit=limit,
        offset=offset,
        before=before,
    )


def read_span(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    """Return the times of ``from`` and ``to``, which include the day or the millisecond that they name.

    Raises:
        InvalidInput: naming ``from`` or ``to``: it is no time.
    """
    begin = None if not since else _begin(since.strip())
    end = None if not until else _end(until.strip())
    wrong = [
        FieldError(name, _ADVICE)
        for name, text, time in (("from", since, begin), ("to", until, end))
        if text and time is None
    ]
    if wrong:
        raise InvalidInput(*wrong)
    return begin, end


def _begin(text: str) -> int | None:
    return from_iso(f"{text}T00:00Z") if _DATE.fullmatch(text) else from_iso(text)


def _end(text: str) -> int | None:
    time = end_of_day(text) or from_iso(text)
    return None if time is None else time + _MILLISECOND
