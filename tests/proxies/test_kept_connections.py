"""Connections from a proxy to flowkeys that are closed in the moment in which the proxy uses them again."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from flowkeys.config import Settings
from tests.proxies.conftest import World
from tests.proxies.programs import CONFIGURATIONS, FILES, KINDS, Proxy
from tests.proxies.wire import call
from tests.support.flows import bound_key, make_chatflow
from tests.support.network.relay import Relay
from tests.support.server import Running

IDLE: Final = {
    "nginx": "keepalive_timeout 60s;",
    "caddy": "keepalive 60s",
    "haproxy": '["connection"] = { "close" }',
    "envoy": "max_requests_per_connection: 1",
}
"""How long each keeps a connection to flowkeys: the last two not at all."""


@pytest.fixture
def relay(world: World) -> Iterator[Relay]:
    """The way from a proxy to flowkeys."""
    relay = Relay(world.flowkeys.port)
    yield relay
    relay.stop()


def test_every_proxy_closes_before_flowkeys_does() -> None:
    """Who closes last loses no call."""
    for kind, idle in IDLE.items():
        text = "".join((CONFIGURATIONS / file).read_text("utf-8") for file in FILES[kind])
        assert text.count(idle) == 1, kind
    assert Settings.model_fields["keep_alive_seconds"].default > 60 + 5


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_good_key_is_not_refused_for_a_closed_connection(
    kind: str, world: World, launch: Callable[..., Proxy], relay: Relay
) -> None:
    """The question is asked again on another one, or never on one that was used; an idle one is closed."""
    name = KINDS[kind][0]
    reuses = "60s" in IDLE[name]
    proxy = launch(kind, world.values(port=relay.port), {IDLE[name]: IDLE[name].replace("60s", "1s")})
    relay.cuts_reused = True
    calls = 0
    while calls < 2 or (reuses and not relay.cut and calls < 100):
        assert call(proxy.port, "/", f"Authorization: Bearer {world.token}").status == 200
        calls += 1
    assert bool(relay.cut) == reuses
    relay.wait_for(lambda: relay.open == 0)  # long before flowkeys would close it


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [4.96, 4.97, 4.98])
def test_the_moment_of_closing_costs_nobody_a_call(
    seconds: float, launch: Callable[..., Proxy], start: Callable[..., Running], world: World
) -> None:
    """With a flowkeys that closes sooner than the proxies, and a network that takes 10 ms each way."""
    flowkeys = start(keep_alive_seconds=5)
    owner = flowkeys.owner()
    chatflow = make_chatflow(owner)
    bearer = f"Authorization: Bearer {bound_key(owner, chatflow)['apiKey']}"
    relay = Relay(flowkeys.port, delay_seconds=0.01)
    try:
        values = {**world.values(port=relay.port), "CHATFLOW_ID": chatflow["id"]}
        for kind in KINDS:
            proxy = launch(kind, values)
            with ThreadPoolExecutor(20) as pool:

                def ask(_: int, port: int = proxy.port) -> int:
                    return call(port, "/", bearer).status

                assert list(pool.map(ask, range(20))) == [200] * 20, kind
                time.sleep(seconds)
                assert list(pool.map(ask, range(20))) == [200] * 20, kind
            proxy.stop()
    finally:
        relay.stop()
