"""What answers say of limits: the fields of draft-ietf-httpapi-ratelimit-headers-10, and how long to wait.

One item for each limit. In ``RateLimit-Policy`` `q` calls may be made in `w` seconds; in ``RateLimit`` `r`
may be made at once now, and `t` is after how many seconds there is one more.
"""

from functools import lru_cache
from typing import Final

import msgspec

from flowkeys.domain.limits.gcra import BINDING, CHATFLOW, CUSTOMER, Scope, Taken, rates
from flowkeys.domain.limits.quota import Quotas
from flowkeys.domain.limits.quota_fields import quota_fields, quota_numbers, shape_of, spent_json
from flowkeys.domain.limits.rate import Limits, RateLimit
from flowkeys.domain.times import DAY, SECOND

_REMEMBERED: Final = 4096
_PREFIXES: Final = {BINDING: "binding-", CUSTOMER: "customer-", CHATFLOW: "chatflow-"}
"""In front of the names of what is not the key's own."""
_PATIENCE_SECONDS: Final = 60
"""Some clients wait no longer than that, and would call again at once: they are told not to."""

_LINES: Final = b"ratelimit-policy: %b\r\nratelimit: %b\r\n"

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


def lines_of(taken: Taken) -> bytes:
    """Return both as lines of HTTP/1.1, or nothing where there is nothing to say."""
    spent, scopes = taken.spent, taken.scopes
    if spent is None:
        if not scopes:
            return b""
        shape = _shape(scopes)
        return shape.lines % _numbers(shape, taken.owed)
    if len(spent.scopes) == 1 and len(scopes) <= 1:  # what is most common
        owner, _, _, quotas = spent.scopes[0]
        day = spent.now - spent.now % DAY
        if not scopes:
            return _lines_of_quotas(owner, quotas, day) % quota_numbers(spent)
        kind, _, limits = scopes[0]
        lines, shape = _lines_of_both(kind, limits, owner, quotas, day)
        return lines % (_numbers(shape, taken.owed) + quota_numbers(spent))
    return b"".join([b"%b: %b\r\n" % header for header in raw_headers(taken)])


@lru_cache(_REMEMBERED)
def _lines_of_quotas(owner: int, quotas: Quotas, day: int) -> bytes:
    return _LINES % shape_of(owner, quotas, day)


@lru_cache(_REMEMBERED)
def _lines_of_both(kind: int, limits: Limits, owner: int, quotas: Quotas, day: int) -> tuple[bytes, "_Shape"]:
    own, more = _of_one(kind, limits), shape_of(owner, quotas, day)
    return _LINES % (b"%b, %b" % (own.policy, more[0]), b"%b, %b" % (own.left, more[1])), own


def _of_limits(taken: Taken) -> tuple[bytes, bytes]:
    shape = _shape(taken.scopes)
    return shape.policy, shape.left % _numbers(shape, taken.owed)


class _Shape(msgspec.Struct, frozen=True):
    """What answers say that some limits apply to, but for the numbers."""

    policy: bytes
    left: bytes
    lines: bytes
    steps: tuple[tuple[int, int, int], ...]
    """Of each limit what one call costs, what all at once do, and what is refilled in a second."""


def _numbers(shape: _Shape, debts: tuple[int, ...]) -> tuple[int, ...]:
    numbers = []
    at = 0
    for cost, full, refilled in shape.steps:
        owed = debts[at]
        calls, rest = divmod(full - owed, cost)
        numbers.append(calls)
        numbers.append(-((rest - cost) // refilled) if owed else 0)
        at += 1  # noqa: SIM113 - `enumerate` takes longer
    return tuple(numbers)


def _shape(scopes: tuple[Scope, ...]) -> _Shape:
    if len(scopes) == 1:
        return _of_one(scopes[0][0], scopes[0][2])
    return _of_all(tuple([(kind, limits) for kind, _, limits in scopes]))


@lru_cache(_REMEMBERED)
def _of_one(kind: int, limits: Limits) -> _Shape:
    return _of_all(((kind, limits),))


@lru_cache(_REMEMBERED)
def _of_all(scopes: tuple[tuple[int, Limits], ...]) -> _Shape:
    every = [(name_of(kind, rate.name), rate) for kind, limits in scopes for rate in limits.rates]
    policy = ", ".join(f'"{name}";q={rate.limit};w={rate.window_seconds}' for name, rate in every)
    form = ", ".join(f'"{name}";r=%d;t=%d' for name, _ in every)
    return _Shape(
        policy.encode("ascii"),
        form.encode("ascii"),
        f"ratelimit-policy: {policy}\r\nratelimit: {form}\r\n".encode("ascii"),
        tuple((cost, full, limit * SECOND) for _, limits in scopes for limit, cost, full in limits.steps),
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
