"""Rate limits and quotas on the wire."""

from typing import Any

from pydantic import Field

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.limits.quota import MAX_AMOUNT, MAX_DAYS, MAX_QUOTAS, Quota, Unit
from flowkeys.domain.limits.rate import MAX_CALLS, MAX_LIMITS, MAX_WINDOW_SECONDS
from flowkeys.service.limits import Given
from flowkeys.web.schemas.wire import In, Out


class RateLimitIn(In):
    """At most `burst` calls at once, refilled evenly at `limit` calls in `windowSeconds`."""

    limit: int = Field(strict=True, ge=1, le=MAX_CALLS, examples=[10])
    window_seconds: int = Field(strict=True, ge=1, le=MAX_WINDOW_SECONDS, examples=[1])
    burst: int | None = Field(
        default=None, strict=True, ge=1, le=MAX_CALLS, description="Unless given: limit.", examples=[20]
    )
    name: str | None = Field(
        default=None,
        description="What answers call it; unless given: its window.",
        examples=["second"],
    )

    def as_given(self) -> Given:
        """Return it as `read_limits` takes it."""
        return self.limit, self.window_seconds, self.burst, self.name


class RateLimitOut(Out):
    """At most `burst` calls at once, refilled evenly at `limit` calls in `windowSeconds`."""

    limit: int
    window_seconds: int
    burst: int
    name: str


RATE_LIMITS = f"How often calls may be made: up to {MAX_LIMITS} limits, all of which hold. None: no limit."


class LimitLeftOut(Out):
    """A limit, and what is left of it."""

    name: str
    limit: int
    window_seconds: int
    burst: int
    remaining: int = Field(description="How many calls may be made at once now.")
    reset_seconds: int = Field(description="After how many seconds one more may; 0: all may.")


_ONE = "Give calls or tokens, one of them, and a period."


class QuotaIn(In):
    """At most so many `calls`, or model `tokens`, in a period. What is shown with it may be sent back."""

    calls: int | None = Field(default=None, strict=True, ge=1, le=MAX_AMOUNT, examples=[1000])
    tokens: int | None = Field(
        default=None, strict=True, ge=1, le=MAX_AMOUNT, description="What models read and wrote, together."
    )
    period: str = Field(
        description=f"`month` (calendar, UTC), or 1 to {MAX_DAYS} days that move on: `30d`.",
        examples=["month"],
    )
    used: Any = Field(default=None, description="Ignored: it moves by itself.")
    reserved: Any = Field(default=None, description="Ignored: it moves by itself.")
    left: Any = Field(default=None, description="Ignored: it moves by itself.")
    resets_at: Any = Field(default=None, description="Ignored: it moves by itself.")

    def as_quota(self, at: int) -> Quota:
        """Return it as `read_quotas` takes it; `at` is its place in the list.

        Raises:
            InvalidInput: it is one of calls and tokens, or of neither.
        """
        if (self.calls is None) == (self.tokens is None):
            raise InvalidInput.of(f"quotas.{at}", _ONE)
        if self.calls is not None:
            return Quota(Unit.CALLS, self.calls, self.period)
        assert self.tokens is not None
        return Quota(Unit.TOKENS, self.tokens, self.period)


def quotas_of(given: list[QuotaIn] | None) -> list[Quota]:
    """Return the quotas of a body as `read_quotas` takes them.

    Raises:
        InvalidInput: one is of calls and tokens, or of neither.
    """
    return [each.as_quota(at) for at, each in enumerate(given or ())]


class QuotaOut(Out):
    """At most so many `calls`, or model `tokens`, in a period, and what is used of them."""

    calls: int | None = Field(default=None, description="One of calls and tokens is there.")
    tokens: int | None = None
    period: str
    used: int
    reserved: int = Field(description="Tokens that runs may use which are under way.")
    left: int
    resets_at: str | None = Field(
        description="When what is used is given back: all of it with a month, of moving days the first part. "
        "null: nothing is used of those."
    )


class QuotaLeftOut(Out):
    """What is left of a quota."""

    name: str
    calls: int | None = Field(default=None, description="One of calls and tokens is there.")
    tokens: int | None = None
    period: str
    left: int
    resets_at: str


QUOTAS = f"How much may be used in a period: up to {MAX_QUOTAS} quotas, all of which hold. None: no quota."
