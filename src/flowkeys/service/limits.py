"""What callers may say about limits, checked before anything is changed."""

from collections.abc import Sequence

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.limits.rate import RateLimit, clean_limits, parse_limits

Given = tuple[int, int, int | None, str | None]
"""A limit as it is asked for: calls, seconds, burst and name."""


def read_limits(given: Sequence[Given], field: str = "rateLimits") -> tuple[RateLimit, ...]:
    """Return limits as they are kept.

    Raises:
        InvalidInput: naming `field`: one cannot be kept, two have one name, or there are too many.
    """
    try:
        return clean_limits(given)
    except ValueError as error:
        raise InvalidInput.of(field, str(error)) from None


def read_limit_texts(texts: Sequence[str], field: str = "rateLimits") -> tuple[RateLimit, ...]:
    """Return the limits of texts such as ``10/second, 1000/day``.

    Raises:
        InvalidInput: naming `field`: one of them is none, or there are too many.
    """
    try:
        return parse_limits(texts)
    except ValueError as error:
        raise InvalidInput.of(field, str(error)) from None
