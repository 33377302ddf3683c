"""Times are integers of microseconds since 1970, UTC; on the wire ISO 8601 with ``Z``."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

Clock = Callable[[], int]
"""Returns the present time in microseconds, UTC. A clock is an argument: no rule reads the time itself."""

SECOND: Final = 1_000_000
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DURATION = re.compile(r"([1-9][0-9]{0,8})\s*([smhdw])")
MAXIMUM: Final = (datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def to_iso(time: int) -> str:
    """Return ``2026-11-23T04:12:48.123Z``."""
    moment = _EPOCH + timedelta(microseconds=time)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def from_iso(text: str) -> int | None:
    """Return the time that `text` names to the millisecond, or None when it names none.

    A time without an offset is taken as UTC; a date alone is its first moment.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1) * 1000


def end_of_day(text: str) -> int | None:
    """Return the last millisecond of a date such as ``2027-01-31``, in UTC, or None when it is none.

    So what ends with a day is shown as ending on that day, not on the next.
    """
    first = from_iso(text) if _DATE.fullmatch(text) else None
    return None if first is None else first + _UNITS["d"] * SECOND - 1000


def parse_duration(text: str) -> int | None:
    """Return the microseconds of a duration such as ``90d``, ``12h`` or ``2w``, or None.

    Durations are exact: a day is 86,400 seconds. There are no months, whose length would depend on the date.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        return None
    return int(match[1]) * _UNITS[match[2]] * SECOND
