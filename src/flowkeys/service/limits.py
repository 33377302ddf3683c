"""What callers may say about limits and quotas, checked before anything is changed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

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


class Limited(Protocol):
    """What has limits and quotas, or is to have them."""

    @property
    def rate_limits(self) -> tuple[RateLimit, ...] | msgspec.UnsetType:
        """How often may be called."""
        ...

    @property
    def quotas(self) -> tuple[Quota, ...] | msgspec.UnsetType:
        """How much may be used in a period."""
        ...


def require_counted(tx: Transaction, now: int, given: Limited, before: Limited | None = None) -> None:
    """Let limits and quotas be stored where they are counted as they say; those that there were may stay.

    Raises:
        InvalidInput: naming the field: several processes serve the database and each counts by itself.
    """
    require_counted_as(
        "rateLimits", tx, now, given.rate_limits, None if before is None else before.rate_limits
    )
    require_counted_as("quotas", tx, now, given.quotas, None if before is None else before.quotas)


def require_counted_as(field: str, tx: Transaction, now: int, given: object, before: object = None) -> None:
    """Do so with the limits of a field."""
    if isinstance(given, tuple) and given and given != before:
        why = objection(tx.processes.all(), tx.processes.now(now))
        if why is not None:
            raise InvalidInput.of(field, why)


@contextmanager
def _refused_as(field: str) -> Iterator[None]:
    """Name the field of what cannot be kept."""
    try:
        yield
    except ValueError as error:
        raise InvalidInput.of(field, str(error)) from None
