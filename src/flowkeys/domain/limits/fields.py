"""What answers say of limits: the fields of draft-ietf-httpapi-ratelimit-headers-10, and how long to wait.

One item for each limit. In ``RateLimit-Policy`` `q` calls may be made in `w` seconds; in ``RateLimit`` `r`
may be made at once now, and `t` is after how many seconds there is one more.
"""

from functools import lru_cache
from typing import Final

from flowkeys.domain.limits.gcra import BINDING, CHATFLOW, CUSTOMER, Taken, rates
from flowkeys.domain.limits.quota_fields import quota_fields, spent_json
from flowkeys.domain.limits.rate import Limits, RateLimit
from flowkeys.domain.times import SECOND

_REMEMBERED: Final = 4096
_PREFIXES: Final = {BINDING: "binding-", CUSTOMER: "customer-", CHATFLOW: "chatflow-"}
"""In front of the names of what is not the key's own."""
_PATIENCE_SECONDS: Final = 60
"""Some clients wait no longer than that, and would call again at once: they are told not to."""

Headers = list[tuple[str, str]]


def name_of(kind: int, name: str) -> str:
    """Return what a limit is called in answers, by the kind of its scope."""
    return _PREFIXES.get(kind, "") + name


def fields_of(taken: Taken) -> tuple[bytes, bytes]:
    """Return the values of ``RateLimit-Policy`` and ``RateLimit``."""
    spent = taken.spent
    if spent is None:
        return _of_limits(taken)
    if not taken.scopes:
        return quota_fields(spent)
    limits, quotas = _of_limits(taken), quota_fields(spent)
    return b"%b, %b" % (limits[0], quotas[0]), b"%b, %b" % (limits[1], quotas[1])


def _of_limits(taken: Taken) -> tuple[bytes, bytes]:
    scopes = taken.scopes
    if len(scopes) == 1:
        policy, form, steps = _of_one(scopes[0][0], scopes[0][2])
    else:
        policy, form, steps = _of_all(tuple([(kind, limits) for kind, _, limits in scopes]))
    numbers = []
    at = 0
    for limit, cost, full in steps:
        rest = full - taken.owed[at]
        calls = rest // cost
        numbers.append(calls)
        numbers.append(-((rest - (calls + 1) * cost) // (limit * SECOND)) if rest != full else 0)
        at += 1  # noqa: SIM113 - `enumerate` takes longer
    return policy, form % tuple(numbers)


_Shape = tuple[bytes, bytes, tuple[tuple[int, int, int], ...]]


@lru_cache(_REMEMBERED)
def _of_one(kind: int, limits: Limits) -> _Shape:
    return _of_all(((kind, limits),))


@lru_cache(_REMEMBERED)
def _of_all(scopes: tuple[tuple[int, Limits], ...]) -> _Shape:
    every = [(name_of(kind, rate.name), rate) for kind, limits in scopes for rate in limits.rates]
    policy = ", ".join(f'"{name}";q={rate.limit};w={rate.window_seconds}' for name, rate in every)
    form = ", ".join(f'"{name}";r=%d;t=%d' for name, _ in every)
    return (
        policy.encode("ascii"),
        form.encode("ascii"),
        tuple(s for _, limits in scopes for s in limits.steps),
    )


def raw_headers(taken: Taken) -> tuple[tuple[bytes, bytes], ...]:
    """Return what is said in every answer to a call that limits apply to."""
    if not taken.says_something:
        return ()
    policy, left = fields_of(taken)
    return (b"ratelimit-policy", policy), (b"ratelimit", left)


def waiting_headers(seconds: int) -> Headers:
    """Return how long to wait, and above a minute that it is in vain to try again at once."""
    return [
        ("Retry-After", str(seconds)),
        *([("x-should-retry", "false")] if seconds > _PATIENCE_SECONDS else []),
    ]


def refusal_headers(taken: Taken) -> Headers:
    """Return what is said to a call that has to wait."""
    policy, left = fields_of(taken)
    return [
        *waiting_headers(taken.wait_seconds),
        ("RateLimit-Policy", policy.decode("ascii")),
        ("RateLimit", left.decode("ascii")),
    ]


def as_json(taken: Taken | None) -> dict[str, object]:
    """Return what is left of each limit, and for how long a call has to wait that was not let in."""
    if taken is None:
        return {}
    left = [
        {
            "name": name_of(kind, rate.name),
            "limit": rate.limit,
            "windowSeconds": rate.window_seconds,
            "burst": rate.burst,
            "remaining": calls,
            "resetSeconds": seconds,
        }
        for kind, rate, calls, seconds in rates(taken)
    ]
    wait = {"retryAfterSeconds": taken.wait_seconds} if taken.wait_seconds else {}
    return {"limitsLeft": left, **spent_json(taken.spent), **wait}


def limits_json(rates: tuple[RateLimit, ...]) -> list[dict[str, object]]:
    """Return limits as they are shown."""
    return [
        {"limit": rate.limit, "windowSeconds": rate.window_seconds, "burst": rate.burst, "name": rate.name}
        for rate in rates
    ]
