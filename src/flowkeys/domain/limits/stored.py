"""Rate limits and quotas as columns have them: JSON."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from flowkeys.domain.limits.quota import Quota, Quotas, Unit, clean_quotas
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


class _StoredQuota(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A quota as it is on the wire, too."""

    period: str
    calls: int | None = None
    tokens: int | None = None


_decode_quotas: Final = msgspec.json.Decoder(list[_StoredQuota]).decode


def _quota(stored: _StoredQuota) -> Quota:
    if (stored.calls is None) == (stored.tokens is None):
        raise ValueError("a quota of calls and tokens, or of neither")
    if stored.calls is not None:
        return Quota(Unit.CALLS, stored.calls, stored.period)
    assert stored.tokens is not None
    return Quota(Unit.TOKENS, stored.tokens, stored.period)


@lru_cache(_REMEMBERED)
def quotas_from(stored: str | None) -> Quotas | None:
    """Return the quotas of a column in the form in which they are decided; equal columns have one.

    What is there by hand must not lift a quota: an empty list, or one with anything else, cannot be read.

    Raises:
        ValueError, TypeError: it is no list of quotas.
    """
    if stored is None:
        return None
    found = clean_quotas([_quota(one) for one in _decode_quotas(stored)])
    if not found:
        raise ValueError("an empty list of quotas")
    return Quotas(found)


def quotas_to_store(quotas: Sequence[Quota]) -> str | None:
    """Return what is kept of quotas."""
    wire = [_StoredQuota(one.period, **{one.unit.value: one.amount}) for one in quotas]
    return msgspec.json.encode(wire).decode() if wire else None
