"""Rate limits as columns have them: JSON."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from flowkeys.domain.limits.rate import Limits, RateLimit, clean_limits

_REMEMBERED: Final = 4096
_decode: Final = msgspec.json.Decoder(list[RateLimit]).decode


def rates_from(stored: str | None) -> tuple[RateLimit, ...]:
    """Return the limits of a column; NULL is none.

    What is there by hand must not lift a limit: an empty list, or one with anything else, cannot be read.

    Raises:
        ValueError, TypeError: it is no list of limits.
    """
    if stored is None:
        return ()
    found = _decode(stored)
    clean_limits([(rate.limit, rate.window_seconds, rate.burst, rate.name) for rate in found])
    if not found:
        raise ValueError("an empty list of limits")
    return tuple(found)


@lru_cache(_REMEMBERED)
def limits_from(stored: str | None) -> Limits | None:
    """Return the limits of a column in the form in which they are decided; equal columns have one.

    Raises:
        ValueError, TypeError: it is no list of limits.
    """
    rates = rates_from(stored)
    return Limits(rates) if rates else None


def to_store(rates: Sequence[RateLimit]) -> str | None:
    """Return what is kept of limits."""
    return msgspec.json.encode(rates).decode() if rates else None
