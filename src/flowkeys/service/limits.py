"""What callers may say about limits and quotas, checked before anything is changed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.limits.process import objection
from flowkeys.domain.limits.quota import Quota, clean_quotas, parse_quotas
from flowkeys.domain.limits.rate import RateLimit, clean_limits, parse_limits
from flowkeys.service.ports.store import Transaction

Given = tuple[int, int, int | None, str | None]
"""A limit as it is asked for: calls, seconds, burst and name."""


def read_limits(given: Sequence[Given], field: str = "rateLimits") -> tuple[RateLimit, ...]:
    """Return limits as they are kept.

    Raises:
        InvalidInput: naming `field`: one cannot be kept, two have one name, or there are too many.
    """
    with _refused_as(field):
        return clean_limits(given)


def read_limit_texts(texts: Sequence[str], field: str = "rateLimits") -> tuple[RateLimit, ...]:
    """Return the limits of texts such as ``10/second, 1000/day``.

    Raises:
        InvalidInput: naming `field`: one of them is none, or there are too many.
    """
    with _refused_as(field):
        return parse_limits(texts)


def read_quotas(given: Sequence[Quota], field: str = "quotas") -> tuple[Quota, ...]:
    """Return quotas as they are kept.

    Raises:
        InvalidInput: naming `field`: one cannot be kept, two are of the same, or there are too many.
    """
    with _refused_as(field):
        return clean_quotas(given)


def read_quota_texts(texts: Sequence[str], field: str = "quotas") -> tuple[Quota, ...]:
    """Return the quotas of texts such as ``1000/month, 50000 tokens/30d``.

    Raises:
        InvalidInput: naming `field`: one of them is none, or there are too many.
    """
    with _refused_as(field):
        return parse_quotas(texts)


def require_counted(tx: Transaction, now: int, **given: tuple[object, ...] | msgspec.UnsetType) -> None:
    """Let limits and quotas be stored where they are counted as they say.

    Raises:
        InvalidInput: naming the field: several processes serve the database and each counts by itself.
    """
    for field, limits in given.items():
        if isinstance(limits, tuple) and limits:
            why = objection(tx.processes.all(), now)
            if why is not None:
                raise InvalidInput.of(field, why)


@contextmanager
def _refused_as(field: str) -> Iterator[None]:
    """Name the field of what cannot be kept."""
    try:
        yield
    except ValueError as error:
        raise InvalidInput.of(field, str(error)) from None
