"""One real server for the tests that can share it, and a way to start one's own."""

import gc
import os
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support import (
    postgres as databases,
)  # it and `shared` read their variables, which go with all others
from tests.support import shared  # noqa: F401  # reads its variable, which goes with all others
from tests.support.databases import let_go
from tests.support.programs.second import WORKERS
from tests.support.server import Api, Running

if TYPE_CHECKING:
    from tests.support.valkey import ValkeyServer

LEFT_OUT = {
    "of_sqlite": databases.EVERYWHERE and "on PostgreSQL",
    "of_one_process": WORKERS > 1 and "with several processes",
}
"""Why tests with a mark are left out of this run, if they are; the mark says what they are about."""

for _name in [name for name in os.environ if name.startswith("FLOWKEYS_")]:
    del os.environ[_name]  # a developer's own settings must not decide whether tests pass
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # A script's job in the background is started deaf to it, and programs that tests start would be too.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No example has to be quick, and each run tries the same ones: a failure is one of the change that is tested.
settings.register_profile(
    "tests", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among what lives to the end: a sixth of the work of collecting tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this run's database or number of processes has nothing to do with, each with its reason."""
    for item in items:
        for name, where in LEFT_OUT.items():
            for mark in item.iter_markers(name):
                if len(mark.args) != 1 or not isinstance(mark.args[0], str):
                    raise pytest.UsageError(f"{item.nodeid}: the mark {name} has no reason")
                if where:
                    item.add_marker(pytest.mark.skip(reason=f"left out {where}: {mark.args[0]}"))


@pytest.fixture(scope="session")
def postgres() -> databases.Postgres:
    """A real PostgreSQL; it ends with the last process of the run."""
    return databases.postgres()


@pytest.fixture
def postgres_url(postgres: databases.Postgres) -> Iterator[str]:
    """The URL of a database of PostgreSQL's with our schema and nothing in it."""
    url = postgres.take()
    yield url
    postgres.give_back(url)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that tests share: they make their own keys and chatflows and count nothing."""
    running = Running(tmp_path_factory.mktemp("server") / "data").start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def owner(server: Running) -> Iterator[Api]:
    """A client of the shared server that may do everything in the default workspace."""
    with server.owner() as api:
        yield api


@pytest.fixture(scope="session")
def valkey_server() -> Iterator["ValkeyServer"]:
    """A Valkey that tests share; nobody stops it."""
    from tests.support.valkey import ValkeyServer

    running = ValkeyServer().start()
    yield running
    running.stop()


@pytest.fixture
def empty_valkey(valkey_server: "ValkeyServer") -> "ValkeyServer":
    """The same, with nothing in it."""
    with valkey_server.client() as client:
        client.flushall()
    return valkey_server


@pytest.fixture(scope="session")
def stopping() -> Iterator[list[Running]]:
    """Servers that stop while the next test runs: uvicorn takes its time, a fifth of a second."""
    servers: list[Running] = []
    yield servers
    for running in servers:
        running.stop()


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Running]]:
    """Start a server with settings of its own, for all tests of a file."""
    started: list[Running] = []

    def make(**settings: Any) -> Running:
        started.append(Running(tmp_path_factory.mktemp("server") / "data", **settings).start())
        return started[-1]

    yield make
    for running in started:
        running.begin_to_stop()
    for running in started:
        running.stop()
        let_go(running.data_dir)


@pytest.fixture
def start(tmp_path: Path, stopping: list[Running]) -> Iterator[Callable[..., Running]]:
    """Start a server of one's own; it stops after the test. The data directory stays the same."""
    started: list[Running] = []

    def make(name: str = "data", **settings: Any) -> Running:
        running = Running(tmp_path / name, **settings).start()
        started.append(running)
        return running

    yield make
    for running in stopping:
        running.stop()
        let_go(running.data_dir)
    stopping[:] = started
    for running in started:
        running.begin_to_stop()


@pytest.fixture
def own(start: Callable[..., Running]) -> Running:
    """A server of one's own with an empty database."""
    return start()
