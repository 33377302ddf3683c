"""Flowise's own limits and origins: what a chatflow's configuration asks of those who call without a key."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.server import Api, Running

ASK = {"question": "Hello"}
SHOP = "https://shop.example"


def _limited(most: Any = 2, seconds: Any = 3600, **more: Any) -> str:
    return json.dumps({"rateLimit": {"status": True, "limitMax": most, "limitDuration": seconds, **more}})


def _origins(*origins: str, **more: Any) -> str:
    return json.dumps({"allowedOrigins": list(origins), **more})


@pytest.mark.parametrize("streaming", [False, True])
def test_each_address_has_its_own_and_is_told_in_the_owners_words(
    server: Running, owner: Api, streaming: bool
) -> None:
    """As plain text, which the widget shows, readable from any site; with a true wait."""
    config = _limited("2", "3600", limitMsg="Langsam! Später <b>wieder</b>.")
    chatflow = make_chatflow(owner, isPublic=True, apiConfig=config)
    assert chatflow["warnings"] == []
    visitor, path = server.api(), f"/prediction/{chatflow['id']}"
    body = {**ASK, "streaming": streaming}
    for _ in range(2):
        assert visitor.post(path, json=body).status_code == 200
    refused = visitor.post(path, json=body, headers={"Origin": SHOP})
    assert (refused.status_code, refused.text) == (429, "Langsam! Später <b>wieder</b>.")
    assert refused.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert refused.headers["X-Content-Type-Options"] == "nosniff"
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    assert 1 <= int(refused.headers["Retry-After"]) <= 1800
    assert refused.headers["RateLimit"].startswith('"address";r=0;t=')


def test_a_call_with_a_key_is_refused_in_a_programs_words(server: Running, owner: Api) -> None:
    """The limit by address holds for it as well; another address has its own."""
    chatflow = make_chatflow(owner, apiConfig=_limited(1, limitMsg="Slow"))
    caller = server.api(bound_key(owner, chatflow)["apiKey"])
    assert caller.post(f"/prediction/{chatflow['id']}", json=ASK).status_code == 200
    refused = caller.post(f"/prediction/{chatflow['id']}", json=ASK)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")


def test_a_limit_that_is_off_is_none(server: Running, owner: Api) -> None:
    """As Flowise's switch has it."""
    config = json.dumps({"rateLimit": {"status": False, "limitMax": 1, "limitDuration": 60}})
    chatflow = make_chatflow(owner, isPublic=True, apiConfig=config)
    for _ in range(3):
        assert server.api().post(f"/prediction/{chatflow['id']}", json=ASK).status_code == 200


@pytest.mark.parametrize("streaming", [False, True])
def test_origins_are_asked_of_all_calls_without_a_key(server: Running, owner: Api, streaming: bool) -> None:
    """A missing one and another are 403 in the owner's words; with a key it does not matter."""
    config = _origins(SHOP, "https://Other.example:8443/", allowedOriginsError="Not here")
    chatflow = make_chatflow(owner, isPublic=True, chatbotConfig=config)
    path, body = f"/prediction/{chatflow['id']}", {**ASK, "streaming": streaming}
    for origin in (SHOP, "https://other.example:8443"):
        answer = server.api().post(path, json=body, headers={"Origin": origin})
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert "origin" in answer.headers["Vary"].lower()
    others = (None, "null", "http://shop.example", "https://shop.example.evil.example", f"{SHOP}:8443", "")
    for origin in others:
        headers = {} if origin is None else {"Origin": origin}
        answer = server.api().post(path, json=body, headers=headers)
        assert (answer.status_code, answer.text) == (403, "Not here")
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert "Access-Control-Allow-Origin" not in answer.headers
    key = server.api(make_key(owner)["apiKey"])
    assert key.post(path, json=body).status_code == 200


def test_preflights_follow_the_origins(server: Running, owner: Api) -> None:
    """Only pages that may call are told that they may."""
    chatflow = make_chatflow(owner, isPublic=True, chatbotConfig=_origins(SHOP))
    path = f"/prediction/{chatflow['id']}"
    allowed = server.api().options(path, headers={"Origin": SHOP})
    assert allowed.headers["Access-Control-Allow-Origin"] == SHOP
    assert "Access-Control-Allow-Methods" in allowed.headers
    other = server.api().options(path, headers={"Origin": "https://evil.example"})
    assert (other.status_code, [n for n in other.headers if n.startswith("access-control")]) == (204, [])


def test_what_the_widget_shows_is_read_by_pages_that_may_call(server: Running, owner: Api) -> None:
    """From its allowed origins only, if it has any. Whether it streams, which tells nothing, all may read."""
    free = make_chatflow(owner, isPublic=True)
    shop = make_chatflow(owner, isPublic=True, chatbotConfig=_origins(SHOP, title="Shop"))

    def allowed(chatflow: dict, origin: str | None, path: str = "public-chatbotConfig") -> str | None:
        headers = {} if origin is None else {"Origin": origin}
        answer = server.api().get(f"/{path}/{chatflow['id']}", headers=headers)
        assert answer.status_code == 200
        return answer.headers.get("Access-Control-Allow-Origin")

    assert allowed(free, "https://any.example") == "*"
    assert allowed(shop, SHOP) == SHOP
    for other in ("https://evil.example", "null", None):
        assert allowed(shop, other) is None
        assert allowed(shop, other, "chatflows-streaming") == "*"
    shown = server.api().get(f"/public-chatbotConfig/{shop['id']}", headers={"Origin": SHOP})
    assert "origin" in shown.headers["Vary"].lower()
    assert shown.json()["title"] == "Shop"


def test_a_refused_visitor_costs_nothing(server: Running, owner: Api) -> None:
    """A wrong origin takes nothing of the limits, and the chatflow's own limits hold for visitors too."""
    chatflow = make_chatflow(
        owner,
        isPublic=True,
        chatbotConfig=_origins(SHOP),
        apiConfig=_limited(2),
        rateLimits=[{"limit": 5, "windowSeconds": 3600}],
    )
    path = f"/prediction/{chatflow['id']}"
    for _ in range(5):
        assert server.api().post(path, json=ASK).status_code == 403
    answer = server.api().post(path, json=ASK, headers={"Origin": SHOP})
    assert answer.headers["RateLimit"].startswith('"chatflow-hour";r=4;')
    assert '"address";r=1;' in answer.headers["RateLimit"]


def test_a_chatflow_that_asks_can_be_made_public(owner: Api) -> None:
    """It is enforced; a real export of Flowise that has both is taken as it is."""
    chatflow = make_chatflow(owner, chatbotConfig=_origins(SHOP, ""), apiConfig=_limited("5", "60"))
    assert chatflow["warnings"] == []
    put = owner.put(f"/chatflows/{chatflow['id']}", json={"isPublic": True})
    assert (put.status_code, put.json()["isPublic"]) == (200, True)


def test_an_address_that_a_caller_claims_is_no_way_round_the_limit(server: Running, owner: Api) -> None:
    """Flowise, Unkey: the leftmost X-Forwarded-For was believed. There is no proxy here, so none is."""
    chatflow = make_chatflow(owner, isPublic=True, apiConfig=_limited(2))
    found = []
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP"):
        value = "for=203.0.113.9" if name == "Forwarded" else "203.0.113.9"
        answer = server.api(**{name: value}).post(f"/prediction/{chatflow['id']}", json=ASK)
        found.append(answer.status_code)
    assert found == [200, 200, 429, 429, 429]


def test_a_network_of_its_own_has_one_limit(start: Callable[..., Running]) -> None:
    """Behind a proxy the rightmost address that is no proxy's counts: an IPv6 network of 64 bits is one."""
    behind = start(trusted_proxies=("127.0.0.1",))
    owner = behind.owner()

    def call(chatflow: dict, claimed: str, address: str) -> int:
        caller = behind.api(**{"X-Forwarded-For": f"{claimed}, {address}"})
        return int(caller.post(f"/prediction/{chatflow['id']}", json=ASK).status_code)

    for one, two, other in (
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"),
        ("203.0.113.7", "::ffff:203.0.113.7", "203.0.113.8"),
    ):
        chatflow = make_chatflow(owner, isPublic=True, apiConfig=_limited(2))
        calls = ((other, one), (one, two), (other, one), (one, two))
        assert [call(chatflow, *each) for each in calls] == [200, 200, 429, 429]
        assert call(chatflow, one, other) == 200
