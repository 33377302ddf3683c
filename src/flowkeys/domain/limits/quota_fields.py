"""What answers say of quotas as JSON, and why a call is refused."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from flowkeys.domain.limits.gcra import CUSTOMER
from flowkeys.domain.limits.quota import MONTH, Quota, Standing, Unit
from flowkeys.domain.limits.spent import Spent
from flowkeys.domain.times import to_iso

_PREFIXES: Final = {CUSTOMER: "customer-"}
_iso: Final = lru_cache(256)(to_iso)
"""Quotas reset where hours, days and months begin, many at one time; to write that out takes microseconds."""


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
            left_json(_PREFIXES.get(kind, "") + quota.name, quota, left, resets_at)
            for kind, quota, left, resets_at in each_of(spent)
        ]
    }


def left_json(name: str, quota: Quota, left: int, resets_at: int) -> dict[str, object]:
    """Return what is left of one quota."""
    return {"name": name, **quota_json(quota), "left": left, "resetsAt": _iso(resets_at)}


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
    period = (
        "a calendar month" if quota.period == MONTH else "1 day" if quota.days == 1 else f"{quota.days} days"
    )
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
