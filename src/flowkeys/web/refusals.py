"""From a refused credential to its answer, with the limit on failures by address.

The limit changes refusals only: a good credential is never asked about here, whatever its address sent
before.
"""

from functools import lru_cache, partial
from typing import Final

from flowkeys.domain.keys.decision import Denied, Reason
from flowkeys.domain.times import Clock
from flowkeys.service.ports.limits import FailureLimit
from flowkeys.web.errors import Problem, of_denial, problem

_FAILURES: Final = frozenset({Reason.UNKNOWN_KEY, Reason.INVALID_REQUEST})
"""Guesses and garbage. Who is known (expired, without the permission) or sent nothing does not guess."""
_POLICY: Final = '"failures"'
_REMEMBERED: Final = 256
"""Answers with as many different waits."""


class Refusals:
    """Answers refused credentials."""

    __slots__ = ("_clock", "_limit", "_too_many")

    def __init__(self, limit: FailureLimit, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        policy = f"{_POLICY};q={limit.burst};w={limit.window_seconds}"
        self._too_many = lru_cache(_REMEMBERED)(partial(_too_many, policy))

    def refuse(self, denied: Denied, address: str | None) -> Problem:
        """Return the problem of a refusal: its own, or `rate_limited` when the address failed too often."""
        if denied.reason in _FAILURES:
            seconds = self._limit.failed(address, self._clock())
            if seconds:
                return self._too_many(seconds)
        return of_denial(denied)


def _too_many(policy: str, seconds: int) -> Problem:
    """Return 429 (RFC 6585 section 4) with the fields of draft-ietf-httpapi-ratelimit-headers-10."""
    headers = [
        ("Retry-After", str(seconds)),
        ("RateLimit-Policy", policy),
        ("RateLimit", f"{_POLICY};r=0;t={seconds}"),
    ]
    return problem("rate_limited", _TOO_MANY, headers=headers)


_TOO_MANY: Final = "Too many credentials from this address were refused. One that is good is let in at once."
