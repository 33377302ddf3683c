"""What answers say of limits: the fields of draft-ietf-httpapi-ratelimit-headers-10, and how long to wait.

One item for each limit. In ``RateLimit-Policy`` `q` calls may be made in `w` seconds; in ``RateLimit`` `r`
may be made at once now, and `t` is after how many seconds there is one more.
One for each quota, too: `q` may be used in `w` seconds, of tokens with ``qu="tokens"``; `r` is left, and
after `t` seconds what was used is given back, the first part at least.
"""

from functools import lru_cache
from itertools import islice
from typing import Final

from flowkeys.domain.limits.form import Form
from flowkeys.domain.limits.gcra import BINDING, CHATFLOW, CUSTOMER, Passed, Scope, Taken, rates
from flowkeys.domain.limits.quota import Quotas
from flowkeys.domain.limits.quota_fields import left_json, spent_json
from flowkeys.domain.limits.rate import Limits, RateLimit
from flowkeys.domain.limits.spent import QuotaScope

_REMEMBERED: Final = 4096
_PREFIXES: Final = {BINDING: "binding-", CUSTOMER: "customer-", CHATFLOW: "chatflow-"}
"""In front of the names of what is not the key's own."""
_PATIENCE_SECONDS: Final = 60
"""Some clients wait no longer than that, and would call again at once: they are told not to."""

Headers = list[tuple[str, str]]


def name_of(kind: int, name: str) -> str:
    """Return what a limit is called in answers, by the kind of its scope."""
    return _PREFIXES.get(kind, "") + name


def fields_of(taken: Taken | Passed) -> tuple[bytes, bytes]:
    """Return the values of ``RateLimit-Policy`` and ``RateLimit``."""
    if isinstance(taken, Passed):
        return taken.text.policy, taken.text.left_of_passed % taken.numbers
    spent = taken.spent
    form = taken.form or _form(taken)
    text = form.text if spent is None else form.text_at(spent.now)
    return text.policy, text.left % form.numbers(taken.owed, spent)


def lines_of(taken: Taken | Passed) -> bytes:
    """Return both as lines of HTTP/1.1, or nothing where there is nothing to say."""
    if isinstance(taken, Passed):
        return taken.text.lines_of_passed % taken.numbers
    spent = taken.spent
    if spent is None and not taken.scopes:
        return b""
    form = taken.form or _form(taken)
    return form.lines(taken.owed, spent)


def form_of(limits: tuple[Scope, ...], quotas: tuple[QuotaScope, ...]) -> Form:
    """Return what answers say of these; what is the same for several keys has one."""
    return _form_of(
        tuple([(kind, own) for kind, _, own in limits]), tuple([(kind, own) for kind, _, _, own in quotas])
    )


def _form(taken: Taken) -> Form:
    return form_of(taken.scopes, () if taken.spent is None else taken.spent.scopes)


@lru_cache(_REMEMBERED)
def _form_of(limits: tuple[tuple[int, Limits], ...], quotas: tuple[tuple[int, Quotas], ...]) -> Form:
    return Form(
        [(name_of(kind, rate.name), rate) for kind, own in limits for rate in own.rates],
        [step for _, own in limits for step in own.steps],
        [(name_of(kind, quota.name), quota) for kind, own in quotas for quota in own.all],
    )


def raw_headers(taken: Taken | Passed) -> tuple[tuple[bytes, bytes], ...]:
    """Return what is said in every answer to a call that limits apply to."""
    if isinstance(taken, Taken) and not taken.says_something:
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


def as_json(taken: Taken | Passed | None) -> dict[str, object]:
    """Return what is left of each limit, and for how long a call has to wait that was not let in."""
    if taken is None:
        return {}
    if isinstance(taken, Passed):
        return _passed_json(taken)
    left = [
        _left_json(name_of(kind, rate.name), rate, calls, seconds)
        for kind, rate, calls, seconds in rates(taken)
    ]
    wait = {"retryAfterSeconds": taken.wait_seconds} if taken.wait_seconds else {}
    return {"limitsLeft": left, **spent_json(taken.spent), **wait}


def _passed_json(passed: Passed) -> dict[str, object]:
    form = passed.kept.form
    numbers = iter(passed.numbers)
    left = [_left_json(*each) for each in form.limits_left(numbers)]
    if not form.quotas:
        return {"limitsLeft": left}
    quotas = [
        left_json(name, quota, calls, resets_at)
        for (name, quota), calls, resets_at in zip(
            form.quotas, islice(numbers, 0, None, 2), passed.resets_at, strict=True
        )
    ]
    return {"limitsLeft": left, "quotasLeft": quotas}


def _left_json(name: str, rate: RateLimit, calls: int, seconds: int) -> dict[str, object]:
    return {
        "name": name,
        "limit": rate.limit,
        "windowSeconds": rate.window_seconds,
        "burst": rate.burst,
        "remaining": calls,
        "resetSeconds": seconds,
    }


def limits_json(rates: tuple[RateLimit, ...]) -> list[dict[str, object]]:
    """Return limits as they are shown."""
    return [
        {"limit": rate.limit, "windowSeconds": rate.window_seconds, "burst": rate.burst, "name": rate.name}
        for rate in rates
    ]
