"""What callers may say about limits and quotas, checked before anything is changed."""

from collections.abc import Sequence

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.limits.quota import Quota, clean_quotas, parse_quotas
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


def read_quotas(given: Sequence[Quota], field: str = "quotas") -> tuple[Quota, ...]:
    """Return quotas as they are kept.

    Raises:
        InvalidInput: naming `field`: one cannot be kept, two are of the same, or there are too many.
    """
    try:
        return clean_quotas(given)
    except ValueError as error:
        raise InvalidInput.of(field, str(error)) from None


def read_quota_texts(texts: Sequence[str], field: str = "quotas") -> tuple[Quota, ...]:
    """Return the quotas of texts such as ``1000/month, 50000 tokens/30d``.

    Raises:
        InvalidInput: naming `field`: one of them is none, or there are too many.
    """
    try:
        return parse_quotas(texts)
    except ValueError as error:
        raise InvalidInput.of(field, str(error)) from None
