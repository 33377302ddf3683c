"""A post office over a database of each test's own, with a clock that tests set."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.service.webhooks.post import Post


@pytest_asyncio.fixture
async def post(schema: Path, tmp_path: Path) -> AsyncIterator[Post]:
    """Webhooks and keys of the default workspace; nothing is sent but when a test says so."""
    path = tmp_path / "flowkeys.db"
    shutil.copy(schema, path)
    made = Post(path)
    await made.open()
    yield made
    made.close()
