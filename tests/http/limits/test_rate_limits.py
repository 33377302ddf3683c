"""``rateLimits``: what counts, what answers say, and that no more are let in than they say."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from flowkeys.cache.chatflows import ChatflowCache
from tests.conformance import raw, ways
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.server import Api, Running

SLOW = [{"limit": 3, "windowSeconds": 3600}]
TWO = [{"limit": 100, "windowSeconds": 1, "name": "burst"}, {"limit": 3, "windowSeconds": 86_400}]
ASK = {"question": "Hello"}


def _fields(answer: Any, name: str) -> dict[str, dict[str, Any]]:
    """Return a field of structured fields (RFC 9651): a list of strings, each with numbers as parameters."""
    text = answer.headers[name]
    assert re.fullmatch(r'("[!-~]+"(;[a-z]+=[0-9]+)+)(, "[!-~]+"(;[a-z]+=[0-9]+)+)*', text), text
    found = {}
    for item in text.split(", "):
        quoted, *parameters = item.split(";")
        found[quoted.strip('"')] = {each.split("=")[0]: int(each.split("=")[1]) for each in parameters}
    return found


def _left(answer: Any) -> dict[str, int]:
    return {name: values["r"] for name, values in _fields(answer, "RateLimit").items()}


def test_limits_are_stored_and_shown(owner: Api) -> None:
    """With every member that was left out; the whole key can be put back, and none are none again."""
    key = make_key(owner, rateLimits=[{"limit": 10, "windowSeconds": 1, "burst": 20}, *SLOW])
    shown = [
        {"limit": 10, "windowSeconds": 1, "burst": 20, "name": "second"},
        {"limit": 3, "windowSeconds": 3600, "burst": 3, "name": "hour"},
    ]
    path = f"/apikey/{key['id']}"
    got = owner.get(path).json()
    assert key["rateLimits"] == got["rateLimits"] == shown
    assert owner.put(path, json=got).json() == got
    assert owner.put(path, json={"note": "x"}).json()["rateLimits"] == shown
    for nothing in (None, []):
        assert owner.put(path, json={"rateLimits": SLOW}).json()["rateLimits"] == shown[1:]
        assert owner.put(path, json={"rateLimits": nothing}).json()["rateLimits"] == []


@pytest.mark.parametrize(
    "limits",
    [
        [{"limit": 0, "windowSeconds": 1}],
        [{"limit": 1, "windowSeconds": 0}],
        [{"limit": 1.5, "windowSeconds": 1}],
        [{"limit": "1", "windowSeconds": 1}],
        [{"limit": True, "windowSeconds": 1}],
        [{"limit": 1}],
        [{"limit": 1, "windowSeconds": 1, "burst": 0}],
        [{"limit": 1, "windowSeconds": 1, "name": "größe"}],
        [{"limit": 1, "windowSeconds": 1, "name": "a"}, {"limit": 1, "windowSeconds": 2, "name": "a"}],
        [{"limit": 1, "windowSeconds": 1, "per": "second"}],
        [{"limit": 1, "windowSeconds": n + 1} for n in range(9)],
        "10/second",
        ["10/second"],
        {},
    ],
)
def test_what_is_no_limit_is_refused(owner: Api, limits: Any) -> None:
    """422 that names the member; nothing is made and nothing changed, of a key or a chatflow."""
    key = make_key(owner, rateLimits=SLOW)
    chatflow = make_chatflow(owner)
    for answer in (
        owner.post("/apikey", json={"keyName": "k", "rateLimits": limits}),
        owner.put(f"/apikey/{key['id']}", json={"rateLimits": limits}),
        owner.put(f"/chatflows/{chatflow['id']}", json={"rateLimits": limits}),
    ):
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"].startswith("rateLimits")
    assert owner.get(f"/apikey/{key['id']}").json()["rateLimits"] == key["rateLimits"]


class TestAnswers:
    """What is said, whole and streamed, let in and refused."""

    def test_every_answer_says_what_is_left(self, server: Running, owner: Api) -> None:
        """One item for each limit, by forward-auth, predictions and verify."""
        chatflow = make_chatflow(owner)
        caller = server.api(bound_key(owner, chatflow, rateLimits=TWO)["apiKey"])
        path = f"/prediction/{chatflow['id']}"
        first = caller.get("/auth/verify")
        policy = {"burst": {"q": 100, "w": 1}, "day": {"q": 3, "w": 86_400}}
        assert _fields(first, "RateLimit-Policy") == policy
        assert _left(first)["day"] == 2
        whole = caller.post(path, json=ASK)
        assert (whole.status_code, _left(whole)["day"]) == (200, 1)
        with caller.stream("POST", path, json={**ASK, "streaming": True}) as streamed:
            assert (streamed.status_code, _left(streamed)["day"]) == (200, 0)
            streamed.read()
        asked = {"count": True, "chatflowId": chatflow["id"]}
        for refused in (
            caller.get("/auth/verify"),
            caller.post(path, json=ASK),
            caller.post(path, json={**ASK, "streaming": True}),
            caller.post("/apikey/verify", json=asked),
        ):
            assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
            assert _left(refused)["day"] == 0
            assert _fields(refused, "RateLimit")["day"]["t"] == int(refused.headers["Retry-After"]) > 28_000
            assert refused.headers["x-should-retry"] == "false"
            assert not [name for name in refused.headers if name.startswith("x-ratelimit")]
            text = refused.text.casefold()
            for word in ("billing", "usage quota", "will reset at", "quota exhausted", "insufficient_quota"):
                assert word not in text

    def test_a_short_wait_may_be_waited_for(self, server: Running, owner: Api) -> None:
        """Up to a minute nothing keeps clients from trying again."""
        limits = [{"limit": 1, "windowSeconds": 30}]
        caller = server.api(make_key(owner, rateLimits=limits)["apiKey"])
        assert caller.get("/auth/verify").status_code == 200
        refused = caller.get("/auth/verify")
        assert refused.headers["Retry-After"] in {"29", "30"}
        assert "x-should-retry" not in refused.headers

    def test_a_key_without_limits_is_told_nothing(self, server: Running, owner: Api) -> None:
        """No field at all."""
        answer = server.api(make_key(owner)["apiKey"]).get("/auth/verify")
        assert answer.status_code == 200
        assert not [name for name in answer.headers if "ratelimit" in name]

    def test_nginx_is_told_in_other_headers(self, server: Running, owner: Api) -> None:
        """It knows 401 and 403 only, so that the status is in a header."""
        caller = server.api(make_key(owner, rateLimits=[{"limit": 1, "windowSeconds": 60}])["apiKey"])
        assert caller.get("/auth/verify?mode=nginx").status_code == 200
        refused = caller.get("/auth/verify?mode=nginx")
        assert (refused.status_code, refused.headers["x-auth-status"]) == (403, "429")
        assert refused.headers["x-auth-retry-after"] == refused.headers["retry-after"]
        assert refused.headers["x-auth-key-id"] == ""

    def test_verify_says_it_of_a_token_in_the_body(self, server: Running, owner: Api) -> None:
        """Always 200; members say what is left and how long to wait, and the headers are of that key."""
        key = make_key(owner, rateLimits=SLOW)
        viewer = server.api(make_key(owner, permissions=["apikeys:view"])["apiKey"])
        body = {"token": key["apiKey"], "count": True}
        said = viewer.post("/apikey/verify", json=body)
        (left,) = said.json()["limitsLeft"]
        assert (said.json()["valid"], left["name"], left["remaining"]) == (True, "hour", 2)
        assert _left(said) == {"hour": 2}
        both = viewer.post("/apikey/verify", json={"tokens": [key["apiKey"]] * 3, "count": True}).json()
        assert [each["code"] for each in both["results"]] == ["valid", "valid", "rate_limited"]
        refused = viewer.post("/apikey/verify", json=body)
        assert refused.status_code == 200
        assert (refused.json()["valid"], refused.json()["code"]) == (False, "rate_limited")
        assert 1 <= refused.json()["retryAfterSeconds"] <= 1200
        for wrong in (None, 1, "true", []):
            assert viewer.post("/apikey/verify", json={**body, "count": wrong}).status_code == 422


class TestWhatCounts:
    """Accepted calls, once each."""

    def test_only_accepted_calls_count(self, server: Running, owner: Api) -> None:
        """Refusals for another reason, verify without count, explain and management cost nothing."""
        chatflow, other = make_chatflow(owner), make_chatflow(owner)
        key = bound_key(owner, chatflow, rateLimits=SLOW, permissions=["apikeys:view"])
        caller = server.api(key["apiKey"])
        for _ in range(5):
            assert caller.get(f"/auth/verify/chatflow/{other['id']}").status_code == 403
            assert caller.get("/auth/verify?permission=chatflows:update").status_code == 403
            assert caller.post(f"/prediction/{other['id']}", json=ASK).status_code == 403
            assert caller.post("/apikey/verify", json={}).status_code == 200
            assert caller.post("/apikey/verify", json={"count": False}).status_code == 200
            assert caller.get("/apikey").status_code == 200
            refused = caller.post("/apikey/verify", json={"chatflowId": other["id"], "count": True})
            assert refused.status_code == 403
            said = caller.post("/apikey/explain", json={"token": key["apiKey"]})
            assert (said.status_code, said.json()["valid"]) == (200, True)
        assert _left(caller.get("/auth/verify")) == {"hour": 2}

    def test_a_prediction_that_is_decided_twice_counts_once(self, server: Running, owner: Api) -> None:
        """Its body comes later than its headers, whole or as a stream, good or bad."""
        chatflow = make_chatflow(owner)
        limits = [{"limit": 9, "windowSeconds": 86_400}]
        caller = server.api(bound_key(owner, chatflow, rateLimits=limits)["apiKey"])

        def slowly(body: dict[str, Any]) -> Any:
            text = json.dumps(body).encode()
            yield text[:5]
            yield text[5:]

        for expected, body in (
            (8, ASK),
            (7, {**ASK, "streaming": True}),
            (6, {"question": "x", "form": {"a": "b"}}),
        ):
            answer = caller.post(
                f"/prediction/{chatflow['id']}",
                content=slowly(body),
                headers={"Content-Type": "application/json"},
            )
            assert _left(answer) == {"day": expected}

    @pytest.mark.parametrize("way", ["forward-auth", "predictions"])
    def test_as_many_as_the_limit_says_are_let_in(self, server: Running, owner: Api, way: str) -> None:
        """Of 80 calls over 8 connections at a time exactly 25 are let in."""
        chatflow = make_chatflow(owner)
        key = bound_key(owner, chatflow, rateLimits=[{"limit": 25, "windowSeconds": 86_400}])
        callers = [server.api(key["apiKey"]) for _ in range(8)]

        def call(n: int) -> int:
            if way == "predictions":
                return callers[n % 8].post(f"/prediction/{chatflow['id']}", json=ASK).status_code
            return callers[n % 8].get(f"/auth/verify/chatflow/{chatflow['id']}").status_code

        with ThreadPoolExecutor(8) as threads:
            statuses = list(threads.map(call, range(80)))
        assert {status: statuses.count(status) for status in set(statuses)} == {200: 25, 429: 55}


class TestScopes:
    """A key's, a chatflow's, and a key's on a chatflow: all that apply are taken, or none."""

    def test_a_chatflow_has_limits_for_all_its_callers(self, server: Running, owner: Api) -> None:
        """Two keys share them; each key's own are untouched by what the chatflow refuses."""
        chatflow = make_chatflow(owner, rateLimits=SLOW)
        assert owner.get(f"/chatflows/{chatflow['id']}").json()["rateLimits"][0]["name"] == "hour"
        one = server.api(bound_key(owner, chatflow, rateLimits=[{"limit": 9, "windowSeconds": 60}])["apiKey"])
        two = server.api(bound_key(owner, chatflow)["apiKey"])
        path = f"/auth/verify/chatflow/{chatflow['id']}"
        assert _left(one.get(path)) == {"minute": 8, "chatflow-hour": 2}
        assert _left(two.post(f"/prediction/{chatflow['id']}", json=ASK)) == {"chatflow-hour": 1}
        assert two.get(path).status_code == 200
        for _ in range(5):
            assert one.get(path).status_code == two.get(path).status_code == 429
        assert _left(one.get("/auth/verify"))["minute"] == 7

    def test_a_key_has_limits_on_a_chatflow(self, server: Running, owner: Api) -> None:
        """They count calls of that chatflow alone, and stay when only the set of chatflows is written."""
        one, two = make_chatflow(owner), make_chatflow(owner)
        key = make_key(owner)
        path = f"/apikey/{key['id']}/chatflows"
        put = owner.put(path, json=[{"id": one["id"], "rateLimits": SLOW}, {"id": two["id"]}])
        assert put.status_code == 200, put.text
        found = {each["id"]: each["rateLimits"] for each in put.json()["chatFlows"]}
        assert found[two["id"]] == []
        assert found[one["id"]][0]["limit"] == 3
        caller = server.api(key["apiKey"])
        for left in (2, 1, 0):
            assert _left(caller.get(f"/auth/verify/chatflow/{one['id']}")) == {"binding-hour": left}
        assert caller.get(f"/auth/verify/chatflow/{one['id']}").status_code == 429
        assert caller.get(f"/auth/verify/chatflow/{two['id']}").status_code == 200
        assert owner.put(path, json={"chatflowIds": [one["id"]]}).json()["chatFlows"][0]["rateLimits"]
        assert caller.get(f"/auth/verify/chatflow/{one['id']}").status_code == 429
        assert owner.put(path, json=[{"id": one["id"]}]).json()["chatFlows"][0]["rateLimits"] == []
        assert caller.get(f"/auth/verify/chatflow/{one['id']}").status_code == 200
        for wrong in ([{"id": "nonsense"}], [{"id": one["id"], "rateLimits": [{"limit": 0}]}], [{}], [1]):
            assert owner.put(path, json=wrong).status_code == 422

    def test_a_change_holds_at_the_next_call_and_forgives_nothing(self, server: Running, owner: Api) -> None:
        """On and off both; of a limit that is raised there is as much more as it was raised by."""
        key = make_key(owner)
        caller, path = server.api(key["apiKey"]), f"/apikey/{key['id']}"
        assert "RateLimit" not in caller.get("/auth/verify").headers
        owner.put(path, json={"rateLimits": SLOW})
        assert [caller.get("/auth/verify").status_code for _ in range(4)] == [200, 200, 200, 429]
        owner.put(path, json={"rateLimits": [{"limit": 5, "windowSeconds": 3600}]})
        assert [caller.get("/auth/verify").status_code for _ in range(3)] == [200, 200, 429]
        owner.put(path, json={"rateLimits": []})
        assert caller.get("/auth/verify").status_code == 200


@pytest.mark.of_one_process("how often one process asks is counted")
@pytest.mark.parametrize("limited", [False, True])
def test_the_chatflow_of_a_call_is_looked_up_once(
    server: Running, owner: Api, monkeypatch: pytest.MonkeyPatch, limited: bool
) -> None:
    """Whoever takes of its limits and whoever runs it ask once together, with limits and without.

    Where several processes count, calls are decided anew by whoever asks what all have counted.
    """
    once = 2 if limited and server.runtime.valkey is not None else 1
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow, rateLimits=SLOW if limited else [])
    caller, bearer = server.api(key["apiKey"]), ways.bearer(key["apiKey"])
    path = f"/api/v1/prediction/{chatflow['id']}"
    assert raw.send(server.url, "POST", path, bearer, json_body=ASK).status == 200  # it is compiled now
    look, looked = ChatflowCache.at_once, []

    def counted(self: ChatflowCache, chatflow_id: str, now: int) -> Any:
        looked.append(chatflow_id)
        return look(self, chatflow_id, now)

    monkeypatch.setattr(ChatflowCache, "at_once", counted)
    assert caller.get(f"/auth/verify/chatflow/{chatflow['id']}").status_code == 200
    assert looked == [chatflow["id"]] * once
    assert raw.send(server.url, "POST", path, bearer, json_body=ASK).status == 200  # in one piece
    assert looked == [chatflow["id"]] * (2 * once)
