"""What the conformance tests share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.process import Served
from tests.conformance.tenants import Tenant
from tests.support.databases import let_go
from tests.support.server import Running


@pytest.fixture(scope="session")
def here(server: Running) -> Tenant:
    """The default workspace of the shared server."""
    return Tenant(server, "default")


@pytest.fixture(scope="session")
def there(server: Running) -> Tenant:
    """Another workspace of it."""
    return Tenant(server, "other")


@pytest.fixture
def tenant(own: Running) -> Tenant:
    """A workspace of a server of the test's own."""
    return Tenant(own, "default")


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`flowkeys serve` as a process of its own, logging all there is, shared by tests."""
    process = Served(
        tmp_path_factory.mktemp("served"), FLOWKEYS_LOG_LEVEL="debug", FLOWKEYS_LOG_FORMAT="json"
    )
    process.start()
    yield process
    process.stop()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Make `flowkeys serve` processes of the test's own; they are stopped after it."""
    made: list[Served] = []

    def make(name: str = "served", **environment: Any) -> Served:
        made.append(Served(tmp_path / name, **environment))
        return made[-1]

    yield make
    for process in made:
        process.stop()
        let_go(process.data_dir)
