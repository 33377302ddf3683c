"""`client.keys`."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import msgspec
import pytest

import flowkeys
from flowkeys.web.schemas.keys import VerifiedOut
from tests.client.conftest import TOKEN, Sdk
from tests.client.scripted import Scripted

MASKED = "fl-••••••••••••••••••a1B2"
KEY = {
    "id": "k1",
    "keyName": "Backend",
    "apiKey": MASKED,
    "status": "active",
    "permissions": ["chatflows:view"],
    "chatFlows": [
        {"id": "c1", "flowName": "Docs", "category": None, "updatedDate": "2026-01-02T03:04:05.000Z"}
    ],
    "expiresAt": "2027-01-01T00:00:00.000Z",
    "createdBy": {"type": "person", "id": "p1", "name": "Ada"},
    "aMemberOfTheFuture": {"x": [1]},
}


def numbered(*numbers: int) -> list[dict[str, Any]]:
    """Return keys with these numbers in their ids."""
    return [KEY | {"id": f"k{n}"} for n in numbers]


class TestCreate:
    async def test_a_name_alone_is_enough(self, sdk: Sdk, server: Scripted) -> None:
        """Only what is given is sent, so that the server's defaults hold."""
        server.answers(KEY | {"apiKey": TOKEN}, status=201)
        created = await sdk(lambda c: c.keys.create("Backend"))
        assert created.token == TOKEN
        (request,) = server.requests
        assert (request.method, request.path) == ("POST", "/api/v1/apikey")
        assert request.json == {"keyName": "Backend"}
        assert request.headers["authorization"] == f"Bearer {TOKEN}"

    async def test_everything_that_can_be_said_is_said_in_the_wire_s_words(
        self, sdk: Sdk, server: Scripted
    ) -> None:
        """Python's values become the contract's: times with Z, durations in seconds, objects by their id."""
        server.answers(KEY | {"apiKey": TOKEN}, status=201)
        await sdk(
            lambda c: c.keys.create(
                "Backend",
                chatflow_ids=["c1", flowkeys.Chatflow(id="c2", name="Docs")],
                permissions={"chatflows:view"},
                expires_at=datetime(2027, 1, 1, tzinfo=UTC),
                expires_in=timedelta(days=2),
                note=None,
            )
        )
        assert server.requests[0].json == {
            "keyName": "Backend",
            "chatflowIds": ["c1", "c2"],
            "permissions": ["chatflows:view"],
            "expiresAt": "2027-01-01T00:00:00Z",
            "expiresIn": "172800s",
            "note": None,
        }

    async def test_a_time_without_a_zone_is_refused(self, sdk: Sdk, server: Scripted) -> None:
        """It could mean two moments, so nothing is sent."""
        with pytest.raises(ValueError, match="time zone"):
            await sdk(lambda c: c.keys.create("x", expires_at=datetime(2027, 1, 1)))  # noqa: DTZ001
        assert server.requests == []

    async def test_a_date_is_sent_as_a_date(self, sdk: Sdk, server: Scripted) -> None:
        """The server reads it as the end of that day, as it does everybody's."""
        server.answers({}, status=500)
        with pytest.raises(flowkeys.ServerError):
            await sdk(lambda c: c.keys.update("k1", expires_at=date(2027, 1, 31)), max_retries=0)
        assert server.requests[0].json == {"expiresAt": "2027-01-31"}


class TestList:
    async def test_the_parts_of_a_long_list_come_as_one(self, sdk: Sdk, server: Scripted) -> None:
        """The Link header is followed to the end, with the query that it names."""
        link = '</api/v1/apikey?status=all&before=k2>; rel="next"'
        server.answers(numbered(1, 2), headers={"link": link})
        server.answers(numbered(3))
        keys = await sdk(lambda c: c.keys.list(status="all", search="a b", chatflow_id="c1"))
        assert [key.id for key in keys] == ["k1", "k2", "k3"]
        assert server.requests[0].query == {"status": "all", "search": "a b", "chatflowId": "c1"}
        assert server.requests[1].query == {"status": "all", "before": "k2"}

    async def test_a_link_to_another_host_gets_no_key(self, sdk: Sdk, server: Scripted) -> None:
        """Only the query of a link is used: the next part is asked of the same server."""
        server.answers(numbered(1), headers={"link": '<http://203.0.113.9/steal?before=k1>; rel="next"'})
        server.answers([])
        assert len(await sdk(lambda c: c.keys.list())) == 1
        assert server.requests[1].path == "/api/v1/apikey"

    async def test_a_list_that_goes_in_circles_is_an_error(self, sdk: Sdk, server: Scripted) -> None:
        """A server that names the same part again does not hold its caller for ever."""
        for _ in range(2):
            server.answers(numbered(1), headers={"link": '<?before=k1>; rel="next"'})
        with pytest.raises(flowkeys.UnexpectedAnswer, match="same part"):
            await sdk(lambda c: c.keys.list())

    def test_nothing_more_is_asked_for_than_is_read(self, server: Scripted) -> None:
        """A list is fetched part by part, as it is read."""
        server.answers(numbered(1, 2), headers={"link": '<?before=k2>; rel="next"'})
        with flowkeys.Client(server.url) as client:
            assert [key.id for key in islice(client.keys.list(), 2)] == ["k1", "k2"]
        assert len(server.requests) == 1

    async def test_a_key_says_who_used_it_last(self, sdk: Sdk, server: Scripted) -> None:
        """Where from and by what; an older server says nothing of it."""
        at = {"lastUsedAt": "2026-01-01T00:00:00.000Z"}
        server.answers(numbered(1)[0] | at | {"lastAddress": "10.2.0.7", "lastUserAgent": "curl/8"})
        server.answers(numbered(1)[0] | at)
        key, older = [await sdk(lambda c: c.keys.get("k1")) for _ in range(2)]
        assert (key.last_address, key.last_user_agent) == ("10.2.0.7", "curl/8")
        assert (older.last_address, older.last_user_agent) == (None, None)

    async def test_a_page_knows_how_many_match(self, sdk: Sdk, server: Scripted) -> None:
        """`page` passes every filter on and returns the total beside the data."""
        server.answers({"total": 41, "data": numbered(1)})
        page = await sdk(lambda c: c.keys.page(created_by="p1", sort="-lastUsedAt", page=3, limit=20))
        assert (page.total, page.data[0].key_name) == (41, "Backend")
        assert server.requests[0].query == {
            "createdBy": "p1", "sort": "-lastUsedAt", "page": "3", "limit": "20",
        }  # fmt: skip


class TestOne:
    async def test_a_key_has_python_s_names_and_types(self, sdk: Sdk, server: Scripted) -> None:
        """Times are aware, nested values typed, and members that are not known yet do no harm."""
        server.answers(KEY)
        key = await sdk(lambda c: c.keys.get("k1"))
        assert key.expires_at == datetime(2027, 1, 1, tzinfo=UTC)
        assert key.chatflows[0].flow_name == "Docs"
        assert key.created_by.name == "Ada"
        assert key.api_key == MASKED

    async def test_an_update_tells_null_from_not_given(self, sdk: Sdk, server: Scripted) -> None:
        """``expires_at=None`` removes the expiry; what is left out is not sent."""
        server.answers(KEY)
        await sdk(lambda c: c.keys.update("k1", expires_at=None))
        assert (server.requests[0].method, server.requests[0].json) == ("PUT", {"expiresAt": None})

    @pytest.mark.parametrize("verb", ["disable", "enable"])
    async def test_a_key_can_be_switched_off_and_on(self, sdk: Sdk, server: Scripted, verb: str) -> None:
        """The verb is the last part of the path, and a `Key` stands for its id."""
        server.answers(KEY)
        server.answers(KEY)
        key = await sdk(lambda c: c.keys.get("k1"))
        await sdk(lambda c: getattr(c.keys, verb)(key))
        assert (server.requests[1].method, server.requests[1].path) == ("POST", f"/api/v1/apikey/k1/{verb}")

    async def test_revoking_tells_whether_it_changed_anything(self, sdk: Sdk, server: Scripted) -> None:
        """True the first time, False when the key was revoked already."""
        server.answers({"raw": [], "affected": 1})
        server.answers({"raw": [], "affected": 0})
        assert [await sdk(lambda c: c.keys.revoke("k1")) for _ in range(2)] == [True, False]
        assert server.requests[0].method == "DELETE"

    @pytest.mark.parametrize("action", ["disable", "enable", "revoke"])
    async def test_many_keys_are_changed_in_one_call(self, sdk: Sdk, server: Scripted, action: str) -> None:
        """Keys and ids may be mixed; the answer says how many were changed, and which stay revoked."""
        server.answers(KEY)
        server.answers({"affected": 1, "unchanged": 0, "skipped": ["k2"]})
        key = await sdk(lambda c: c.keys.get("k1"))
        result = await sdk(lambda c: getattr(c.keys, f"{action}_many")([key, "k2"]))
        assert result == flowkeys.BulkResult(affected=1, unchanged=0, skipped=["k2"])
        request = server.requests[1]
        assert (request.method, request.path) == ("POST", f"/api/v1/apikey/bulk/{action}")
        assert request.json == {"ids": ["k1", "k2"]}

    async def test_the_whole_set_of_chatflows_is_written_at_once(self, sdk: Sdk, server: Scripted) -> None:
        """`set_chatflows` replaces the set; an empty one takes everything away."""
        server.answers(KEY)
        await sdk(lambda c: c.keys.set_chatflows("k1", []))
        (request,) = server.requests
        assert (request.path, request.json) == ("/api/v1/apikey/k1/chatflows", {"chatflowIds": []})

    @pytest.mark.parametrize("wrong", ["", ".", ".."])
    async def test_an_empty_id_is_refused(self, sdk: Sdk, server: Scripted, wrong: str) -> None:
        """Deleting the key with no id must not become a call about all keys."""
        with pytest.raises(ValueError, match="empty"):
            await sdk(lambda c: c.keys.revoke(wrong))
        assert server.requests == []

    async def test_an_id_cannot_leave_its_place_in_the_path(self, sdk: Sdk, server: Scripted) -> None:
        """Slashes and question marks in an id are quoted."""
        server.answers(KEY)
        await sdk(lambda c: c.keys.get("a/../b?c#d"))
        assert server.requests[0].path == "/api/v1/apikey/a%2F..%2Fb%3Fc%23d"


class TestVerify:
    async def test_a_refused_token_is_a_false_value(self, sdk: Sdk, server: Scripted) -> None:
        """``if client.keys.verify(token)`` lets nobody in who is refused."""
        server.answers({"valid": False, "code": "expired_key", "detail": "…", "permissions": None})
        found = await sdk(lambda c: c.keys.verify(TOKEN, chatflow_id="c1", permission="chatflows:view"))
        assert not found
        assert found.code == "expired_key"
        assert server.requests[0].json == {
            "token": TOKEN, "chatflowId": "c1", "permission": "chatflows:view",
        }  # fmt: skip

    async def test_without_a_token_the_client_asks_about_itself(self, sdk: Sdk, server: Scripted) -> None:
        """The body names no token; the header says who asks."""
        server.answers({"valid": True, "id": "k1", "keyName": "Backend", "chatflowIds": ["c1"]})
        found = await sdk(lambda c: c.keys.verify())
        assert found
        assert found.chatflow_ids == ["c1"]
        assert server.requests[0].json == {}

    async def test_every_member_of_the_answer_has_its_name(self, sdk: Sdk, server: Scripted) -> None:
        """Whoever keeps the answer knows how long the token is good, and which changes it knows of."""
        said = dict.fromkeys(VerifiedOut.model_json_schema()["properties"])
        server.answers(
            said | {"valid": True, "tokenValidUntil": "2027-01-01T00:00:00.000Z", "position": 1042}
        )
        found = await sdk(lambda c: c.keys.verify())
        assert (found.token_valid_until, found.position) == (datetime(2027, 1, 1, tzinfo=UTC), 1042)
        assert {field.encode_name for field in msgspec.structs.fields(found)} == set(said)

    async def test_many_are_answered_in_order(self, sdk: Sdk, server: Scripted) -> None:
        """One call, one answer for each token."""
        server.answers({"results": [{"valid": True}, {"valid": False, "code": "unknown_key"}]})
        found = await sdk(lambda c: c.keys.verify_many([TOKEN, "fl-no"]))
        assert [bool(one) for one in found] == [True, False]
        assert server.requests[0].json == {"tokens": [TOKEN, "fl-no"]}

    async def test_a_new_key_s_token_can_be_verified_at_once(self, sdk: Sdk, server: Scripted) -> None:
        """What `create` returned goes into `verify` as it is."""
        server.answers(KEY | {"apiKey": TOKEN}, status=201)
        server.answers({"valid": True})
        created = await sdk(lambda c: c.keys.create("Backend"))
        assert await sdk(lambda c: c.keys.verify(created.api_key))
        assert server.requests[1].json == {"token": TOKEN}


class TestExplain:
    async def test_the_steps_are_in_their_order(self, sdk: Sdk, server: Scripted) -> None:
        """A refused token is a false value; what was not looked at is neither right nor wrong."""
        steps = [("form", True), ("known", False), ("status", None)]
        said = [{"step": name, "ok": ok, "detail": "…"} for name, ok in steps]
        server.answers({"valid": False, "code": "unknown_key", "apiKey": "fl-•", "steps": said})
        found = await sdk(lambda c: c.keys.explain(TOKEN, chatflow_id="c1", permission="chatflows:view"))
        assert not found
        assert [(step.step, step.ok) for step in found.steps] == steps
        assert (server.requests[0].path, server.requests[0].json) == (
            "/api/v1/apikey/explain",
            {"token": TOKEN, "chatflowId": "c1", "permission": "chatflows:view"},
        )


class TestPolicy:
    async def test_only_what_is_given_is_sent(self, sdk: Sdk, server: Scripted) -> None:
        """None takes a part away; what is left out stays."""
        server.answers({"maxLifetimeDays": 90, "expiryRequired": True, "allowedIps": ["10.0.0.0/8"]})
        changed = await sdk(lambda c: c.policy.update(max_lifetime_days=90, rotate_after_days=None))
        assert (changed.max_lifetime_days, changed.expiry_required) == (90, True)
        assert [*changed.allowed_ips] == ["10.0.0.0/8"]
        (request,) = server.requests
        assert (request.method, request.path) == ("PUT", "/api/v1/policy")
        assert request.json == {"maxLifetimeDays": 90, "rotateAfterDays": None}

    async def test_keys_that_break_it_come_with_what_to_do(self, sdk: Sdk, server: Scripted) -> None:
        """Each with its breaches."""
        breach = {"policy": "expiryRequired", "field": "expiresAt", "message": "m", "action": "update"}
        server.answers({"total": 1, "data": [{"key": KEY, "breaches": [breach]}], "people": []})
        found = await sdk(lambda c: c.policy.check())
        assert (found.total, found.data[0].key.id) == (1, "k1")
        assert found.data[0].breaches[0].action == "update"

    async def test_networks_and_keys_that_end_soon(self, sdk: Sdk, server: Scripted) -> None:
        """In the wire's words; None lets calls come from anywhere."""
        server.answers(KEY)
        await sdk(lambda c: c.keys.update("k1", allowed_ips=None))
        server.answers({"total": 0, "data": []})
        await sdk(lambda c: c.keys.page(expires_within=timedelta(days=14)))
        updated, listed = server.requests
        assert updated.json == {"allowedIps": []}
        assert listed.query["expiresWithin"] == "1209600s"
