"""Rate limits in forms and in words: rows, each of which reads as a sentence.

A form sends a row as ``limit-0-calls``, ``limit-0-times``, ``limit-0-unit``, ``limit-0-burst`` and
``limit-0-name``; one without calls is none. So they need no script, and a form may have several lists, each
with a prefix of its own.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.limits.rate import (
    MAX_CALLS,
    MAX_LIMITS,
    MAX_WINDOW_SECONDS,
    RateLimit,
    clean_limits,
    named,
)
from flowkeys.service.limits import Given, read_limits
from flowkeys.web.pages import words
from flowkeys.web.pages.form import Form

UNITS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
PREFIX: Final = "limit"
_PARTS: Final = ("calls", "times", "unit", "burst", "name")
_NUMBER: Final = re.compile(r"[0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3}")


class LimitRow(msgspec.Struct, frozen=True, kw_only=True):
    """One limit as somebody typed it."""

    calls: str = ""
    times: str = "1"
    unit: str = "minute"
    """One of `UNITS`: calls are made in so many of them."""
    burst: str = ""
    name: str = ""

    @classmethod
    def of_limit(cls, rate: RateLimit, usual: str) -> "LimitRow":
        """Return the row of a limit; a name that it would have anyhow is left out."""
        unit = next(unit for unit in reversed(UNITS) if rate.window_seconds % UNITS[unit] == 0)
        return cls(
            calls=str(rate.limit),
            times=str(rate.window_seconds // UNITS[unit]),
            unit=unit,
            burst="" if rate.burst == rate.limit else str(rate.burst),
            name="" if rate.name == usual else rate.name,
        )

    @property
    def is_blank(self) -> bool:
        """Whether it is no limit: what is filled in beforehand says nothing."""
        return not (self.calls or self.burst or self.name)

    @property
    def mistake(self) -> tuple[str, str] | None:
        """The part that is wrong, and why, in words; None: nothing is."""
        most = f"a whole number from 1 to {MAX_CALLS:,}"
        if not self.calls:
            return "calls", "Say how many calls, or empty the whole line."
        if not _is_within(self.calls, MAX_CALLS):
            return "calls", f"The calls are {most}. To let none in, disable it instead."
        if self.unit not in UNITS or not _is_within(self.times, MAX_WINDOW_SECONDS // UNITS[self.unit]):
            longest = words.duration(MAX_WINDOW_SECONDS)
            return "times", f"The time is a whole number from 1 on, and {longest} at most."
        if self.burst and not _is_within(self.burst, MAX_CALLS):
            return "burst", f"The calls at once are {most}, or nothing."
        try:
            clean_limits([(1, 1, None, self.name or None)])
        except ValueError as error:
            return "name", str(error)
        return None

    def given(self) -> Given:
        """Return what it says, if nothing is wrong with it."""
        burst = _number(self.burst) if self.burst else None
        return _number(self.calls), _number(self.times) * UNITS[self.unit], burst, self.name or None


class LimitRows(msgspec.Struct, frozen=True):
    """The limits of a form."""

    rows: tuple[LimitRow, ...] = ()
    """Those in which something stands."""
    is_longer: bool = False
    """Whether one more was asked for."""

    @classmethod
    def of(cls, sent: Form, prefix: str = PREFIX) -> "LimitRows":
        """Return the rows that were sent."""
        found = []
        for number in range(MAX_LIMITS):
            typed = {part: sent.text(f"{prefix}-{number}-{part}").strip() for part in _PARTS}
            row = LimitRow(**{part: text for part, text in typed.items() if text})
            if not row.is_blank:
                found.append(row)
        return cls(tuple(found), sent.text("do") == prefix)

    @classmethod
    def of_limits(cls, rates: Sequence[RateLimit]) -> "LimitRows":
        """Return the rows of limits that nobody has changed yet."""
        usual = named(rates, {})
        return cls(tuple(LimitRow.of_limit(rate, u.name) for rate, u in zip(rates, usual, strict=True)))

    @property
    def shown(self) -> tuple[LimitRow, ...]:
        """The rows with one to fill in, if there may be more."""
        return (*self.rows, LimitRow())[:MAX_LIMITS]

    def read(self, field: str = "rateLimits") -> tuple[RateLimit, ...]:
        """Return the limits.

        Raises:
            InvalidInput: naming `field`: a row is wrong, which `LimitRow.mistake` says, or two have one name.
        """
        wrong = [row.mistake[1] for row in self.rows if row.mistake]
        if wrong:
            raise InvalidInput.of(field, " ".join(dict.fromkeys(wrong)))
        return read_limits([row.given() for row in self.rows], field)


def in_words(rate: RateLimit) -> str:
    """Return ``10 calls per minute, 20 at once``."""
    unit, times = next(
        (unit, rate.window_seconds // UNITS[unit])
        for unit in reversed(UNITS)
        if rate.window_seconds % UNITS[unit] == 0
    )
    span = unit if times == 1 else words.count(times, unit)
    at_once = "" if rate.burst == rate.limit else f", {rate.burst:,} at once"
    return f"{words.count(rate.limit, 'call')} per {span}{at_once}"


def _is_within(text: str, most: int) -> bool:
    return _NUMBER.fullmatch(text) is not None and 1 <= _number(text) <= most


def _number(text: str) -> int:
    return int(text.replace(",", ""))
