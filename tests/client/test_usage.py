"""`client.usage`, and `usage` of keys, chatflows and customers."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.client.conftest import Sdk
from tests.client.scripted import Scripted

STEP: dict[str, Any] = {
    "time": "2026-01-01T00:00:00.000Z",
    "calls": 2,
    "outcomes": {"ok": 1, "expired_key": 1},
    "tokensIn": 3,
    "tokensOut": 4,
    "bytesIn": 5,
    "bytesOut": 6,
    "latencyMs": {"p50": 1.0, "p95": 2.0, "p99": 3.0},
}


@pytest.mark.parametrize(
    ("whose", "path"),
    [("keys", "/api/v1/apikey/x/usage"), ("chatflows", "/api/v1/chatflows/x/usage"),
     ("customers", "/api/v1/customers/x/usage")],
)  # fmt: skip
async def test_each_has_its_usage(whose: str, path: str, sdk: Sdk, server: Scripted) -> None:
    """Step by step, of the period that is asked for, however it is written."""
    server.answers([STEP])
    (step,) = await sdk(
        lambda c: getattr(c, whose).usage(
            "x", start=date(2026, 1, 1), end=datetime(2026, 1, 2, tzinfo=UTC), step="day"
        )
    )
    assert (step.time, step.calls) == (datetime(2026, 1, 1, tzinfo=UTC), 2)
    assert (step.outcomes["ok"], step.tokens_out, step.bytes_out, step.latency_ms.p99) == (1, 4, 6, 3.0)
    request = server.requests[0]
    assert (request.method, request.path) == ("GET", path)
    assert request.query == {"from": "2026-01-01", "to": "2026-01-02T00:00:00+00:00", "step": "day"}


async def test_a_time_without_a_zone_is_refused(sdk: Sdk) -> None:
    """It is not known which moment it names."""
    with pytest.raises(ValueError, match="time zone"):
        await sdk(lambda c: c.usage.summary(start=datetime(2026, 1, 1)))  # noqa: DTZ001
