"""A connection that the server closes in the moment in which the SDK sends a call into it."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from flowkeys import AsyncClient, Client
from flowkeys.client.errors import ConnectionFailed
from flowkeys.client.http.transport import LIMITS
from flowkeys.verify import Verifier
from tests.support.flows import bound_key, make_chatflow
from tests.support.network.relay import Relay
from tests.support.server import Api, Running

USUAL_SERVERS_SECONDS = 5
"""uvicorn and Node close idle connections after so long unless they are told otherwise."""


@pytest.fixture
def relay(server: Running) -> Iterator[Relay]:
    """The way to the shared server."""
    relay = Relay(server.port)
    yield relay
    relay.stop()


@pytest.fixture
def key(owner: Api) -> dict[str, Any]:
    """A key of a chatflow of its own."""
    return bound_key(owner, make_chatflow(owner))


def said(owner: Api, flow: str) -> int:
    """Return how many messages a chatflow has: two for each run."""
    messages = owner.get(f"/chatflows/{flow}/messages")
    assert messages.status_code == 200
    total: int = messages.json()["total"]
    return total


def test_no_connection_is_used_that_a_server_may_just_close(server: Running, owner: Api) -> None:
    """All three clients give up idle connections first; the usual bounds of httpx hold beside that."""
    assert LIMITS.keepalive_expiry is not None
    assert LIMITS.keepalive_expiry < min(USUAL_SERVERS_SECONDS, server.server.config.timeout_keep_alive)
    with Client(server.url, owner.token) as client, Verifier.remote(server.url, owner.token) as verifier:
        remote: Any = verifier._source
        awaiting = AsyncClient(server.url, "")._pools._make()
        used: list[Any] = [client._pool.current(), awaiting, remote._server._client()]
        pools = [one._transport._pool for one in used]
        found = {
            (one._keepalive_expiry, one._max_keepalive_connections, one._max_connections) for one in pools
        }
    assert found == {(LIMITS.keepalive_expiry, 20, 100)}


def test_a_call_that_may_be_repeated_is(relay: Relay, owner: Api) -> None:
    """GET has the same effect once and twice (RFC 9110 section 9.2.2)."""
    with Client(relay.url, owner.token) as client:
        assert client.ping()
        relay.cuts_reused = True
        assert client.ping()
    assert (relay.cut, relay.made) == (1, 2)


async def test_a_call_that_may_be_repeated_is_from_asyncio(relay: Relay, owner: Api) -> None:
    """As with the blocking client."""
    async with AsyncClient(relay.url, owner.token) as client:
        assert await client.ping()
        relay.cuts_reused = True
        assert await client.ping()
    assert (relay.cut, relay.made) == (1, 2)


def test_a_prediction_never_runs_twice(relay: Relay, owner: Api, key: dict[str, Any]) -> None:
    """Nobody knows whether the server heard of it, so the caller is told, and decides."""
    flow = key["chatFlows"][0]["id"]
    with Client(relay.url, key["apiKey"]) as client:
        client.predict(flow, "Hello")
        relay.cuts_reused = True
        with pytest.raises(ConnectionFailed, match="not known whether"):
            client.predict(flow, "Hello")
        assert relay.cut == 1
        assert said(owner, flow) == 2
        client.predict(flow, "Hello")
    assert said(owner, flow) == 4


def test_a_verifier_asks_again(relay: Relay, owner: Api, key: dict[str, Any]) -> None:
    """A question changes nothing: a good key is not refused because a connection was closed."""
    with Verifier.remote(relay.url, owner.token) as verifier:
        remote: Any = verifier._source
        until = time.monotonic() + 60
        assert remote._server.ask(key["apiKey"], None, None, until).record is not None
        relay.cuts_reused = True
        cut = relay.cut
        assert remote._server.ask(key["apiKey"], None, None, until).record is not None
        assert relay.cut > cut


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [4.96, 4.98])
def test_the_usual_five_seconds_lose_no_call(seconds: float, start: Any) -> None:
    """A server that closes after five, and bytes that need 10 ms: the pause in which that shows."""
    server = start(keep_alive_seconds=5)
    relay = Relay(server.port, delay_seconds=0.01)
    key = bound_key(server.owner(), make_chatflow(server.owner()))
    flow = key["chatFlows"][0]["id"]
    try:
        warmed = []
        for _ in range(20):
            client = Client(relay.url, key["apiKey"])
            client.predict(flow, "Hello")
            warmed.append((time.monotonic(), client))
        for at, client in warmed:
            time.sleep(max(0.0, at + seconds - time.monotonic()))
            client.predict(flow, "Hello")
            client.close()
    finally:
        relay.stop()
