"""Which calls of ``POST /apikey/verify`` count as use, on every way; limits let in no call too many."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from tests.conformance import raw
from tests.support.flows import bound_key, make_chatflow, make_customer, make_key
from tests.support.server import Api, Running
from tests.verification.wire import Wire, get, post

VIEW: Final = ["apikeys:view"]
# What the caller holds, what it sends, and whether that was a use of the caller's key and of the other one.
CALLS: Final[list[tuple[list[str], Any, bool, bool]]] = [
    ([], {}, True, False),
    ([], {"chatflowId": "<public>"}, True, False),
    ([], {"chatflowId": "<closed>"}, False, False),
    ([], {"permission": "apikeys:view"}, False, False),
    ([], {"permission": "nonsense"}, False, False),
    ([], {"unknown": 1}, False, False),
    ([], [], False, False),
    ([], {"token": "<other>"}, False, False),
    ([], {"tokens": ["<other>"]}, False, False),
    (VIEW, {"permission": "apikeys:view"}, True, False),
    (VIEW, {"token": "<other>"}, True, True),
    (VIEW, {"token": "<other>", "chatflowId": "<closed>"}, True, False),
    (VIEW, {"token": "<other>", "permission": "apikeys:view"}, True, False),
    (VIEW, {"token": "<other>", "permission": "nonsense"}, False, False),
    (VIEW, {"tokens": []}, True, False),
    (VIEW, {"tokens": ["<other>", "x"]}, True, True),
    (VIEW, {"token": "<other>", "tokens": ["<other>"]}, False, False),
    (VIEW, {"token": 1}, False, False),
]


@pytest.fixture(scope="module")
def owner(server: Running) -> Api:
    """A client that may do everything."""
    return server.owner()


@pytest.fixture(scope="module")
def chatflows(owner: Api) -> dict[str, str]:
    """Return the ids of a public chatflow, and of one that no key is bound to."""
    return {
        "<public>": make_chatflow(owner, "Public", isPublic=True)["id"],
        "<closed>": make_chatflow(owner, "Closed")["id"],
    }


@pytest.mark.parametrize("way", ["protocol", "asgi", "framework"])
@pytest.mark.parametrize(("held", "sent", "caller", "other"), CALLS, ids=[str(call[:2]) for call in CALLS])
def test_only_what_is_allowed_counts_as_use(
    held: list[str],
    sent: Any,
    caller: bool,
    other: bool,
    way: str,
    ways: dict[str, str],
    server: Running,
    owner: Api,
    chatflows: dict[str, str],
) -> None:
    """A denied question about oneself, a malformed one and one that is not the caller's to ask count not."""
    calling, asked = make_key(owner, "calling", permissions=held), make_key(owner, "asked about")
    body = _filled(sent, {**chatflows, "<other>": asked["apiKey"]})
    headers = [(b"Authorization", f"Bearer {calling['apiKey']}".encode())]
    raw.send(ways[way], "POST", "/api/v1/apikey/verify", headers, json_body=body)
    server.agree()
    shown = [owner.get(f"/apikey/{key['id']}").json()["lastUsedAt"] for key in (calling, asked)]
    assert [used is not None for used in shown] == [caller, other]


def _filled(sent: Any, named: dict[str, str]) -> Any:
    if isinstance(sent, dict):
        return {name: _filled(value, named) for name, value in sent.items()}
    if isinstance(sent, list):
        return [_filled(value, named) for value in sent]
    return named.get(sent, sent)


CONNECTIONS = 4
EACH = 30
"""Calls in one write on each connection."""
LIMIT = 50
_ASK = json.dumps({"question": "Hello"}).encode()


@pytest.mark.parametrize("way", ["protocol", "asgi", "framework"])
@pytest.mark.parametrize("what", ["forward-auth", "verify", "predictions"])
def test_pipelined_calls_over_several_connections(
    ways: dict[str, str], server: Running, owner: Api, connect: Callable[[str], Wire], what: str, way: str
) -> None:
    """Of 120 calls with two keys of a customer, 30 in each write, 50 are let in, and 70 are told to wait."""
    if (what, way) == ("forward-auth", "framework"):
        way = "awaiting"  # which has no other form
    assert ways["protocol"] in server.urls
    chatflow = make_chatflow(owner)
    customer = make_customer(owner, rateLimits=[{"limit": LIMIT, "windowSeconds": 86_400}])
    keys = [bound_key(owner, chatflow, customerId=customer["id"])["apiKey"] for _ in range(2)]

    def call(number: int) -> bytes:
        bearer = f"Authorization: Bearer {keys[number % 2]}"
        if what == "verify":
            return post("/api/v1/apikey/verify", b'{"count": true}', bearer)
        if what == "predictions":
            return post(f"/api/v1/prediction/{chatflow['id']}", _ASK, bearer)
        return get(f"/api/v1/auth/verify/chatflow/{chatflow['id']}", bearer)

    def pipeline(wire: Wire) -> list[int]:
        wire.send(b"".join(call(number) for number in range(EACH)))
        return [wire.answer().status for _ in range(EACH)]

    wires = [connect(ways[way]) for _ in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        statuses = Counter(status for part in threads.map(pipeline, wires) for status in part)
    assert statuses == {200: LIMIT, 429: CONNECTIONS * EACH - LIMIT}
