"""``POST /apikey/explain``."""

from typing import Any

import pytest

from flowkeys.domain.keys.token import Token
from tests.support.flows import bound_key, make_chatflow, make_customer, make_key
from tests.support.server import Api, Running

STEPS = [
    "form",
    "known",
    "status",
    "expiry",
    "customer",
    "network",
    "chatflow",
    "permission",
    "limit",
    "quota",
]


def _explained(owner: Api, **body: Any) -> dict[str, Any]:
    answer = owner.post("/apikey/explain", json=body)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    assert [step["step"] for step in said["steps"]] == STEPS
    assert body["token"] not in answer.text or body["token"] == ""
    return said


def _oks(said: dict[str, Any]) -> list[bool | None]:
    return [step["ok"] for step in said["steps"]]


def _expire(server: Running, key_id: str) -> None:
    """Let a key's time be over, as nobody can over HTTP."""
    server.by_hand("UPDATE api_key SET expires_at = 1 WHERE id = ?", key_id)


@pytest.fixture
def owner(server: Running) -> Api:
    """Who may do everything."""
    return server.owner()


def test_a_good_key_passes_every_step(server: Running, owner: Api) -> None:
    """Bound to the chatflow, and with the permission that is asked for."""
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow)
    owner.put(f"/apikey/{key['id']}", json={"permissions": ["chatflows:view"]})
    said = _explained(owner, token=key["apiKey"], chatflowId=chatflow["id"], permission="chatflows:view")
    assert (said["valid"], said["code"], said["id"]) == (True, "valid", key["id"])
    assert said["apiKey"].endswith(f"••{key['apiKey'][-4:]}")
    assert _oks(said) == [True] * len(STEPS)


def test_each_way_to_be_refused_is_the_step_that_fails(server: Running, owner: Api) -> None:
    """The code is verify's, and steps behind it are not looked at."""
    chatflow = make_chatflow(owner)
    made = owner.post("/apikey", json={"keyName": "k", "permissions": ["apikeys:view"]}).json()
    token, path = made["apiKey"], f"/apikey/{made['id']}"
    bound = make_key(owner, allowedIps=["10.0.0.0/8"])["apiKey"]
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    cases = [
        ({"token": wrong}, "unknown_key", 0),
        ({"token": ""}, "unknown_key", 0),
        ({"token": "Ünïcode"}, "unknown_key", 0),
        ({"token": server.key(workspace="elsewhere")["apiKey"]}, "unknown_key", 1),
        ({"token": token, "chatflowId": chatflow["id"]}, "chatflow_not_allowed", 6),
        ({"token": token, "chatflowId": "nowhere"}, "chatflow_not_allowed", 6),
        ({"token": token, "permission": "chatflows:view"}, "permission_missing", 7),
        ({"token": bound, "chatflowId": chatflow["id"]}, "ip_not_allowed", 5),
        ({"token": bound, "address": "192.0.2.1"}, "ip_not_allowed", 5),
        ({"token": bound, "address": "10.1.2.3", "chatflowId": "nowhere"}, "chatflow_not_allowed", 6),
    ]
    for body, code, failed in cases:
        said = _explained(owner, **body)
        assert (said["valid"], said["code"]) == (False, code)
        assert _oks(said) == [True] * failed + [False] + [None] * (len(STEPS) - 1 - failed)
        assert owner.post("/apikey/verify", json=body).json()["code"] == code
    _expire(server, made["id"])
    expired = _explained(owner, token=token, permission="chatflows:view")
    assert (expired["code"], _oks(expired)) == ("expired_key", [True] * 3 + [False] + [None] * 6)
    owner.post(f"{path}/disable")
    assert _explained(owner, token=token)["code"] == "disabled_key"
    owner.delete(path)
    revoked = _explained(owner, token=token)
    assert (revoked["code"], _oks(revoked)) == ("revoked_key", [True] * 2 + [False] + [None] * 7)


def test_what_is_left_of_rate_limits_is_a_step(server: Running, owner: Api) -> None:
    """Of the key, its customer and the chatflow; when nothing is left it is what refuses the call."""
    once = [{"limit": 1, "windowSeconds": 86_400}]
    chatflow = make_chatflow(owner, rateLimits=[{"limit": 9, "windowSeconds": 60}])
    customer = make_customer(owner, rateLimits=once)["id"]
    key = bound_key(owner, chatflow, customerId=customer, rateLimits=[{"limit": 5, "windowSeconds": 3600}])
    body = {"token": key["apiKey"], "chatflowId": chatflow["id"]}

    def step() -> tuple[bool, str]:
        said = _explained(owner, **body)
        (found,) = [each for each in said["steps"] if each["step"] == "limit"]
        assert said["code"] == ("valid" if found["ok"] else "rate_limited")
        return found["ok"], found["detail"]

    for _ in range(2):  # asking takes nothing
        left = "5/hour: 5 of 5; of its customer 1/day: 1 of 1; of the chatflow 9/minute: 9 of 9"
        assert step() == (True, f"What is left: {left}.")
    assert server.api(key["apiKey"]).get(f"/auth/verify/chatflow/{chatflow['id']}").status_code == 200
    ok, detail = step()
    assert not ok
    assert detail.startswith("What is left: 5/hour: 4 of 5; of its customer 1/day: none for 86")
    free = _explained(owner, token=make_key(owner)["apiKey"])
    assert free["steps"][8]["detail"] == "No rate limit applies to the call."


def test_a_public_chatflow_is_open_to_keys_of_its_workspace(server: Running, owner: Api) -> None:
    """As verify says, and the step says why."""
    chatflow = make_chatflow(owner, isPublic=True)
    body = {"token": server.key()["apiKey"], "chatflowId": chatflow["id"]}
    said = _explained(owner, **body)
    assert owner.post("/apikey/verify", json=body).json()["valid"] is said["valid"] is True
    assert "public" in said["steps"][6]["detail"]
    elsewhere = {**body, "token": server.key(workspace="elsewhere")["apiKey"]}
    assert _explained(server.owner("elsewhere"), **elsewhere)["code"] == "chatflow_not_allowed"


def test_a_key_of_another_workspace_reads_as_one_that_there_is_not(server: Running, owner: Api) -> None:
    """But for its last characters, which the caller sent, the answers are the same."""
    foreign = server.key(workspace="elsewhere")["apiKey"]
    answers = [
        {**_explained(owner, token=token), "apiKey": None} for token in (foreign, Token.mint().reveal())
    ]
    assert answers[0] == answers[1]
    assert "id" not in answers[0]


def test_explaining_counts_as_no_use(server: Running, owner: Api) -> None:
    """Whoever looks whether a key is still in use must not be what uses it."""
    key = server.key()
    _explained(owner, token=key["apiKey"])
    server.store()
    assert owner.get(f"/apikey/{key['id']}").json()["lastUsedAt"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "token"),
        ({"token": None}, "token"),
        ({"token": "fl-", "permission": "no:such"}, "permission"),
        ({"token": "fl-", "tokens": []}, "tokens"),
        ({"token": "x" * 1025}, "token"),
        ({"token": "fl-", "chatflowId": None}, "chatflowId"),
        ({"token": "fl-", "address": "here"}, "address"),
        ({"token": "fl-", "address": None}, "address"),
    ],
)
def test_a_wrong_question_is_refused(owner: Api, body: dict[str, Any], field: str) -> None:
    """422, naming the member."""
    answer = owner.post("/apikey/explain", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_it_needs_the_permission_to_view_keys(server: Running) -> None:
    """To ask about itself, too: verify answers that."""
    key = server.key(permissions=("chatflows:view",))
    answer = server.api(key["apiKey"]).post("/apikey/explain", json={"token": key["apiKey"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_missing")
