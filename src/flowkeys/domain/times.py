"""Times are integers of microseconds since 1970, UTC; on the wire ISO 8601 with ``Z``."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

Clock = Callable[[], int]
"""Returns the present time in microseconds, UTC. A clock is an argument: no rule reads the time itself."""

SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND
"""Exact: there are no leap seconds, and no summer time in UTC."""
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?"
    r" ?(?:[Zz]|([+-])([0-9]{2})(?::?([0-9]{2}))?)"
)
_LAST_HOUR: Final = 23
_LAST_MINUTE: Final = 59
_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)
_DURATION = re.compile(r"([1-9][0-9]{0,8})\s*([smhdw])")
MAXIMUM: Final = (datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def to_iso(time: int) -> str:
    """Return ``2026-11-23T04:12:48.123Z``."""
    moment = _EPOCH + timedelta(microseconds=time)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def from_iso(text: str) -> int | None:
    """Return the moment that `text` names, to the millisecond, or None when it names none.

    A time is one of RFC 3339, with its zone: ``2027-01-31T09:00:00Z``, or ``+01:00`` in the place of ``Z``.
    The seconds may be left out, a blank may stand for the ``T``, both letters may be small, and a leap second
    is the second after it. None too: a time without a zone, which is another moment for each reader; weeks,
    days of the year, and dates without hyphens.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    leap = second == "60"
    clock = int(hour), int(minute), 59 if leap else int(second or 0)
    try:
        local = datetime(int(year), int(month), int(day), *clock, tzinfo=UTC)
    except ValueError:
        return None
    if int(hours or 0) > _LAST_HOUR or int(minutes or 0) > _LAST_MINUTE:
        return None
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    moment = (local - _EPOCH) + (offset if sign == "-" else -offset)
    if leap:
        # RFC 3339, section 5.7: only in the last minute of a day, UTC.
        return None if moment % _DAY != _DAY - _SECOND else (moment + _SECOND) // _MICROSECOND
    return moment // _MICROSECOND + int((fraction or "").ljust(3, "0")[:3]) * 1000


def end_from_iso(text: str) -> int | None:
    """Return when what ends "at" `text` is over: a time as `from_iso` reads it, a date its end.

    The same wherever people or programs give an end: who is told "until the 31st" has all of that day, UTC.
    """
    return end_of_day(text.strip()) or from_iso(text)


def lacks_zone(text: str) -> bool:
    """Tell whether `text` would be a time if it had a zone."""
    return from_iso(text) is None and from_iso(f"{text.strip()}Z") is not None


def end_of_day(text: str) -> int | None:
    """Return the last millisecond of a date such as ``2027-01-31``, in UTC, or None when it is none.

    So what ends with a day is shown as ending on that day, not on the next.
    """
    first = from_iso(f"{text}T00:00:00Z") if _DATE.fullmatch(text) else None
    return None if first is None else first + _UNITS["d"] * SECOND - 1000


def month_of(time: int) -> tuple[int, int]:
    """Return when the calendar month of a time begins and when the next one does, UTC."""
    moment = _EPOCH + timedelta(microseconds=time)
    first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (first + timedelta(days=32)).replace(day=1)
    return (first - _EPOCH) // _MICROSECOND, (following - _EPOCH) // _MICROSECOND


def parse_duration(text: str) -> int | None:
    """Return the microseconds of a duration such as ``90d``, ``12h`` or ``2w``, or None.

    Durations are exact: a day is 86,400 seconds. There are no months, whose length would depend on the date.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        return None
    return int(match[1]) * _UNITS[match[2]] * SECOND
