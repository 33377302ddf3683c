"""Rate limits and quotas in the SDK."""

import pytest

from flowkeys.client.limits import Quota, RateLimit
from tests.client.conftest import TOKEN, Sdk
from tests.client.scripted import Scripted

KEY = {"id": "k1", "keyName": "Backend", "apiKey": "fl-…a1B2"}
DAY = {"limit": 1000, "windowSeconds": 86_400, "burst": 1000}


async def test_limits_are_sent_in_the_wire_s_words(sdk: Sdk, server: Scripted) -> None:
    """Texts and objects; None takes them away; of a key, a chatflow, and a key on a chatflow."""
    server.answers(KEY | {"apiKey": TOKEN}, status=201)
    await sdk(lambda c: c.keys.create("B", rate_limits=["1000/day", RateLimit(limit=1, window_seconds=9)]))
    server.answers(KEY | {"rateLimits": [DAY | {"name": "day"}]})
    changed = await sdk(lambda c: c.keys.update("k1", rate_limits=None))
    assert (changed.rate_limits[0].window_seconds, changed.rate_limits[0].name) == (86_400, "day")
    server.answers(KEY)
    await sdk(lambda c: c.keys.set_chatflows("k1", {"c1": ["1000/day"], "c2": None}))
    server.answers({"id": "c1", "name": "Docs", "rateLimits": [DAY]})
    assert (await sdk(lambda c: c.chatflows.update("c1", rate_limits=["1000/day"]))).rate_limits[
        0
    ].limit == 1000
    customer = {"id": "u1", "name": "Acme", "rateLimits": [DAY | {"name": "day"}]}
    server.answers(customer, status=201)
    server.answers(customer | {"rateLimits": []})
    made = await sdk(lambda c: c.customers.create("Acme", rate_limits="1000/day"))
    assert (made.rate_limits[0].limit, made.rate_limits[0].name) == (1000, "day")
    assert (await sdk(lambda c: c.customers.update(made, rate_limits=None))).rate_limits == []
    assert [request.json for request in server.requests] == [
        {"keyName": "B", "rateLimits": [DAY, {"limit": 1, "windowSeconds": 9}]},
        {"rateLimits": []},
        [{"id": "c1", "rateLimits": [DAY]}, {"id": "c2", "rateLimits": []}],
        {"rateLimits": [DAY]},
        {"name": "Acme", "rateLimits": [DAY]},
        {"rateLimits": []},
    ]
    with pytest.raises(ValueError, match="Write a limit as"):
        await sdk(lambda c: c.keys.update("k1", rate_limits=["often"]))


async def test_a_question_may_count(sdk: Sdk, server: Scripted) -> None:
    """The answer says what is left."""
    left = DAY | {"name": "day", "remaining": 0, "resetSeconds": 87}
    server.answers({"valid": False, "code": "rate_limited", "limitsLeft": [left], "retryAfterSeconds": 87})
    found = await sdk(lambda c: c.keys.verify(TOKEN, count=True))
    assert server.requests[0].json == {"token": TOKEN, "count": True}
    assert (found.limits_left[0].remaining, found.retry_after_seconds) == (0, 87)


async def test_quotas_are_sent_in_the_wire_s_words(sdk: Sdk, server: Scripted) -> None:
    """Texts and objects, as they were shown too; None takes them away; of a key and of a customer."""
    monthly = {"calls": 1000, "period": "month"}
    shown = monthly | {"used": 12, "reserved": 0, "left": 988, "resetsAt": "2027-02-01T00:00:00.000Z"}
    server.answers(KEY | {"apiKey": TOKEN, "quotas": [shown]}, status=201)
    server.answers(KEY | {"quotas": [shown]})
    server.answers(KEY | {"quotas": []})
    server.answers({"id": "u1", "name": "Acme", "quotas": [shown]}, status=201)
    server.answers({"id": "u1", "name": "Acme", "quotas": []})
    key = await sdk(lambda c: c.keys.create("B", quotas=["1000/month", Quota(tokens=5, period="3d")]))
    (quota,) = key.quotas
    assert (quota.used, quota.left, quota.resets_at.month) == (12, 988, 2)
    await sdk(lambda c: c.keys.update("k1", quotas=key.quotas))
    await sdk(lambda c: c.keys.update("k1", quotas=None))
    made = await sdk(lambda c: c.customers.create("Acme", quotas="1000/month"))
    assert made.quotas[0].left == 988
    assert (await sdk(lambda c: c.customers.update(made, quotas=None))).quotas == []
    assert [request.json for request in server.requests] == [
        {"keyName": "B", "quotas": [monthly, {"tokens": 5, "period": "3d"}]},
        {"quotas": [monthly]},
        {"quotas": []},
        {"name": "Acme", "quotas": [monthly]},
        {"quotas": []},
    ]
    with pytest.raises(ValueError, match="Write a quota as"):
        await sdk(lambda c: c.keys.update("k1", quotas=["often"]))
