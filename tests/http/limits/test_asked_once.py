"""Where several processes count, a call asks once for all that applies, and is answered where it came."""

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from flowkeys.limits.shared.connection import Connection
from flowkeys.web.hot.protocol import HotProtocol
from tests.conformance import raw, ways
from tests.support.flows import bound_key, make_chatflow, make_customer, make_key
from tests.support.server import Api, Running
from tests.support.valkey import ValkeyServer
from tests.support.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.parametrize("server", ["valkey"], indirect=True)

LIMITS = [{"limit": 1000, "windowSeconds": 60}, {"limit": 5000, "windowSeconds": 86_400}]
QUOTAS = [{"calls": 1000, "period": "month"}]
ASK = {"question": "Hello"}
Ask = Callable[[], raw.Answer]


@pytest.fixture
def asked(server: Running, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What Valkey is asked."""
    found: list[bytes] = []
    send = Connection.send

    def noted(self: Connection, command: bytes, told: Any) -> None:
        found.append(command)
        send(self, command, told)

    monkeypatch.setattr(Connection, "send", noted)
    return found


@pytest.fixture
def handed_on(server: Running, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The targets of calls that uvicorn was given, for the framework."""
    found: list[bytes] = []
    start = HotProtocol._start

    def noted(self: HotProtocol, grant: Any) -> None:
        found.append(self._target)
        start(self, grant)

    monkeypatch.setattr(HotProtocol, "_start", noted)
    return found


def _doors(server: Running, owner: Api, chatflow_id: str, token: str) -> dict[str, Ask]:
    """Return every way to call that takes of limits and is answered inside the connection."""
    bearer, path = ways.bearer(token), f"/api/v1/prediction/{chatflow_id}"
    about = {"token": token, "chatflowId": chatflow_id, "count": True}
    verify = "/api/v1/apikey/verify"
    assert owner.token is not None
    return {
        "forward-auth": lambda: raw.send(
            server.url, "GET", f"/api/v1/auth/verify/chatflow/{chatflow_id}", bearer
        ),
        "of oneself": lambda: raw.send(server.url, "POST", verify, bearer, json_body={"count": True}),
        "of another": lambda: raw.send(
            server.url, "POST", verify, ways.bearer(owner.token or ""), json_body=about
        ),
        "prediction": lambda: raw.send(server.url, "POST", path, bearer, json_body=ASK),
    }


@pytest.mark.parametrize("metered", [False, True], ids=["limits", "limits and quotas"])
def test_a_call_asks_once(
    server: Running, owner: Api, asked: list[bytes], handed_on: list[bytes], metered: bool
) -> None:
    """Whatever the door, the key's limits, its quota and its customer's: one question, and no framework."""
    chatflow = make_chatflow(owner)
    customer = make_customer(owner, quotas=QUOTAS, rateLimits=LIMITS[:1])
    more = {"quotas": QUOTAS, "customerId": customer["id"]} if metered else {}
    key = bound_key(owner, chatflow, rateLimits=LIMITS, **more)
    doors = _doors(server, owner, chatflow["id"], key["apiKey"])
    for call in doors.values():  # all is loaded now
        assert call().status == 200
    handed_on.clear()
    for name, call in doors.items():
        asked.clear()
        answer = call()
        assert answer.status == 200, (name, answer.body)
        assert len(asked) == 1, name
        assert asked[0].startswith(b"*"), "as it is written (RESP)"
        if name == "of another":
            assert json.loads(answer.body)["limitsLeft"]
        assert answer.header("ratelimit"), name
    assert handed_on == []


@pytest.mark.of_one_process("what one process asks of Valkey is counted")
def test_who_has_to_wait_is_told_so_there(
    server: Running, owner: Api, asked: list[bytes], handed_on: list[bytes]
) -> None:
    """A refusal takes nothing: no quota when a limit refuses, and of no limit when a quota does."""
    chatflow = make_chatflow(owner)
    slow = [{"limit": 4, "windowSeconds": 86_400}]
    limited = bound_key(owner, chatflow, rateLimits=slow, quotas=QUOTAS)
    spent = bound_key(owner, chatflow, rateLimits=LIMITS, quotas=[{"calls": 4, "period": "month"}])
    for key, code in ((limited, "rate_limited"), (spent, "quota_exceeded")):
        doors = _doors(server, owner, chatflow["id"], key["apiKey"])
        assert [call().status for call in doors.values()] == [200] * 4
        before = owner.get(f"/apikey/{key['id']}").json()
        handed_on.clear()
        for name, call in doors.items():
            asked.clear()
            answer = call()
            if name == "of another":
                assert (answer.status, json.loads(answer.body)["code"]) == (200, code)
            else:
                assert (answer.status, answer.code) == (429, code), name
                assert answer.header("retry-after"), name
            assert len(asked) == 1, name
        assert handed_on == []
        after = owner.get(f"/apikey/{key['id']}").json()
        assert after["quotas"][0]["used"] == before["quotas"][0]["used"] == 4
        left = {rate["name"]: rate["remaining"] for rate in _limits_left(owner, key)}
        assert left["day"] == (0 if key is limited else 5000 - 4)


def _limits_left(owner: Api, key: dict[str, Any]) -> Any:
    answer = owner.post("/apikey/verify", json={"token": key["apiKey"], "count": True})
    return answer.json()["limitsLeft"]


def test_scripts_that_it_forgot_fail_no_call(
    server: Running, owner: Api, valkey_server: ValkeyServer
) -> None:
    """What was asked in vain is decided by the way that awaits, and counted once."""
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow, rateLimits=LIMITS, quotas=QUOTAS)
    doors = _doors(server, owner, chatflow["id"], key["apiKey"])
    for call in doors.values():
        assert call().status == 200
    for name, call in doors.items():
        with valkey_server.client() as client:
            client.script_flush()
        assert call().status == 200, name
    server.agree()
    assert owner.get(f"/apikey/{key['id']}").json()["quotas"][0]["used"] == 2 * len(doors)


@pytest.mark.of_one_process("what others have not stored is lost with what Valkey loses")
def test_what_valkey_lost_is_loaded_by_a_call_of_any_door(
    server: Running, owner: Api, valkey_server: ValkeyServer
) -> None:
    """After its entries are gone the next call counts on from what is known."""
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow, rateLimits=LIMITS, quotas=QUOTAS)
    doors = _doors(server, owner, chatflow["id"], key["apiKey"])
    for call in doors.values():
        assert call().status == 200
    for name, call in doors.items():
        with valkey_server.client() as client:
            client.delete(f"{{flowkeys}}:used:key:{key['id']}")
        assert call().status == 200, name
    assert owner.get(f"/apikey/{key['id']}").json()["quotas"][0]["used"] == 2 * len(doors)


def test_calls_behind_one_that_waits_are_answered_in_their_order(
    server: Running, owner: Api, valkey_server: ValkeyServer
) -> None:
    """Two predictions, a verification and a plain check in one segment, while Valkey takes its time."""
    chatflow = make_chatflow(owner)
    limited = bound_key(owner, chatflow, rateLimits=LIMITS, quotas=QUOTAS)["apiKey"]
    free = make_key(owner)["apiKey"]
    for call in _doors(server, owner, chatflow["id"], limited).values():
        assert call().status == 200
    ask = [
        _written("POST", f"/api/v1/prediction/{chatflow['id']}", limited, {"question": f"number {n}"})
        for n in range(2)
    ]
    ask.append(_written("POST", "/api/v1/apikey/verify", limited, {"count": True}))
    ask.append(_written("GET", "/api/v1/auth/verify", free, None))
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS) as connection:
        connection.settimeout(PATIENCE_SECONDS)
        valkey_server.pause()
        try:
            connection.sendall(b"".join(ask))
            server.take_up()
        finally:
            valkey_server.go_on()
        answered = b""
        while answered.count(b"HTTP/1.1 ") < len(ask) or not answered.endswith(b"\r\n\r\n"):
            answered += connection.recv(65_536)
    parts = answered.split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert len(parts) == len(ask)
    assert [part.count(b"number %d" % n) > 0 for n, part in enumerate(parts[:2])] == [True, True]
    assert b"limitsLeft" in parts[2]
    assert b"ratelimit" not in parts[3].lower()


def test_a_client_that_leaves_while_it_is_counted_runs_nothing(
    server: Running, owner: Api, valkey_server: ValkeyServer
) -> None:
    """The call counts; nothing of it is stored."""
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow, quotas=QUOTAS)
    for call in _doors(server, owner, chatflow["id"], key["apiKey"]).values():
        assert call().status == 200
    path = f"/api/v1/prediction/{chatflow['id']}"
    messages = f"/chatmessage/{chatflow['id']}"
    before = len(owner.get(messages).json())
    valkey_server.pause()
    try:
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS) as connection:
            connection.sendall(_written("POST", path, key["apiKey"], ASK))
            server.take_up()
        until(lambda: not _open_to(server), "the end of the connection to be read")
    finally:
        valkey_server.go_on()
    until(lambda: _used(owner, key) == 5, "the call to be counted")
    assert len(owner.get(messages).json()) == before


def _open_to(server: Running) -> bool:
    return any(
        getattr(connection, "_running", None) is not None
        and not connection._running.response_complete
        and not connection._running.disconnected
        for connection in list(server.server.server_state.connections)
    )


def _used(owner: Api, key: dict[str, Any]) -> int:
    used: int = owner.get(f"/apikey/{key['id']}").json()["quotas"][0]["used"]
    return used


def _written(method: str, target: str, token: str, body: Any) -> bytes:
    text = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n"
    return head.encode() + b"\r\n" + text
