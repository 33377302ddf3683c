"""``/apikey``: what each call takes, gives and refuses."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.server import Api, Running

MEMBERS = {
    "id", "keyName", "apiKey", "permissions", "chatFlows", "status", "expiresAt", "lastUsedAt", "createdAt",
    "createdDate", "updatedAt", "updatedDate", "createdBy", "workspaceId", "note", "allowedIps", "rateLimits",
    "quotas", "rotation", "customerId", "customer", "lastAddress", "lastUserAgent",
}  # fmt: skip


def _errors(response) -> dict[str, str]:
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["code"] == "validation_failed"
    assert (body["statusCode"], body["success"], body["message"]) == (422, False, body["detail"])
    return {error["field"]: error["message"] for error in body["errors"]}


class TestCreate:
    """POST /apikey."""

    def test_a_name_alone_opens_nothing(self, server: Running, owner: Api) -> None:
        """No permission, no chatflow, no expiry, until someone says so."""
        key = make_key(owner, "  Just a name  ")
        assert set(key) == MEMBERS | {"apiSecret"}
        assert (key["keyName"], key["permissions"], key["chatFlows"]) == ("Just a name", [], [])
        assert (key["status"], key["expiresAt"], key["lastUsedAt"]) == ("active", None, None)
        assert key["createdBy"]["type"] == "key"
        # Filed behind those before it, which keeps indexes small and a change of many keys on few pages.
        made = datetime.fromisoformat(key["createdAt"])
        assert uuid.UUID(key["id"]).version == 7
        assert uuid.UUID(key["id"]).int >> 80 == (made - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
            milliseconds=1
        )
        chatflow = make_chatflow(owner)
        api = server.api(key["apiKey"])
        assert api.get("/apikey").json()["code"] == "permission_missing"
        assert api.post(f"/prediction/{chatflow['id']}", json={"question": "x"}).status_code == 403

    def test_all_members(self, owner: Api) -> None:
        """Chatflows, permissions, expiry and note are taken at once."""
        chatflow = make_chatflow(owner, category="a;b")
        key = make_key(
            owner,
            chatflowIds=[chatflow["id"]],
            permissions=["chatflows:view", "apikeys:view"],
            expiresIn="90d",
            note="for ACME",
        )
        assert [(c["id"], c["flowName"], c["category"]) for c in key["chatFlows"]] == [
            (chatflow["id"], "Echo", "a;b")
        ]
        assert key["permissions"] == ["apikeys:view", "chatflows:view"]
        left = datetime.fromisoformat(key["expiresAt"]) - datetime.fromisoformat(key["createdAt"])
        assert abs(left - timedelta(days=90)) < timedelta(minutes=1)
        assert key["note"] == "for ACME"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "keyName"),
            ({"keyName": "   "}, "keyName"),
            ({"keyName": "x" * 101}, "keyName"),
            ({"keyName": "a\x00b"}, "keyName"),
            ({"keyName": 5}, "keyName"),
            ({"keyName": None}, "keyName"),
            ({"keyName": "x", "permissions": ["apikeys:everything"]}, "permissions"),
            ({"keyName": "x", "permissions": "apikeys:view"}, "permissions"),
            ({"keyName": "x", "chatflowIds": [str(uuid.uuid4())]}, "chatflowIds"),
            ({"keyName": "x", "expiresAt": "soon"}, "expiresAt"),
            ({"keyName": "x", "expiresAt": "2001-01-01T00:00:00Z"}, "expiresAt"),
            ({"keyName": "x", "expiresAt": "2099-01-31T09:00:00"}, "expiresAt"),
            ({"keyName": "x", "expiresAt": "2099-W05"}, "expiresAt"),
            ({"keyName": "x", "expiresIn": "1 month"}, "expiresIn"),
            ({"keyName": "x", "expiresIn": "999999999w"}, "expiresAt"),
            ({"keyName": "x", "expiresIn": "1d", "expiresAt": "2099-01-01T00:00:00Z"}, "expiresIn"),
            ({"keyName": "x", "note": "n" * 2001}, "note"),
            ({"keyName": "x", "rateLimit": {"limit": 1}}, "rateLimit"),
            ({"keyName": "x", "quota": 5}, "quota"),
            ({"keyName": "x", "allowedIps": ["here"]}, "allowedIps"),
            ({"keyName": "x", "apiKey": "fl-own"}, "apiKey"),
        ],
    )
    def test_a_wrong_field_is_named(self, owner: Api, body: dict, field: str) -> None:
        """Each refusal is 422 and says which field; a limit is never stored unenforced."""
        assert field in _errors(owner.post("/apikey", json=body))

    def test_an_expiry_is_a_moment_or_the_end_of_a_day(self, owner: Api) -> None:
        """As the pages read a date: who is told "until the 31st" has all of that day."""
        for given, ends in (
            ("2099-01-31", "2099-01-31T23:59:59.999Z"),
            ("2099-01-31t09:00:00.5z", "2099-01-31T09:00:00.500Z"),
            ("2099-01-31T09:00:00-01:30", "2099-01-31T10:30:00.000Z"),
        ):
            made = owner.post("/apikey", json={"keyName": "x", "expiresAt": given})
            assert made.json()["expiresAt"] == ends

    def test_every_wrong_field_is_named_at_once(self, owner: Api) -> None:
        """Nobody has to find them one by one."""
        body = {"keyName": " ", "permissions": ["x"], "note": "n" * 3000}
        assert set(_errors(owner.post("/apikey", json=body))) == {"keyName", "permissions", "note"}

    @pytest.mark.parametrize("content", [b"", b"{", b"{'a': 1}", b"[1", b"\xff", b'{"keyName": NaN}'])
    def test_what_is_not_json_is_400(self, owner: Api, content: bytes) -> None:
        """And says so."""
        response = owner.post("/apikey", content=content, headers={"content-type": "application/json"})
        assert (response.status_code, response.json()["code"]) == (400, "invalid_json")

    def test_a_body_without_its_type_is_told_the_header(self, owner: Api) -> None:
        """What a curl user forgets first."""
        response = owner.post(
            "/apikey",
            content=b'{"keyName":"x"}',
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        assert response.status_code == 400
        assert "Content-Type: application/json" in response.json()["detail"]

    def test_names_may_repeat_and_hold_any_script(self, owner: Api) -> None:
        """Names are for people; ids are for programs."""
        for name in ("Ünïcode 客户", "<img src=x onerror=alert(1)>", "مفتاح", "👩‍💻", "Ünïcode 客户"):
            assert make_key(owner, name)["keyName"] == name


class TestList:
    """GET /apikey."""

    def test_pages_count_all_that_match(self, own: Running) -> None:
        """With page and limit: total and data; without: an array, the newest first."""
        owner = own.owner()
        for n in range(5):
            make_key(owner, f"Key {n}")
        page = owner.get("/apikey", params={"page": 2, "limit": 2}).json()
        assert page["total"] == 6
        assert [key["keyName"] for key in page["data"]] == ["Key 2", "Key 1"]
        assert [key["keyName"] for key in owner.get("/apikey").json()][:2] == ["Key 4", "Key 3"]
        beyond = owner.get("/apikey", params={"page": 99, "limit": 2}).json()
        assert beyond == {"total": 6, "data": []}

    def test_a_long_list_says_where_the_rest_is(self, own: Running) -> None:
        """`Link` leads through all keys, each once."""
        owner = own.owner()
        for n in range(6):
            make_key(owner, f"Key {n}")
        names: list[str] = []
        url = "/apikey?limit=3"
        while url:
            response = owner.get(url)
            names += [key["keyName"] for key in response.json()]
            url = response.links.get("next", {}).get("url", "").removeprefix("/api/v1")
        assert names == [f"Key {n}" for n in range(5, -1, -1)] + ["owner"]

    def test_search_status_chatflow_and_sort(self, own: Running) -> None:
        """Each filter narrows, each sort orders, revoked keys are left out unless asked for."""
        owner = own.owner()
        chatflow = make_chatflow(owner)
        alpha = bound_key(owner, chatflow, "Alpha backend")
        beta = make_key(owner, "beta backend", expiresIn="1h")
        gone = make_key(owner, "gone backend")
        owner.delete(f"/apikey/{gone['id']}")
        owner.post(f"/apikey/{beta['id']}/disable")

        def names(**params: object) -> list[str]:
            return [key["keyName"] for key in owner.get("/apikey", params=params).json()]

        assert names(search="BACKEND", sort="keyName") == ["Alpha backend", "beta backend"]
        assert names(search="BACKEND", sort="-keyName") == ["beta backend", "Alpha backend"]
        assert names(status="revoked") == ["gone backend"]
        assert names(status="disabled") == ["beta backend"]
        assert set(names(status="all")) == {"owner", "Alpha backend", "beta backend", "gone backend"}
        assert names(chatflowId=chatflow["id"]) == ["Alpha backend"]
        assert names(search=alpha["apiKey"][-4:]) == ["Alpha backend"]
        assert names(sort="expiresAt")[0] == "beta backend"
        assert names(search="no such key") == []

    @pytest.mark.parametrize(
        ("params", "field"),
        [({"sort": "apiKey"}, "sort"), ({"status": "gone"}, "status"), ({"page": 0}, "page"),
         ({"limit": 0}, "limit"), ({"limit": 1001}, "limit"), ({"search": "x" * 201}, "search")],
    )  # fmt: skip
    def test_a_wrong_parameter_is_named(self, owner: Api, params: dict, field: str) -> None:
        """As in a body."""
        assert field in _errors(owner.get("/apikey", params=params))


class TestUpdate:
    """PUT /apikey/:id, disable, enable, chatflows."""

    def test_only_what_is_sent_changes(self, owner: Api) -> None:
        """The rest stays, and the answer is the key, masked."""
        key = make_key(owner, "before", note="keep", permissions=["logs:view"])
        changed = owner.put(f"/apikey/{key['id']}", json={"keyName": "after"}).json()
        assert (changed["keyName"], changed["note"], changed["permissions"]) == (
            "after",
            "keep",
            ["logs:view"],
        )
        assert changed["apiKey"].endswith("•" + key["apiKey"][-4:])
        assert "apiSecret" not in changed

    def test_a_whole_key_can_be_put_back(self, server: Running, owner: Api) -> None:
        """With a name changed, and although it was used in between."""
        key = make_key(owner, permissions=["apikeys:view"], expiresIn="1d")
        whole = owner.get(f"/apikey/{key['id']}").json()
        server.api(key["apiKey"]).get("/apikey")
        server.store()
        response = owner.put(f"/apikey/{key['id']}", json={**whole, "keyName": "renamed"})
        assert response.status_code == 200, response.text
        assert response.json()["keyName"] == "renamed"
        assert response.json()["expiresAt"] == whole["expiresAt"]

    @pytest.mark.parametrize(
        ("member", "value"),
        [("id", "x"), ("apiKey", "fl-x"), ("status", "disabled"), ("workspaceId", "w"), ("createdAt", None),
         ("createdBy", {}), ("chatFlows", ["x"]), ("updatedDate", ""),
         ("lastUsedAt", "2099-01-01T00:00:00Z")],
    )  # fmt: skip
    def test_what_may_not_be_written_is_refused(self, owner: Api, member: str, value: object) -> None:
        """Unless it equals the current value."""
        key = make_key(owner)
        assert member in _errors(owner.put(f"/apikey/{key['id']}", json={member: value}))
        current = owner.get(f"/apikey/{key['id']}").json()
        assert current["keyName"] == key["keyName"]

    def test_expiry_can_be_moved_and_taken_away(self, owner: Api) -> None:
        """A key that expired can be brought back by whoever may."""
        key = make_key(owner, expiresIn="1h")
        soon = (datetime.now(UTC) + timedelta(days=3)).isoformat()
        moved = owner.put(f"/apikey/{key['id']}", json={"expiresAt": soon}).json()
        assert moved["expiresAt"][:19] == soon[:19]
        assert owner.put(f"/apikey/{key['id']}", json={"expiresAt": None}).json()["expiresAt"] is None

    def test_disabling_holds_until_enabling(self, server: Running, owner: Api) -> None:
        """At the very next call, both ways; repeating either changes nothing."""
        chatflow = make_chatflow(owner)
        key = bound_key(owner, chatflow)
        caller = server.api(key["apiKey"])

        def ask() -> tuple[int, str | None]:
            response = caller.post(f"/prediction/{chatflow['id']}", json={"question": "x"})
            return response.status_code, response.json().get("code")

        assert ask() == (200, None)
        for _ in range(2):
            assert owner.post(f"/apikey/{key['id']}/disable").json()["status"] == "disabled"
        assert ask() == (401, "disabled_key")
        for _ in range(2):
            assert owner.post(f"/apikey/{key['id']}/enable").json()["status"] == "active"
        assert ask() == (200, None)

    def test_the_set_of_chatflows_is_replaced(self, owner: Api) -> None:
        """PUT chatflows names all of them, and nothing else opens."""
        one, two, three = (make_chatflow(owner, name) for name in ("one", "two", "three"))
        key = bound_key(owner, one)
        put = owner.put(f"/apikey/{key['id']}/chatflows", json={"chatflowIds": [two["id"], three["id"]]})
        assert [c["flowName"] for c in put.json()["chatFlows"]] == ["two", "three"]
        assert owner.get(f"/chatflows/{one['id']}").json()["apiKeyIds"] == []

    def test_a_revoked_key_stays_revoked(self, owner: Api) -> None:
        """No update, no enabling; its name and history are still there."""
        key = make_key(owner, "gone")
        owner.delete(f"/apikey/{key['id']}")
        assert "status" in _errors(owner.put(f"/apikey/{key['id']}", json={"keyName": "back"}))
        assert "status" in _errors(owner.post(f"/apikey/{key['id']}/enable"))
        shown = owner.get(f"/apikey/{key['id']}").json()
        assert (shown["keyName"], shown["status"]) == ("gone", "revoked")

    @pytest.mark.parametrize("key_id", ["0f8fad5b-d9cb-469f-a165-70867728950e", "x", "%00", "..%2f"])
    def test_an_unknown_key_is_404(self, owner: Api, key_id: str) -> None:
        """On every call that names one."""
        calls = [
            owner.get(f"/apikey/{key_id}"),
            owner.put(f"/apikey/{key_id}", json={"keyName": "x"}),
            owner.delete(f"/apikey/{key_id}"),
            owner.post(f"/apikey/{key_id}/disable"),
            owner.post(f"/apikey/{key_id}/enable"),
            owner.put(f"/apikey/{key_id}/chatflows", json={"chatflowIds": []}),
        ]
        assert {response.status_code for response in calls} == {404}
        assert {response.json()["code"] for response in calls} == {"not_found"}


class TestVerify:
    """POST /apikey/verify."""

    def test_a_caller_may_ask_about_itself(self, server: Running, owner: Api) -> None:
        """Without a token in the body; a refusal is the call's own."""
        chatflow = make_chatflow(owner)
        key = bound_key(owner, chatflow)
        caller = server.api(key["apiKey"])
        own = caller.post("/apikey/verify", json={"chatflowId": chatflow["id"]})
        assert own.json() == {
            "valid": True,
            "code": "valid",
            "id": key["id"],
            "keyName": "caller",
            "workspaceId": key["workspaceId"],
            "permissions": [],
            "chatflowIds": [chatflow["id"]],
            "expiresAt": None,
            "tokenValidUntil": None,
            "allowedIps": [],
            "tokenReplacedAt": None,
            "policyAllowedIps": [],
            "customer": None,
            "position": own.json()["position"],
        }
        owner.put(f"/apikey/{key['id']}", json={"note": "changed"})
        again = caller.post("/apikey/verify", json={"chatflowId": chatflow["id"]})
        assert 0 < own.json()["position"] < again.json()["position"], "of the feed of changes"
        other = caller.post("/apikey/verify", json={"permission": "apikeys:view"})
        assert (other.status_code, other.json()["code"]) == (403, "permission_missing")
        assert caller.post("/apikey/verify", json={"token": key["apiKey"]}).status_code == 403

    def test_a_batch_answers_in_its_order(self, owner: Api) -> None:
        """Always 200, each token with its reason."""
        good, off, gone = (make_key(owner, name) for name in ("good", "off", "gone"))
        owner.post(f"/apikey/{off['id']}/disable")
        owner.delete(f"/apikey/{gone['id']}")
        tokens = [good["apiKey"], off["apiKey"], "nonsense", gone["apiKey"], ""]
        response = owner.post("/apikey/verify", json={"tokens": tokens})
        assert response.status_code == 200
        codes = [item["code"] for item in response.json()["results"]]
        assert codes == ["valid", "disabled_key", "unknown_key", "revoked_key", "unknown_key"]

    def test_a_key_of_another_workspace_is_unknown(self, server: Running, owner: Api) -> None:
        """And asking does not count as use of it."""
        foreign = server.key("foreign", workspace="verify-elsewhere")
        answer = owner.post("/apikey/verify", json={"token": foreign["apiKey"]}).json()
        assert answer == {
            "valid": False,
            "code": "unknown_key",
            "detail": "This is not a key that works here.",
        }

    def test_at_most_a_hundred(self, owner: Api) -> None:
        """And token and tokens exclude each other; permissions are from the closed list."""
        most = owner.post("/apikey/verify", json={"tokens": ["x"] * 100})
        assert len(most.json()["results"]) == 100
        assert "tokens" in _errors(owner.post("/apikey/verify", json={"tokens": ["x"] * 101}))
        assert "tokens" in _errors(owner.post("/apikey/verify", json={"token": "x", "tokens": ["x"]}))
        assert "permission" in _errors(owner.post("/apikey/verify", json={"token": "x", "permission": "y"}))
