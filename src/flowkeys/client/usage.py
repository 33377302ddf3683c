"""Calls about usage."""

from datetime import UTC, date, datetime
from typing import Final, Literal

from msgspec import field

from flowkeys.client.call import Call, Ref, as_type, path, query
from flowkeys.client.limits import LimitLeft, QuotaLeft
from flowkeys.client.models import Wire

Step = Literal["hour", "day"]
Time = date | str
"""A time, a date, or how long ago, such as ``7d``."""


class Latency(Wire, frozen=True, kw_only=True):
    """How long half, 95 and 99 of a hundred calls took at most, in milliseconds."""

    p50: float
    p95: float
    p99: float


class Usage(Wire, frozen=True, kw_only=True):
    """What calls add up to. `latency_ms` is None when no call was let in."""

    calls: int
    outcomes: dict[str, int]
    """By the `code` of the answer; ``ok``, and ``client_gone`` for clients that left before it."""
    tokens_in: int
    tokens_out: int
    tokens_estimated: int = 0
    """How many of both are estimates, since the model did not say."""
    bytes_in: int
    bytes_out: int
    latency_ms: Latency | None = None


class UsageStep(Usage, frozen=True, kw_only=True):
    """An hour or a day, UTC, that began at `time`."""

    time: datetime


class UsageReport(Wire, frozen=True, kw_only=True):
    """A period in hours or days, those without a call included, and its sum."""

    start: datetime = field(name="from")
    end: datetime = field(name="to")
    step: str
    total: Usage
    data: list[UsageStep]


class OwnUsage(UsageReport, frozen=True, kw_only=True):
    """The usage of the key that asks, and what is left of each of its limits and quotas."""

    limits_left: list[LimitLeft] = field(default_factory=list)
    quotas_left: list[QuotaLeft] = field(default_factory=list)


class TopKey(Wire, frozen=True, kw_only=True):
    """One of the keys that were used most; `key_name` is None when it is gone."""

    id: str
    key_name: str | None = None
    calls: int
    ok: int


class TopChatflow(Wire, frozen=True, kw_only=True):
    """One of the chatflows that were called most; `flow_name` is None when it is gone."""

    id: str
    flow_name: str | None = None
    calls: int
    ok: int


class UsageSummary(UsageReport, frozen=True, kw_only=True):
    """A workspace's period, and what was used most in it."""

    keys: list[TopKey]
    chatflows: list[TopChatflow]


_STEPS: Final = as_type(list[UsageStep])
_OWN: Final = as_type(OwnUsage)
_SUMMARY: Final = as_type(UsageSummary)


def of_key(
    key: Ref, *, start: Time | None = None, end: Time | None = None, step: Step | None = None
) -> Call[list[UsageStep]]:
    """Return how much a key was used: the last 24 hours by the hour, unless something else is asked for.

    `start` and `end` are times, dates or how long ago (``7d``); hours are kept for 90 days, days for 3 years.
    """
    return Call(
        method="GET", path=path("apikey", key, "usage"), params=_period(start, end, step), decode=_STEPS
    )


def of_chatflow(
    chatflow: Ref, *, start: Time | None = None, end: Time | None = None, step: Step | None = None
) -> Call[list[UsageStep]]:
    """Return how much a chatflow was called, calls without a key included; the period as for keys."""
    params = _period(start, end, step)
    return Call(method="GET", path=path("chatflows", chatflow, "usage"), params=params, decode=_STEPS)


def of_customer(
    customer: Ref, *, start: Time | None = None, end: Time | None = None, step: Step | None = None
) -> Call[list[UsageStep]]:
    """Return what was used by keys while they were a customer's; the period as for keys."""
    params = _period(start, end, step)
    return Call(method="GET", path=path("customers", customer, "usage"), params=params, decode=_STEPS)


def summary(
    *, start: Time | None = None, end: Time | None = None, step: Step | None = None
) -> Call[UsageSummary]:
    """Return how much the workspace was used, and which keys and chatflows most; the period as for keys."""
    params = _period(start, end, step)
    return Call(method="GET", path=path("usage", "summary"), params=params, decode=_SUMMARY)


def own(*, start: Time | None = None, end: Time | None = None, step: Step | None = None) -> Call[OwnUsage]:
    """Return how much the key was used that asks, and what is left to it; the period as for keys.

    It needs no permission.
    """
    return Call(method="GET", path=path("usage"), params=_period(start, end, step), decode=_OWN)


def _period(start: Time | None, end: Time | None, step: str | None) -> dict[str, str]:
    return query(**{"from": _written(start), "to": _written(end), "step": step})


def _written(time: Time | None) -> str | None:
    """Return a time as the server reads it.

    Raises:
        ValueError: it has no time zone, so that it is not known which moment it names.
    """
    if not isinstance(time, datetime):
        return time.isoformat() if isinstance(time, date) else time
    if time.tzinfo is None:
        raise ValueError("The time needs a time zone, for example datetime.now(UTC).")
    return time.astimezone(UTC).isoformat()
