"""Rate limits: so many calls in so many seconds, refilled evenly; as they are written and kept."""

import re
from collections.abc import Iterable, Sequence
from itertools import count
from math import gcd
from typing import Final

import msgspec

from flowkeys.domain.times import SECOND

MAX_LIMITS: Final = 8
"""Windows of one list. Each is decided at every call."""
MAX_CALLS: Final = 1_000_000_000
MAX_WINDOW_SECONDS: Final = 366 * 24 * 3600
NAME_LENGTH: Final = 32

NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?")
_UNITS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 7 * 86_400}
_SHORT: Final = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
_TEXT: Final = re.compile(
    r"(?P<limit>[0-9]{1,12})\s*(?:/|\bper\b)\s*(?P<window>[0-9]*\s*[a-z]+)"
    r"(?:\s+burst\s+(?P<burst>[0-9]{1,12}))?",
    re.IGNORECASE,
)
FORM: Final = 'Write a limit as "10/second", "1000/day", "5/30s" or "10/second burst 20".'


class RateLimit(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """At most `burst` calls at once, refilled evenly at `limit` calls in `window_seconds`."""

    limit: int
    window_seconds: int
    burst: int
    name: str
    """What answers and pages call it: no other limit of the list has the same."""

    def __str__(self) -> str:
        """Return it as people write it."""
        burst = "" if self.burst == self.limit else f" burst {self.burst}"
        return f"{self.limit}/{window_text(self.window_seconds)}{burst}"


_serials: Final = count(1)


class Limits:
    """The limits of one list, in the form in which they are decided. All of them must hold."""

    __slots__ = ("rates", "serial", "steps")

    def __init__(self, rates: Sequence[RateLimit]) -> None:
        """Take what `clean_limits` returned."""
        self.rates = tuple(rates)
        self.steps = tuple(_step(rate) for rate in self.rates)
        """For each: what is refilled in a microsecond, what one call costs and what all at once may cost.

        They are in the largest unit of which all three are whole numbers, so that nothing is ever rounded and
        the numbers are small: of small ones Python is quicker."""
        self.serial = next(_serials)
        """No other list of this process has it."""


def _step(rate: RateLimit) -> tuple[int, int, int]:
    window = rate.window_seconds * SECOND
    unit = gcd(rate.limit, window)
    cost = window // unit
    return rate.limit // unit, cost, rate.burst * cost


def window_text(seconds: int) -> str:
    """Return a window as people write it: ``second``, ``30s``, ``12h``."""
    for name, unit in _UNITS.items():
        if seconds == unit:
            return name
    return next(f"{seconds // unit}{short}" for short, unit in _SHORT if seconds % unit == 0)


def parse_limit(text: str) -> RateLimit:
    """Return the limit that a text such as ``10/second burst 20`` means, with the name of its window.

    Raises:
        ValueError: it is none; the message says how one is written.
    """
    match = _TEXT.fullmatch(text.strip())
    seconds = None if match is None else _seconds(match["window"].lower().replace(" ", ""))
    if match is None or seconds is None:
        raise ValueError(f"{text[:64]!r} is no rate limit. {FORM}")
    limit = int(match["limit"])
    found = RateLimit(
        limit=limit,
        window_seconds=seconds,
        burst=int(match["burst"]) if match["burst"] else limit,
        name=window_text(seconds) if 0 < seconds <= MAX_WINDOW_SECONDS else "",
    )
    return _checked(found)


def parse_limits(texts: Iterable[str]) -> tuple[RateLimit, ...]:
    """Return the limits of texts, each of which may hold several with commas between, or none.

    A comma with nothing beside it is refused: whoever wrote it meant a limit.

    Raises:
        ValueError: one is none, or there are too many.
    """
    written = [part for text in texts if text.strip() for part in text.split(",")]
    if len(written) > MAX_LIMITS:
        raise ValueError(f"Give at most {MAX_LIMITS} limits.")
    return named([parse_limit(part) for part in written], {})


def clean_limits(given: Sequence[tuple[int, int, int | None, str | None]]) -> tuple[RateLimit, ...]:
    """Return limits, each given by limit, seconds of its window, burst and name, as they are kept.

    Raises:
        ValueError: one cannot be, two have one name, or there are too many. The message says which one.
    """
    if len(given) > MAX_LIMITS:
        raise ValueError(f"Give at most {MAX_LIMITS} limits.")
    found: list[RateLimit] = []
    own: dict[int, str] = {}
    for at, (limit, seconds, burst, name) in enumerate(given):
        rate = RateLimit(
            limit=limit, window_seconds=seconds, burst=limit if burst is None else burst, name=name or ""
        )
        found.append(_checked(rate))
        if name is not None:
            own[at] = name
    return named(found, own)


def named(rates: Sequence[RateLimit], own: dict[int, str]) -> tuple[RateLimit, ...]:
    """Return limits with names: their `own` by place, and what their windows are called for the others.

    Raises:
        ValueError: two have one name of their own, or one is no name.
    """
    taken: set[str] = set()
    for name in own.values():
        if len(name) > NAME_LENGTH or not NAME.fullmatch(name):
            raise ValueError(
                f"{name[:64]!r} is no name of a limit: give up to {NAME_LENGTH} letters and digits of ASCII, "
                "with - and _ between them."
            )
        if name in taken:
            raise ValueError(f"Two limits are named {name}.")
        taken.add(name)
    found = []
    for at, rate in enumerate(rates):
        name = own.get(at, "")
        if not name:
            base = window_text(rate.window_seconds)
            name = next(each for n in count(1) if (each := base if n == 1 else f"{base}-{n}") not in taken)
            taken.add(name)
        found.append(msgspec.structs.replace(rate, name=name))
    return tuple(found)


def _checked(rate: RateLimit) -> RateLimit:
    for what, value, most in (
        ("limit", rate.limit, MAX_CALLS),
        ("windowSeconds", rate.window_seconds, MAX_WINDOW_SECONDS),
        ("burst", rate.burst, MAX_CALLS),
    ):
        if type(value) is not int or not 1 <= value <= most:
            advice = "" if what == "windowSeconds" else " To let no call in, disable the key."
            raise ValueError(f"{what} is a whole number from 1 to {most:,}.{advice}")
    return rate


def _seconds(window: str) -> int | None:
    number = window.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = window[len(number) :]
    whole = {"sec": "second", "min": "minute", "s": "second", "m": "minute", "h": "hour", "d": "day"}
    unit = whole.get(unit, unit.removesuffix("s") if len(unit) > 1 else unit)
    unit = whole.get(unit, unit)
    if unit not in _UNITS:
        return None
    times = int(number) if number else 1
    return times * _UNITS[unit] if times <= MAX_WINDOW_SECONDS else MAX_WINDOW_SECONDS + 1
