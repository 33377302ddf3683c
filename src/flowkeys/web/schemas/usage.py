"""Usage on the wire."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from flowkeys.web.schemas.limits import LimitLeftOut, QuotaLeftOut
from flowkeys.web.schemas.wire import Out


class LatencyOut(Out):
    """How long calls took that were let in, in milliseconds; exact to a bucket of the histogram."""

    p50: float
    p95: float
    p99: float


class SumsOut(Out):
    """What calls add up to."""

    calls: int
    outcomes: dict[str, int] = Field(
        description="By the `code` of the answer; `ok`, and `client_gone` for clients that left before it.",
        examples=[{"ok": 12, "expired_key": 1}],
    )
    tokens_in: int = Field(description="What models read.")
    tokens_out: int
    tokens_estimated: int = Field(
        description="How many of the tokens in and out are estimates, since the model did not say."
    )
    bytes_in: int = Field(description="Of the bodies of predictions.")
    bytes_out: int
    latency_ms: LatencyOut | None = Field(description="null: no call was let in.")


class UsageStepOut(SumsOut):
    """An hour or a day, UTC."""

    time: datetime = Field(description="When it begins.")


class UsageOut(Out):
    """A period: its steps, those without a call included, and its sum."""

    from_: datetime = Field(alias="from")
    to: datetime
    step: Literal["hour", "day"]
    total: SumsOut
    data: list[UsageStepOut]


class TopKeyOut(Out):
    """One of the keys that were used most; its name is null when it is gone."""

    id: str
    key_name: str | None
    calls: int
    ok: int = Field(description="How many of them ended well.")


class TopChatflowOut(Out):
    """One of the chatflows that were called most; its name is null when it is gone."""

    id: str
    flow_name: str | None
    calls: int
    ok: int


class UsageSummaryOut(UsageOut):
    """A workspace's period, and what was used most in it."""

    keys: list[TopKeyOut]
    chatflows: list[TopChatflowOut]


class OwnUsageOut(UsageOut):
    """The usage of the key that asks, and what is left of each of its limits and quotas."""

    limits_left: list[LimitLeftOut]
    quotas_left: list[QuotaLeftOut]
