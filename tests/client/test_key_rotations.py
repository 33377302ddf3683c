"""`client.keys.rotate` and what belongs to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import flowkeys
from tests.client.conftest import TOKEN, Sdk
from tests.client.scripted import Scripted

KEY: dict[str, Any] = {"id": "k1", "keyName": "Backend", "apiKey": "fl-••••••••••••••••••a1B2"}
ROTATION = {
    "apiKey": "fl-••••••••••••••••••zzzz",
    "startedAt": "2026-01-01T00:00:00.000Z",
    "endsAt": "2026-01-02T00:00:00.000Z",
    "finishWhenUnusedSeconds": None,
    "lastUsedAt": "2026-01-01T01:00:00.000Z",
    "lastAddress": "10.2.0.7",
    "lastUserAgent": "curl/8",
    "uses": 3,
}


async def test_a_rotation_returns_the_new_token(sdk: Sdk, server: Scripted) -> None:
    """Only what is given is sent; the token is hidden where the result is printed."""
    server.answers(KEY | {"apiKey": TOKEN, "rotation": ROTATION}, status=201)
    made = await sdk(lambda c: c.keys.rotate("k1"))
    assert made.token == TOKEN
    assert TOKEN not in repr(made)
    assert made.rotation == flowkeys.Rotation(
        api_key="fl-••••••••••••••••••zzzz",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        ends_at=datetime(2026, 1, 2, tzinfo=UTC),
        last_used_at=datetime(2026, 1, 1, 1, tzinfo=UTC),
        last_address="10.2.0.7",
        last_user_agent="curl/8",
        uses=3,
    )
    assert (server.requests[-1].method, server.requests[-1].path) == ("POST", "/api/v1/apikey/k1/rotate")
    assert server.requests[-1].json == {}


async def test_durations_are_seconds_or_timedeltas(sdk: Sdk, server: Scripted) -> None:
    """Halves are rounded up: nothing becomes the 0 that ends a token at once."""
    server.answers(KEY | {"apiKey": TOKEN}, status=201)
    await sdk(
        lambda c: c.keys.rotate(
            "k1", grace=timedelta(milliseconds=500), finish_when_unused=timedelta(hours=6)
        )
    )
    assert server.requests[-1].json == {"graceSeconds": 1, "finishWhenUnusedSeconds": 21_600}


async def test_a_rotation_is_extended_and_ended(sdk: Sdk, server: Scripted) -> None:
    """With the same call; 0 ends it."""
    for use, seconds in (
        (lambda c: c.keys.set_grace("k1", timedelta(days=7)), 604_800),
        (lambda c: c.keys.end_rotation("k1"), 0),
    ):
        server.answers(KEY | {"rotation": None})
        assert (await sdk(use)).rotation is None
        assert (server.requests[-1].method, server.requests[-1].path) == ("PUT", "/api/v1/apikey/k1/rotation")
        assert server.requests[-1].json == {"graceSeconds": seconds}


async def test_a_rotation_under_way_is_an_error_with_its_code(sdk: Sdk, server: Scripted) -> None:
    """It is not tried again: the first attempt may have made a token that nobody has seen."""
    problem = {"code": "rotation_under_way", "detail": "The key is being rotated.", "status": 409}
    server.answers(problem, status=409)
    with pytest.raises(flowkeys.InvalidRequestError) as refused:
        await sdk(lambda c: c.keys.rotate("k1"))
    assert (refused.value.code, refused.value.status) == ("rotation_under_way", 409)
