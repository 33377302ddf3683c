"""All of these are asked of a server that counts in memory, and of one that counts in Valkey."""

from collections.abc import Iterator

import pytest

from tests.support.server import Api, Running
from tests.support.valkey import ValkeyServer


@pytest.fixture(scope="session", params=["memory", "valkey"])
def server(
    request: pytest.FixtureRequest,
    server: Running,
    valkey_server: ValkeyServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Running]:
    """The shared server, and one more."""
    if request.param == "memory":
        yield server
        return
    folder = tmp_path_factory.mktemp("server") / "data"
    running = Running(folder, valkey=valkey_server.url, valkey_timeout_ms=10_000).start()
    yield running
    assert running.runtime.valkey.without == 0
    assert running.runtime.valkey.outages == 0
    running.stop()


@pytest.fixture(scope="session")
def owner(server: Running) -> Iterator[Api]:
    """A client of it that may do everything in the default workspace."""
    with server.owner() as api:
        yield api
