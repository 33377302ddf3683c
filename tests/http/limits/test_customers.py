"""Limits that all keys of a customer share: whichever key calls, the customer's calls are counted."""

from typing import Any

import pytest

from tests.http.customers.test_customers import audited
from tests.support.flows import bound_key, make_chatflow, make_customer, make_key
from tests.support.server import Api, Running

SLOW = [{"limit": 3, "windowSeconds": 3600}]
ASK = {"question": "Hello"}


def _left(answer: Any) -> dict[str, int]:
    """Return how many calls are left of each limit, by name, as the answer's header says."""
    found = {}
    for item in answer.headers["RateLimit"].split(", "):
        name, rest, _ = item.split(";")
        found[name.strip('"')] = int(rest.removeprefix("r="))
    return found


@pytest.mark.parametrize("way", ["forward-auth", "predictions", "verify"])
def test_all_keys_of_a_customer_share_its_limits(server: Running, owner: Api, way: str) -> None:
    """Two keys have three calls together, by every way; a key of somebody else is not concerned."""
    customer, other = make_customer(owner, rateLimits=SLOW), make_customer(owner)
    chatflow = make_chatflow(owner)
    keys = [bound_key(owner, chatflow, customerId=customer["id"]) for _ in range(2)]
    free = bound_key(owner, chatflow, customerId=other["id"])

    def call(key: dict) -> Any:
        caller = server.api(key["apiKey"])
        if way == "predictions":
            return caller.post(f"/prediction/{chatflow['id']}", json=ASK)
        if way == "verify":
            return caller.post("/apikey/verify", json={"count": True})
        return caller.get("/auth/verify")

    one, two = keys
    assert [_left(call(key)) for key in (one, two, one)] == [{"customer-hour": left} for left in (2, 1, 0)]
    for key in (two, one, two):
        refused = call(key)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert 1 <= int(refused.headers["Retry-After"]) <= 1200
        assert refused.headers["RateLimit-Policy"] == '"customer-hour";q=3;w=3600'
    assert call(free).status_code == 200
    assert "RateLimit" not in call(free).headers


def test_a_customers_limits_are_taken_with_all_others_or_not_at_all(server: Running, owner: Api) -> None:
    """What the customer has no room for costs its key nothing, and what the key has none for the customer."""
    customer = make_customer(owner, rateLimits=SLOW)
    chatflow = make_chatflow(owner, rateLimits=[{"limit": 90, "windowSeconds": 86_400}])
    one = server.api(
        bound_key(
            owner, chatflow, customerId=customer["id"], rateLimits=[{"limit": 2, "windowSeconds": 86_400}]
        )["apiKey"]
    )
    two = server.api(bound_key(owner, chatflow, customerId=customer["id"])["apiKey"])
    path = f"/auth/verify/chatflow/{chatflow['id']}"
    assert _left(one.get(path)) == {"day": 1, "customer-hour": 2, "chatflow-day": 89}
    assert one.get(path).status_code == 200
    for _ in range(4):
        assert one.get(path).status_code == 429
    assert _left(two.get(path)) == {"customer-hour": 0, "chatflow-day": 87}
    for _ in range(4):
        assert two.get(path).status_code == 429
    owner.put(f"/customers/{customer['id']}", json={"rateLimits": [{"limit": 9, "windowSeconds": 3600}]})
    assert _left(two.get(path)) == {"customer-hour": 5, "chatflow-day": 86}


def test_they_are_written_shown_put_back_and_taken_away(server: Running, owner: Api) -> None:
    """On and off both, at the next call; a change says before and after in the audit log."""
    customer = make_customer(owner, rateLimits=SLOW)
    shown = [{"limit": 3, "windowSeconds": 3600, "burst": 3, "name": "hour"}]
    path = f"/customers/{customer['id']}"
    assert customer["rateLimits"] == owner.get(path).json()["rateLimits"] == shown
    whole = owner.get(path).json()
    assert owner.put(path, json=whole).json() == whole
    caller = server.api(make_key(owner, customerId=customer["id"])["apiKey"])
    assert [caller.get("/auth/verify").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert owner.put(path, json={"name": "Acme"}).json()["rateLimits"] == shown
    assert caller.get("/auth/verify").status_code == 429
    for none in (None, []):
        owner.put(path, json={"rateLimits": SLOW})
        assert owner.put(path, json={"rateLimits": none}).json()["rateLimits"] == []
        assert "RateLimit" not in caller.get("/auth/verify").headers
    changes = [(before and before["rateLimits"], after["rateLimits"]) for _, before, after in
               audited(server, customer["id"])]  # fmt: skip
    limit = ["3/hour"]
    assert changes == [(None, limit), (limit, limit), (limit, []), ([], limit), (limit, [])]


def test_a_key_takes_of_the_customer_that_it_belongs_to_now(server: Running, owner: Api) -> None:
    """What it took before stays with the one before; who belongs to nobody shares nothing."""
    first, second = make_customer(owner, rateLimits=SLOW), make_customer(owner, rateLimits=SLOW)
    key, stays = make_key(owner, customerId=first["id"]), make_key(owner, customerId=first["id"])
    caller = server.api(key["apiKey"])
    assert [_left(caller.get("/auth/verify"))["customer-hour"] for _ in range(2)] == [2, 1]
    owner.put(f"/apikey/{key['id']}", json={"customerId": second["id"]})
    assert _left(caller.get("/auth/verify")) == {"customer-hour": 2}
    assert _left(server.api(stays["apiKey"]).get("/auth/verify")) == {"customer-hour": 0}
    owner.put(f"/apikey/{key['id']}", json={"customerId": None})
    assert "RateLimit" not in caller.get("/auth/verify").headers
