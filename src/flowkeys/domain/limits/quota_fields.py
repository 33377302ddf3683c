"""What answers say of quotas: items of the ``RateLimit`` fields, JSON, and why a call is refused.

In ``RateLimit-Policy`` `q` may be used in `w` seconds, of tokens with ``qu="tokens"``; in ``RateLimit`` `r`
is left, and after `t` seconds what was used is given back, the first part at least.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from flowkeys.domain.limits.gcra import CUSTOMER
from flowkeys.domain.limits.quota import MONTH, Quota, Quotas, Standing, Unit
from flowkeys.domain.limits.spent import Spent
from flowkeys.domain.times import DAY, SECOND, month_of, to_iso

_REMEMBERED: Final = 4096
_PREFIXES: Final = {CUSTOMER: "customer-"}


def quota_fields(spent: Spent) -> tuple[bytes, bytes]:
    """Return the values of ``RateLimit-Policy`` and ``RateLimit``."""
    scopes, now = spent.scopes, spent.now
    day = now - now % DAY  # the day of a call tells how long its month is
    if len(scopes) == 1:
        policy, form = shape_of(scopes[0][0], scopes[0][3], day)
    else:
        found = [shape_of(kind, quotas, day) for kind, _, _, quotas in scopes]
        policy = b", ".join([each for each, _ in found])
        form = b", ".join([each for _, each in found])
    return policy, form % quota_numbers(spent)


def quota_numbers(spent: Spent) -> tuple[int, ...]:
    """Return of each quota what is left, and in how many seconds it resets."""
    now = spent.now
    numbers = []
    at = 0
    for left in spent.left:
        numbers.append(left if left > 0 else 0)  # noqa: FURB136 - `max` takes longer
        numbers.append(-((now - spent.resets_at[at]) // SECOND))
        at += 1  # noqa: SIM113 - `enumerate` takes longer
    return tuple(numbers)


@lru_cache(_REMEMBERED)
def shape_of(kind: int, quotas: Quotas, day: int) -> tuple[bytes, bytes]:
    """Return ``RateLimit-Policy`` of quotas on a day, and ``RateLimit`` with places for two numbers each."""
    prefix = _PREFIXES.get(kind, "")
    policy = ", ".join(
        f'"{prefix}{one.name}";q={one.amount};w={_seconds(one, day)}'
        + (';qu="tokens"' if one.unit is Unit.TOKENS else "")
        for one in quotas.all
    )
    return policy.encode("ascii"), ", ".join(f'"{prefix}{one.name}";r=%d;t=%d' for one in quotas.all).encode()


def _seconds(quota: Quota, now: int) -> int:
    if quota.days is not None:
        return quota.days * DAY // SECOND
    begins, ends = month_of(now)
    return (ends - begins) // SECOND


def each_of(spent: Spent) -> Iterator[tuple[int, Quota, int, int]]:
    """Yield each quota with the kind of its scope, what is left of it, and when it resets."""
    numbers = zip(spent.left, spent.resets_at, strict=True)
    for kind, _, _, quotas in spent.scopes:
        for quota in quotas.all:
            left, resets_at = next(numbers)
            yield kind, quota, max(left, 0), resets_at


def spent_json(spent: Spent | None) -> dict[str, object]:
    """Return what is left of each quota."""
    if spent is None:
        return {}
    return {
        "quotasLeft": [
            {
                "name": _PREFIXES.get(kind, "") + quota.name,
                **quota_json(quota),
                "left": left,
                "resetsAt": to_iso(resets_at),
            }
            for kind, quota, left, resets_at in each_of(spent)
        ]
    }


def quota_json(quota: Quota) -> dict[str, Any]:
    """Return a quota as it is written: ``{"calls": 1000, "period": "month"}``."""
    return {quota.unit.value: quota.amount, "period": quota.period}


def standing_json(standings: Sequence[Standing]) -> list[dict[str, object]]:
    """Return quotas as they are shown: with what is used of them."""
    return [
        {
            **quota_json(one.quota),
            "used": one.used,
            "reserved": one.reserved,
            "left": one.left,
            "resetsAt": None if one.resets_at is None else to_iso(one.resets_at),
        }
        for one in standings
    ]


def refusal_text(spent: Spent) -> str:
    """Return why a call is refused, and when it is worth trying again.

    Clients look for words: none of these says that a wait is in vain where it is not.
    """
    every = list(each_of(spent))
    kind, quota, left, resets_at = every[spent.short or 0]
    period = "a calendar month" if quota.period == MONTH else f"{quota.days} days"
    whose = "Its customer's quota" if kind == CUSTOMER else "The quota"
    said = f"{whose} of {quota.amount} {quota.unit.value} in {period}"
    if spent.is_held:
        return f"{said} is reserved by calls that are under way. Try again when they have ended."
    ends = to_iso(resets_at)
    again = f"It begins anew at {ends}." if quota.days is None else f"Some is given back from {ends} on."
    if quota.unit is Unit.TOKENS and spent.wanted > quota.amount:
        return f"{said} is less than the {spent.wanted} tokens that one call of this chatflow may use."
    if quota.unit is Unit.TOKENS and left:
        of = said[0].lower() + said[1:]
        return f"Of {of} {left} are left, and this call may use {spent.wanted}. {again}"
    return f"{said} is used up. {again}"
