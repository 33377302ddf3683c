"""When a delivery that failed is tried again, and when it is given up.

Delays grow fourfold from five seconds to six hours, a fifth more or less by chance, so that what failed
together does not come back together. Eleven tries take about a day.
"""

from typing import Final

from flowkeys.domain.times import SECOND

MOST_TRIES: Final = 11
_FIRST_SECONDS: Final = 5.0
_GROWTH: Final = 4.0
_LONGEST_SECONDS: Final = 6 * 3600.0
_SPREAD: Final = 0.2
LATEST: Final = 8 * 3600 * SECOND
"""No try lies further ahead than that, unless the clock was set back: then it is due."""


def next_try(tries: int, now: int, chance: float, asked_seconds: int | None = None) -> int | None:
    """Return when to try again after so many tries, or None to give up.

    `chance` is between 0 and 1. A receiver that asked for more time (``Retry-After``) gets it, up to the
    longest delay.
    """
    if tries >= MOST_TRIES:
        return None
    delay = min(_FIRST_SECONDS * _GROWTH ** (tries - 1), _LONGEST_SECONDS)
    delay *= 1 - _SPREAD + 2 * _SPREAD * chance
    if asked_seconds is not None:
        delay = max(delay, min(asked_seconds, _LONGEST_SECONDS))
    return now + int(delay * SECOND)
