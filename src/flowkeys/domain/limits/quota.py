"""Quotas: so many calls or model tokens in a period; as they are written and kept.

A period is a calendar month (UTC), or so many days that move with the time. What was used is kept in steps of
a day, for up to `HOURLY_DAYS` days in steps of an hour: of a moving period a step counts until all of it lies
so far back. So in no stretch of its length is more used than the quota says, if nobody sets the clock.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, Literal

import msgspec

from flowkeys.domain.times import DAY, month_of

MAX_QUOTAS: Final = 8
MAX_AMOUNT: Final = 1_000_000_000_000
MAX_DAYS: Final = 366
HOURLY_DAYS: Final = 3
MONTH: Final = "month"

Step = Literal["hour", "day"]
LENGTHS: Final[dict[Step, int]] = {"hour": DAY // 24, "day": DAY}

_DAYS: Final = re.compile(r"([1-9][0-9]{0,3})d")
_TEXT: Final = re.compile(
    r"(?P<amount>[0-9]{1,15})\s*(?P<unit>calls?|tokens?)?\s*(?:/|\bper\b)\s*(?P<period>[a-z0-9]+)",
    re.IGNORECASE,
)
FORM: Final = 'Write a quota as "1000/month", "500 calls/7d" or "50000 tokens/30d".'
PERIODS: Final = f'A period is "month" (calendar, UTC) or 1 to {MAX_DAYS} days such as "30d".'


class Unit(StrEnum):
    """What is counted."""

    CALLS = "calls"
    TOKENS = "tokens"
    """What models read and wrote, together."""


class Quota(msgspec.Struct, frozen=True):
    """At most `amount` of something in a period."""

    unit: Unit
    amount: int
    period: str
    """``month``, or days: ``30d``."""

    def __str__(self) -> str:
        """Return it as people write it."""
        unit = "" if self.unit is Unit.CALLS else f" {self.unit.value}"
        return f"{self.amount}{unit}/{self.period}"

    @property
    def name(self) -> str:
        """What answers call it: no other quota of the list has the same."""
        return f"{self.unit.value}-{self.period}"

    @property
    def days(self) -> int | None:
        """How many days a moving period lasts; None: it is the calendar month."""
        return None if self.period == MONTH else int(self.period[:-1])

    @property
    def step(self) -> Step:
        """In which steps what was used is kept."""
        days = self.days
        return "hour" if days is not None and days <= HOURLY_DAYS else "day"

    def begins_at(self, now: int) -> int:
        """Return when the first step begins that counts at the time `now`."""
        days = self.days
        return month_of(now)[0] if days is None else now - now % LENGTHS[self.step] - days * DAY

    def ends_at(self, now: int) -> int:
        """Return when the first step begins that does not count yet at the time `now`.

        What was used later than that was used under a clock that ran ahead. Of a moving period the next step
        counts, since the clocks of several servers differ a little.
        """
        days = self.days
        return month_of(now)[1] if days is None else now - now % LENGTHS[self.step] + 2 * LENGTHS[self.step]

    def given_back_at(self, time: int) -> int:
        """Return when what was used in the step that begins at `time` does not count any more."""
        days = self.days
        return month_of(time)[1] if days is None else time + days * DAY + LENGTHS[self.step]


class Quotas:
    """The quotas of one list, in the form in which they are decided. All of them must hold."""

    __slots__ = ("all", "has_tokens")

    def __init__(self, quotas: Sequence[Quota]) -> None:
        """Take what `clean_quotas` returned."""
        self.all = tuple(quotas)
        self.has_tokens = any(one.unit is Unit.TOKENS for one in self.all)


def parse_quota(text: str) -> Quota:
    """Return the quota that a text such as ``1000/month`` or ``50000 tokens/30d`` means.

    Raises:
        ValueError: it is none; the message says how one is written.
    """
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text[:64]!r} is no quota. {FORM}")
    unit = (match["unit"] or "calls").lower()
    unit = unit if unit.endswith("s") else f"{unit}s"
    return _checked(Quota(Unit(unit), int(match["amount"]), match["period"].lower()))


def parse_quotas(texts: Iterable[str]) -> tuple[Quota, ...]:
    """Return the quotas of texts, each of which may hold several with commas between, or none.

    A comma with nothing beside it is refused: whoever wrote it meant a quota.

    Raises:
        ValueError: one is none, two are of the same, or there are too many.
    """
    return clean_quotas([parse_quota(part) for text in texts if text.strip() for part in text.split(",")])


def clean_quotas(given: Sequence[Quota]) -> tuple[Quota, ...]:
    """Return quotas as they are kept.

    Raises:
        ValueError: one cannot be, two count the same in the same period, or there are too many.
    """
    if len(given) > MAX_QUOTAS:
        raise ValueError(f"Give at most {MAX_QUOTAS} quotas.")
    names = set()
    for quota in given:
        if _checked(quota).name in names:
            raise ValueError(f"Two quotas are of {quota.unit.value} per {quota.period}. Give one of them.")
        names.add(quota.name)
    return tuple(given)


def _checked(quota: Quota) -> Quota:
    if type(quota.amount) is not int or not 1 <= quota.amount <= MAX_AMOUNT:
        raise ValueError(
            f"{quota.unit.value} is a whole number from 1 to {MAX_AMOUNT:,}. For none at all, disable it."
        )
    found = _DAYS.fullmatch(quota.period)
    if quota.period != MONTH and (found is None or int(found[1]) > MAX_DAYS):
        raise ValueError(PERIODS)
    return quota


class QuotaUse(msgspec.Struct, frozen=True):
    """What was used within one step."""

    unit: Unit
    step: Step
    time: int
    """When the step began."""
    used: int


def carried(step: Step, days: Mapping[int, int], hours: Mapping[int, int], now: int) -> dict[int, int]:
    """Return what lacks in steps of a day, or of an hour, of what is known in steps of the other.

    A quota whose period is changed from three days to four goes on with what was used. In which hour of a day
    it was, days do not say: it is taken for the last one, so that none is given back too soon.
    """
    summed: dict[int, int] = {}
    for time, used in hours.items():
        day = time - time % DAY
        summed[day] = summed.get(day, 0) + used
    if step == "day":
        return {day: more for day, used in summed.items() if (more := used - days.get(day, 0)) > 0}
    first, present = now - (HOURLY_DAYS + 1) * DAY, now - now % LENGTHS["hour"]
    return {
        min(day + DAY - LENGTHS["hour"], present): more
        for day, used in days.items()
        if first <= day <= now and (more := used - summed.get(day, 0)) > 0
    }


def _known(uses: Sequence[QuotaUse], quota: Quota, now: int) -> dict[int, int]:
    """Return what is used by step, as `quota` counts it."""
    own = [one for one in uses if one.unit is quota.unit]
    days, hours = ({one.time: one.used for one in own if one.step == step} for step in ("day", "hour"))
    found = dict(days if quota.step == "day" else hours)
    for time, more in carried(quota.step, days, hours, now).items():
        found[time] = found.get(time, 0) + more
    return found


class Standing(msgspec.Struct, frozen=True):
    """What is used of a quota."""

    quota: Quota
    used: int
    reserved: int
    """By runs that are under way."""
    resets_at: int | None
    """When what is used is given back: all of it as a month ends, of a moving period the first part. None:
    nothing is used of one."""

    @property
    def left(self) -> int:
        """What may be used yet."""
        return max(0, self.quota.amount - self.used - self.reserved)


def standings(
    quotas: Sequence[Quota], uses: Iterable[QuotaUse], now: int, reserved: int = 0
) -> tuple[Standing, ...]:
    """Return how quotas stand at the time `now`, `reserved` being tokens of runs that are under way."""
    kept = list(uses)
    found = []
    for quota in quotas:
        begins, ends = quota.begins_at(now), quota.ends_at(now)
        own = {
            time: used for time, used in _known(kept, quota, now).items() if begins <= time < ends and used
        }
        oldest = begins if quota.days is None else min(own, default=None)
        found.append(
            Standing(
                quota,
                sum(own.values()),
                reserved if quota.unit is Unit.TOKENS else 0,
                None if oldest is None else quota.given_back_at(oldest),
            )
        )
    return tuple(found)


THRESHOLDS: Final = (80, 100)
"""Percent of a quota at which that is announced."""
