"""A database of each test's own, copied from one with a schema."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from flowkeys.storage.sqlite import migrate
from tests.service.support import House


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with every table and no row."""
    path = tmp_path_factory.mktemp("schema") / "flowkeys.db"
    migrate.upgrade(path)
    return path


@pytest_asyncio.fixture
async def house(schema: Path, tmp_path: Path) -> AsyncIterator[House]:
    """The services of people with the default workspace, and nobody in it."""
    path = tmp_path / "flowkeys.db"
    shutil.copy(schema, path)
    made = House(path)
    await made.workspaces.default()
    yield made
    await made.close()
