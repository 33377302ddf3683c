"""``quotas``: what counts, what answers say, and that no more is used than they say."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from structlog.testing import capture_logs

from flowkeys.bootstrap import clock
from flowkeys.verify import Verifier
from tests.support.databases import unreadable_keys
from tests.support.flows import bound_key, make_chatflow, make_customer, make_key
from tests.support.server import Api, Running
from tests.support.waiting import until

MONTHLY = [{"calls": 3, "period": "month"}]
ASK = {"question": "Hello"}
ITEM = r'"[!-~]+?"(;[a-z]+=([0-9]+|"[a-z]+"))+'


def fields(answer: Any, name: str) -> dict[str, dict[str, str]]:
    """Return a field of structured fields (RFC 9651): a list of strings, each with parameters."""
    text = answer.headers[name]
    assert re.fullmatch(f"{ITEM}(, {ITEM})*", text), text
    found = {}
    for item in text.split(", "):
        quoted, *parameters = item.split(";")
        found[quoted.strip('"')] = dict(each.split("=") for each in parameters)
    return found


def left(answer: Any) -> dict[str, int]:
    """Return what is left of each limit and quota."""
    return {name: int(values["r"]) for name, values in fields(answer, "RateLimit").items()}


def test_quotas_are_stored_and_shown(owner: Api) -> None:
    """With what is used of them; the whole key can be put back, and none are none again."""
    quotas = [{"calls": 1000, "period": "month"}, {"tokens": 50_000, "period": "30d"}]
    for folder, made in (
        ("apikey", make_key(owner, quotas=quotas)),
        ("customers", make_customer(owner, quotas=quotas)),
    ):
        calls, tokens = made["quotas"]
        assert calls.pop("resetsAt").endswith("-01T00:00:00.000Z")
        assert calls == {"calls": 1000, "period": "month", "used": 0, "reserved": 0, "left": 1000}
        empty = {"used": 0, "reserved": 0, "left": 50_000, "resetsAt": None}
        assert tokens == {"tokens": 50_000, "period": "30d", **empty}
        path = f"/{folder}/{made['id']}"
        got = owner.get(path).json()
        assert owner.put(path, json=got).json()["quotas"] == got["quotas"]
        assert len(owner.put(path, json={}).json()["quotas"]) == 2
        for nothing in (None, []):
            assert len(owner.put(path, json={"quotas": quotas[:1]}).json()["quotas"]) == 1
            assert owner.put(path, json={"quotas": nothing}).json()["quotas"] == []
        audit = owner.get("/audit", params={"subject": made["id"]}).json()
        said = [(row["before"] or {}).get("quotas") for row in audit if row["after"].get("quotas") == []]
        assert ["1000/month"] in said, audit


@pytest.mark.parametrize(
    "quotas",
    [
        [{"calls": 0, "period": "month"}],
        [{"calls": 1.5, "period": "month"}],
        [{"calls": "1", "period": "month"}],
        [{"calls": True, "period": "month"}],
        [{"calls": 1}],
        [{"period": "month"}],
        [{"calls": 1, "tokens": 1, "period": "month"}],
        [{"calls": 1, "period": "week"}],
        [{"calls": 1, "period": "0d"}],
        [{"calls": 1, "period": "367d"}],
        [{"calls": 1, "period": "month", "name": "x"}],
        [{"calls": 1, "period": "month"}, {"calls": 2, "period": "month"}],
        [{"calls": 1, "period": f"{n + 1}d"} for n in range(9)],
        "1000/month",
        ["1000/month"],
        {},
    ],
)
def test_what_is_no_quota_is_refused(owner: Api, quotas: Any) -> None:
    """422 that names the member; nothing is made and nothing changed, of a key or a customer."""
    key, customer = make_key(owner, quotas=MONTHLY), make_customer(owner)
    for answer in (
        owner.post("/apikey", json={"keyName": "k", "quotas": quotas}),
        owner.put(f"/apikey/{key['id']}", json={"quotas": quotas}),
        owner.put(f"/customers/{customer['id']}", json={"quotas": quotas}),
    ):
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"].startswith("quotas")
    assert owner.get(f"/apikey/{key['id']}").json()["quotas"] == key["quotas"]


class TestCalls:
    """Calls that are accepted count, whichever way they come."""

    def test_every_answer_says_what_is_left(self, server: Running, owner: Api) -> None:
        """By forward-auth, predictions and verify; and a spent quota keeps clients from trying again."""
        chatflow = make_chatflow(owner)
        limits = [{"limit": 100, "windowSeconds": 60}]
        key = bound_key(owner, chatflow, quotas=MONTHLY, rateLimits=limits)
        caller = server.api(key["apiKey"])
        path = f"/prediction/{chatflow['id']}"
        first = caller.get("/auth/verify")
        assert fields(first, "RateLimit-Policy")["calls-month"]["q"] == "3"
        assert int(fields(first, "RateLimit-Policy")["calls-month"]["w"]) in {
            86_400 * n for n in range(28, 32)
        }
        assert left(first) == {"minute": 99, "calls-month": 2}
        whole = caller.post(path, json=ASK)
        assert (whole.status_code, left(whole)["calls-month"]) == (200, 1)
        with caller.stream("POST", path, json={**ASK, "streaming": True}) as streamed:
            assert (streamed.status_code, left(streamed)["calls-month"]) == (200, 0)
            streamed.read()
        for refused in (
            caller.get("/auth/verify"),
            caller.post(path, json=ASK),
            caller.post(path, json={**ASK, "streaming": True}),
            caller.post("/apikey/verify", json={"count": True}),
        ):
            assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")
            wait = int(refused.headers["Retry-After"])
            assert wait == int(fields(refused, "RateLimit")["calls-month"]["t"])
            assert refused.headers.get("x-should-retry") == ("false" if wait > 60 else None)
            assert left(refused)["calls-month"] == 0
            text = refused.text.casefold()
            for word in ("billing", "usage quota", "will reset at", "quota exhausted", "insufficient_quota"):
                assert word not in text
        assert left(caller.post(path, json=ASK))["minute"] >= 97, "what a quota refuses takes of no limit"
        shown = owner.get(f"/apikey/{key['id']}").json()["quotas"][0]
        assert (shown["used"], shown["left"]) == (3, 0)

    def test_what_a_limit_refuses_takes_of_no_quota(self, server: Running, owner: Api) -> None:
        """All or nothing."""
        limits = [{"limit": 1, "windowSeconds": 86_400}]
        key = make_key(owner, quotas=[{"calls": 9, "period": "7d"}], rateLimits=limits)
        caller = server.api(key["apiKey"])
        assert left(caller.get("/auth/verify")) == {"day": 0, "calls-7d": 8}
        for _ in range(3):
            refused = caller.get("/auth/verify")
            assert refused.json()["code"] == "rate_limited"
            assert left(refused) == {"day": 0, "calls-7d": 8}

    def test_only_accepted_calls_count(self, server: Running, owner: Api) -> None:
        """Refusals for another reason, verify without count, explain and management cost nothing."""
        chatflow, other = make_chatflow(owner), make_chatflow(owner)
        key = bound_key(owner, chatflow, quotas=MONTHLY, permissions=["apikeys:view"])
        caller = server.api(key["apiKey"])
        for _ in range(5):
            assert caller.get(f"/auth/verify/chatflow/{other['id']}").status_code == 403
            assert caller.post(f"/prediction/{other['id']}", json=ASK).status_code == 403
            assert caller.post("/apikey/verify", json={}).status_code == 200
            assert caller.get("/apikey").status_code == 200
            assert caller.get("/usage").status_code == 200
            said = caller.post("/apikey/explain", json={"token": key["apiKey"]})
            assert (said.status_code, said.json()["valid"]) == (200, True)
        answer = caller.post(f"/prediction/{chatflow['id']}", json={"question": "x", "form": {"a": "b"}})
        assert (answer.status_code, left(answer)) == (422, {"calls-month": 2}), "accepted, and it fails"
        assert left(caller.get("/auth/verify")) == {"calls-month": 1}
        own = caller.get("/usage").json()
        assert own["limitsLeft"] == []
        assert [(each["name"], each["left"]) for each in own["quotasLeft"]] == [("calls-month", 1)]

    @pytest.mark.parametrize("way", ["forward-auth", "predictions"])
    def test_as_many_as_the_quota_says_are_let_in(self, server: Running, owner: Api, way: str) -> None:
        """Of 80 calls over 8 connections at a time, with two keys of a customer, exactly 25 are let in."""
        chatflow = make_chatflow(owner)
        customer = make_customer(owner, quotas=[{"calls": 25, "period": "month"}])
        keys = [bound_key(owner, chatflow, customerId=customer["id"]) for _ in range(2)]
        callers = [server.api(keys[n % 2]["apiKey"]) for n in range(8)]

        def call(n: int) -> int:
            if way == "predictions":
                return callers[n % 8].post(f"/prediction/{chatflow['id']}", json=ASK).status_code
            return callers[n % 8].get(f"/auth/verify/chatflow/{chatflow['id']}").status_code

        with ThreadPoolExecutor(8) as threads:
            statuses = list(threads.map(call, range(80)))
        assert {status: statuses.count(status) for status in set(statuses)} == {200: 25, 429: 55}
        assert owner.get(f"/customers/{customer['id']}").json()["quotas"][0]["used"] == 25

    def test_rotation_resets_nothing(self, server: Running, owner: Api) -> None:
        """Old and new token share what is left."""
        key = make_key(owner, quotas=MONTHLY)
        old = server.api(key["apiKey"])
        assert left(old.get("/auth/verify")) == {"calls-month": 2}
        new = server.api(owner.post(f"/apikey/{key['id']}/rotate", json={}).json()["apiKey"])
        assert left(new.get("/auth/verify")) == {"calls-month": 1}
        assert left(old.get("/auth/verify")) == {"calls-month": 0}
        assert new.get("/auth/verify").status_code == old.get("/auth/verify").status_code == 429

    def test_a_change_holds_at_the_next_call_and_forgives_nothing(self, server: Running, owner: Api) -> None:
        """On and off both; what was used stays used, whatever the quota is."""
        key = make_key(owner)
        caller, path = server.api(key["apiKey"]), f"/apikey/{key['id']}"
        assert "RateLimit" not in caller.get("/auth/verify").headers
        owner.put(path, json={"quotas": MONTHLY})
        assert [caller.get("/auth/verify").status_code for _ in range(4)] == [200, 200, 200, 429]
        owner.put(path, json={"quotas": [{"calls": 5, "period": "30d"}]})
        assert [caller.get("/auth/verify").status_code for _ in range(3)] == [200, 200, 429]
        owner.put(path, json={"quotas": []})
        assert caller.get("/auth/verify").status_code == 200

    def test_verify_says_it_of_a_token_in_the_body(self, server: Running, owner: Api) -> None:
        """Always 200; members say what is left and how long to wait."""
        key = make_key(owner, quotas=MONTHLY)
        viewer = server.api(make_key(owner, permissions=["apikeys:view"])["apiKey"])
        body = {"token": key["apiKey"], "count": True}
        said = viewer.post("/apikey/verify", json=body)
        (one,) = said.json()["quotasLeft"]
        assert (said.json()["valid"], one["name"], one["left"], one["calls"]) == (True, "calls-month", 2, 3)
        both = viewer.post("/apikey/verify", json={"tokens": [key["apiKey"]] * 3, "count": True}).json()
        assert [each["code"] for each in both["results"]] == ["valid", "valid", "quota_exceeded"]
        assert both["results"][2]["retryAfterSeconds"] >= 1


class TestWhoHears:
    """Holders, operators and webhooks."""

    @pytest.mark.of_one_process("one process forgets what it has counted, as at a restart")
    def test_thresholds_are_announced_once(self, server: Running) -> None:
        """At 80 and 100 percent, by webhook and in the log; a restart of counting announces nothing anew."""
        owner = server.owner("thresholds of quotas")
        url = "https://example.com/flowkeys"
        hook = owner.post("/webhooks", json={"url": url, "events": ["quota.threshold"]}).json()
        key = make_key(owner, "metered", quotas=[{"calls": 5, "period": "month"}])
        caller = server.api(key["apiKey"])
        with capture_logs() as lines:
            for _ in range(4):
                caller.get("/auth/verify")
            server.do(server.runtime.quotas.flush())
            for _ in range(3):
                caller.get("/auth/verify")
            server.do(server.runtime.quotas.flush())
            server.runtime.quotas._quotas._accounts.pop(key["id"])  # as after a restart
            assert caller.get("/auth/verify").status_code == 429
            server.do(server.runtime.quotas.flush())
        told = [line for line in lines if line.get("keyId") == key["id"]]
        assert [(line["threshold"], line["used"]) for line in told] == [(80, 4), (100, 5)]
        log = owner.get(f"/webhooks/{hook['id']}/deliveries").json()
        found = [each["eventType"] for each in (log["data"] if isinstance(log, dict) else log)]
        assert found == ["quota.threshold"] * 2
        with server.shell() as raw:
            asked = "SELECT data FROM webhook_event WHERE type = 'quota.threshold' AND data LIKE ? LIMIT 1"
            ((data,),) = raw.execute(asked, (f"%{key['id']}%",)).fetchall()
        said = json.loads(data)
        assert (said["keyId"], said["keyName"], said["quota"]) == (
            key["id"],
            "metered",
            {"calls": 5, "period": "month"},
        )
        owner.delete(f"/webhooks/{hook['id']}")

    def test_explain_says_it(self, server: Running, owner: Api) -> None:
        """What is left, and when nothing is, that this is why; asking takes nothing."""
        key = make_key(owner, quotas=[{"calls": 2, "period": "30d"}])
        caller = server.api(key["apiKey"])

        def explained() -> tuple[str, bool | None, str]:
            said = owner.post("/apikey/explain", json={"token": key["apiKey"]}).json()
            step = said["steps"][-1]
            assert step["step"] == "quota"
            return said["code"], step["ok"], step["detail"]

        for _ in range(3):
            assert explained() == ("valid", True, "2 of 2 calls/30d are left.")
        caller.get("/auth/verify")
        caller.get("/auth/verify")
        code, ok, detail = explained()
        assert (code, ok) == ("quota_exceeded", False)
        assert detail.startswith("2 calls/30d are used up until ")
        owner.post(f"/apikey/{key['id']}/disable")
        assert explained()[:2] == ("disabled_key", None)

    def test_the_library_has_the_server_count(self, server: Running, owner: Api) -> None:
        """`Verifier.remote` with count; the refusal says until when."""
        key = make_key(owner, quotas=[{"calls": 2, "period": "month"}])
        with Verifier.remote(server.url, owner.token, count=True) as verifier:
            assert verifier.verify(token=key["apiKey"]).allowed
            assert verifier.verify(token=key["apiKey"]).allowed
            refused = verifier.verify(token=key["apiKey"])
            assert (refused.code, refused.status) == ("quota_exceeded", 429)
            assert "2 calls in a calendar month is used up" in refused.detail
            assert refused.retry_after_seconds >= 1


def test_the_answer_to_a_change_says_what_is_used(server: Running, owner: Api) -> None:
    """What is not stored yet included, as when it is asked for; in another period, too."""
    customer = make_customer(owner, quotas=[{"calls": 10, "period": "2d"}])
    key = make_key(owner, customerId=customer["id"], quotas=[{"calls": 10, "period": "2d"}])
    assert server.api(key["apiKey"]).get("/auth/verify").status_code == 200
    server.agree()
    for path in (f"/apikey/{key['id']}", f"/customers/{customer['id']}"):
        for change in ({}, {"quotas": [{"calls": 10, "period": "30d"}]}):
            changed = owner.put(path, json={**change, "name" if "cust" in path else "keyName": str(change)})
            assert changed.json()["quotas"][0]["used"] == 1, changed.text


class TestByHand:
    """What is written into the database past us."""

    @pytest.mark.parametrize("table", ["api_key", "customer"])
    def test_what_is_spoilt_is_an_outage_and_never_no_quota(self, own: Running, table: str) -> None:
        """503, at once; a quota by hand holds at the next call, and its end, too."""
        owner = own.owner()
        customer = make_customer(owner)
        key = make_key(owner, customerId=customer["id"])
        caller = own.api(key["apiKey"])
        whose = key["id"] if table == "api_key" else customer["id"]

        def write(value: Any) -> None:
            with own.shell() as raw:
                raw.execute(f"UPDATE {table} SET quotas = ? WHERE id = ?", (value, whose))

        def becomes(status: int) -> None:
            until(lambda: caller.get("/auth/verify").status_code == status, f"{status}")

        becomes(200)
        for spoilt in (
            "[]",
            "{}",
            "no",
            '[{"calls": 0, "period": "month"}]',
            '["x"]',
            '[{"period": "month"}]',
        ):
            write(spoilt)
            becomes(503)
            write(None)
            becomes(200)
        write('[{"calls": 1, "period": "month"}]')
        becomes(429)
        write(None)
        becomes(200)

    @pytest.mark.of_sqlite("columns of PostgreSQL hold what their types say")
    def test_what_was_used_is_an_outage_where_it_is_spoilt(self, own: Running) -> None:
        """503, of calls and of what is shown, and never nothing used; the doctor names the key."""
        owner = own.owner()
        customer = make_customer(owner, quotas=MONTHLY)
        for whose, keys in (
            ("key", [make_key(owner, quotas=MONTHLY) for _ in range(3)]),
            ("customer", [make_key(owner, customerId=customer["id"])]),
        ):
            for key, spoilt in zip(keys, ("x", "", 1.5), strict=False):
                subject = key["id"] if whose == "key" else customer["id"]
                row = (own.workspace(), whose, subject, "calls", "day", clock(), spoilt)
                with own.shell() as raw:
                    raw.execute("INSERT INTO quota_use VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                assert own.api(key["apiKey"]).get("/auth/verify").status_code == 503
                folder = "apikey" if whose == "key" else "customers"
                assert owner.get(f"/{folder}/{subject}").status_code == 503
                assert key["id"] in unreadable_keys(own.data_dir)
