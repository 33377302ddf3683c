"""flowkeys, an application, and each of the four proxies between them, started once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.proxies import chat
from tests.proxies.plain import Plain, certify
from tests.proxies.programs import CONFIGURATIONS, FILES, KINDS, PLAIN, Proxy
from tests.proxies.upstream import Upstream
from tests.support.flows import bound_key, make_chatflow, make_customer
from tests.support.server import Running


class World:
    """What stands behind every proxy: the chatflow that is asked for, another one, and keys."""

    def __init__(self, flowkeys: Running, upstream: Upstream) -> None:
        self.flowkeys = flowkeys
        self.upstream = upstream
        self.owner = flowkeys.owner()
        self.chatflow = make_chatflow(self.owner, "Guarded")["id"]
        self.other = make_chatflow(self.owner, "Another")["id"]
        customer = make_customer(self.owner, "Caller & Co.")
        self.key = self.new_key("Grüße, Caller & Co.", customerId=customer["id"])
        self.token = self.key["apiKey"]
        self.elsewhere = bound_key(self.owner, {"id": self.other}, "elsewhere")["apiKey"]

    def new_key(self, name: str = "caller", **members: Any) -> dict:
        """Make a key of the guarded chatflow."""
        return bound_key(self.owner, {"id": self.chatflow}, name, **members)

    def values(self, port: int | None = None) -> dict[str, str]:
        """Return what the placeholders stand for; another `port` of flowkeys if given."""
        return {
            "FLOWKEYS_HOST": "127.0.0.1",
            "FLOWKEYS_PORT": str(port or self.flowkeys.port),
            "APP_HOST": "127.0.0.1",
            "APP_PORT": str(self.upstream.port),
            "CHATFLOW_ID": self.chatflow,
        }


@pytest.fixture(scope="session")
def flowkeys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A flowkeys that believes what the proxies say of addresses, behind all of them."""
    folder = tmp_path_factory.mktemp("flowkeys") / "data"
    limits = {"failures_per_second": 10, "failures_burst": 100, "keep_alive_seconds": 3600}
    flowkeys = Running(folder, trusted_proxies=("127.0.0.1",), python_flows=(chat.TARGET,), **limits).start()
    yield flowkeys
    flowkeys.stop()


@pytest.fixture(scope="session")
def world(flowkeys: Running) -> Iterator[World]:
    """That flowkeys, and an application."""
    upstream = Upstream()
    yield World(flowkeys, upstream)
    upstream.stop()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for this machine, and its key."""
    folder = tmp_path_factory.mktemp("certificates")
    certify(folder)
    return folder


@pytest.fixture(scope="session")
def plain(flowkeys: Running, certificates: Path) -> Plain:
    """That flowkeys, asked for its own sake, over TLS."""
    return Plain(flowkeys, certificates)


@pytest.fixture(scope="session")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Proxy]]:
    """Start a proxy; it stops at the end."""
    with ExitStack() as stack:

        def start(
            kind: str,
            values: dict[str, str],
            changes: dict[str, str] | None = None,
            source: Path = CONFIGURATIONS,
        ) -> Proxy:
            name, usual = KINDS[kind]
            folder = tmp_path_factory.mktemp(name) / "run"
            proxy = Proxy(name, folder, values, {**usual, **(changes or {})}, source)
            stack.callback(proxy.stop)
            return proxy

        yield start


@pytest.fixture(scope="session", params=list(KINDS))
def proxy(request: pytest.FixtureRequest, world: World, launch: Callable[..., Proxy]) -> Proxy:
    """Each of the proxies with its ready configuration."""
    return launch(request.param, world.values())


@pytest.fixture(scope="session", params=list(FILES))
def plain_proxy(request: pytest.FixtureRequest, plain: Plain, launch: Callable[..., Proxy]) -> Proxy:
    """Each of the proxies with its ready configuration for flowkeys alone."""
    return launch(request.param, plain.values(), source=PLAIN)
