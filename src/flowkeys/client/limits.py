"""Rate limits: how calls take them, and what is left of them."""

from collections.abc import Iterable

import msgspec
from msgspec import UnsetType

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


RateLimits = Iterable[str | RateLimit]
"""Limits, all of which hold: texts such as ``10/second`` or ``10/second burst 20``, or objects."""


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
