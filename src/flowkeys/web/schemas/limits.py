"""Rate limits on the wire."""

from pydantic import Field

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
