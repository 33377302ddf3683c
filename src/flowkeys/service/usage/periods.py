"""Which period usage is asked for: what people write, made into whole hours or days."""

from typing import Final, cast, get_args

import msgspec

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.times import end_from_iso, from_iso, parse_duration
from flowkeys.domain.usage.usage import DAY, DAYS_KEPT, HOUR, HOURS_KEPT, LENGTHS, Period, Step

_SHORT: Final = 72 * HOUR
"""What lasts longer is shown by the day, unless hours are asked for."""
_USUAL: Final[dict[Step, int]] = {"hour": 23 * HOUR, "day": 29 * DAY}
_KEPT: Final[dict[Step, int]] = {"hour": HOURS_KEPT, "day": DAYS_KEPT}
_TIMES: Final = (
    "Write a time such as 2027-01-31T09:00:00Z, a date such as 2027-01-31, or how long ago: 7d, 24h."
)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A period as it was written; None for what was not."""

    first: str | None = None
    end: str | None = None
    step: str | None = None


def period_of(asked: Asked, now: int) -> Period:
    """Return what was asked for: 24 hours, the present one the last, or 30 days, unless something else was.

    A date as the beginning is its beginning, as the end its end. What is begun of an hour or a day belongs
    to the period, and nothing lies behind the present one.

    Raises:
        InvalidInput: naming ``from``, ``to`` or ``step``: it cannot be read, or no such thing is kept.
    """
    if asked.step is not None and asked.step not in get_args(Step):
        raise InvalidInput.of("step", "A step is hour or day.")
    end = min(now, _moment("to", asked.end, now, end_of_date=True)) if asked.end else now
    given = cast("Step | None", asked.step)
    first = (
        _moment("from", asked.first, now, end_of_date=False) if asked.first else end - _USUAL[given or "hour"]
    )
    if first >= end:
        raise InvalidInput.of("from", "The period ends before it begins, or has not begun yet.")
    step: Step = given or ("hour" if end - first <= _SHORT else "day")
    length = LENGTHS[step]
    begun = first - first % length
    if begun < now - _KEPT[step] - length:
        kept = (
            "Hours are kept for 90 days. Ask for a later period, or by the day (step=day)."
            if step == "hour"
            else "Usage is kept for 3 years. Ask for a later period."
        )
        raise InvalidInput.of("from", kept)
    return Period(begun, end + -end % length, step)


def _moment(field: str, text: str, now: int, *, end_of_date: bool) -> int:
    ago = parse_duration(text)
    if ago is not None:
        return now - ago
    found = end_from_iso(text) if end_of_date else (from_iso(f"{text.strip()}T00:00:00Z") or from_iso(text))
    if found is None:
        raise InvalidInput.of(field, _TIMES)
    return found
