"""A data directory with a log of some rows, and ways to spoil it."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from flowkeys import bootstrap
from flowkeys.config import load
from flowkeys.domain.principal import Caller, operator
from flowkeys.service.keys.input import NewKey

Spoil = Callable[..., None]


@pytest.fixture
def spoil(data_dir: Path) -> Spoil:
    """Run statements on the database, as somebody who can write to it does."""

    def run(*statements: str) -> None:
        with closing(sqlite3.connect(data_dir / "flowkeys.db")) as database, database:
            for statement in statements:
                database.execute(statement)

    return run


@pytest.fixture(scope="session")
def seven(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory whose log has seven rows, of which the fourth says that a key was made."""

    async def work() -> None:
        runtime = await bootstrap.open_runtime(load(data_dir=folder))
        caller = Caller(operator((await runtime.workspaces.default()).id))
        await runtime.workspaces.create("other")
        key = (await runtime.keyring.create(caller, NewKey(name="one"))).key
        await runtime.keyring.disable(caller, key.id)
        await runtime.keyring.enable(caller, key.id)
        await runtime.keyring.revoke(caller, key.id)
        await runtime.close()

    folder = tmp_path_factory.mktemp("seven") / "data"
    shutil.copytree(empty, folder)
    asyncio.run(work())
    return folder


@pytest.fixture
def data_dir(seven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory of the test's own, whose log has seven rows."""
    folder = tmp_path / "data"
    shutil.copytree(seven, folder)
    folder.chmod(0o700)
    monkeypatch.setenv("FLOWKEYS_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def logged(data_dir: Path) -> int:
    """The number of the log's last row."""
    with closing(sqlite3.connect(data_dir / "flowkeys.db")) as database:
        (found,) = database.execute("SELECT max(seq) FROM audit").fetchone()
    assert found == 7
    return int(found)
