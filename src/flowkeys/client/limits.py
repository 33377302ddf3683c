"""Rate limits and quotas: how calls take them, and what is left of them."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec import UnsetType

from flowkeys.domain.limits.quota import parse_quotas
from flowkeys.domain.limits.quota_fields import quota_json
from flowkeys.domain.limits.rate import parse_limits


class RateLimit(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """At most `burst` calls at once (unless given: `limit`), refilled evenly: `limit` in `window_seconds`."""

    limit: int
    window_seconds: int
    burst: int | None = None
    name: str | None = None
    """What answers call it; unless given, its window."""


class LimitLeft(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is left of a limit."""

    name: str
    limit: int
    window_seconds: int
    burst: int
    remaining: int
    """Calls that may be made at once now."""
    reset_seconds: int
    """After how many seconds there is one more; 0 when nothing is used."""


class Quota(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """At most so many `calls`, or model `tokens`, in a `period`; and, where it is shown, what is used."""

    calls: int | None = None
    tokens: int | None = None
    period: str
    """``month`` (calendar, UTC), or days that move on with the time: ``30d``."""
    used: int | None = None
    reserved: int | None = None
    """Tokens that runs may use which are under way."""
    left: int | None = None
    resets_at: datetime | None = None
    """When what is used is given back: all of it with a month, of moving days the first part."""


class QuotaLeft(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is left of a quota."""

    name: str
    calls: int | None = None
    tokens: int | None = None
    period: str
    left: int
    resets_at: datetime


RateLimits = Iterable[str | RateLimit]
"""Limits, all of which hold: texts such as ``10/second`` or ``10/second burst 20``, or objects."""

QuotaList = Iterable[str | Quota]
"""Quotas, all of which hold: texts such as ``1000/month`` or ``50000 tokens/30d``, or objects."""


def wire_quotas(quotas: QuotaList | UnsetType | None) -> list[dict[str, object]] | UnsetType:
    """Return quotas as a body has them.

    Raises:
        ValueError: a text is no quota; the message says how one is written.
    """
    if isinstance(quotas, UnsetType):
        return quotas
    found: list[dict[str, object]] = []
    for each in [quotas] if isinstance(quotas, str) else quotas or ():
        if isinstance(each, str):
            found += [quota_json(one) for one in parse_quotas([each])]
        else:
            members = {"calls": each.calls, "tokens": each.tokens, "period": each.period}
            found.append({name: value for name, value in members.items() if value is not None})
    return found


def wire_limits(limits: RateLimits | UnsetType | None) -> list[dict[str, object]] | UnsetType:
    """Return limits as a body has them.

    Raises:
        ValueError: a text is no limit; the message says how one is written.
    """
    if isinstance(limits, UnsetType):
        return limits
    found: list[dict[str, object]] = []
    for each in [limits] if isinstance(limits, str) else limits or ():
        if isinstance(each, str):
            found += [_wire(one.limit, one.window_seconds, one.burst, None) for one in parse_limits([each])]
        else:
            found.append(_wire(each.limit, each.window_seconds, each.burst, each.name))
    return found


def _wire(limit: int, window_seconds: int, burst: int | None, name: str | None) -> dict[str, object]:
    members = {"limit": limit, "windowSeconds": window_seconds, "burst": burst, "name": name}
    return {member: value for member, value in members.items() if value is not None}
