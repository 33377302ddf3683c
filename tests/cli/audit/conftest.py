"""A data directory with a log of some rows, and ways to spoil it."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowkeys import bootstrap
from flowkeys.config import load
from flowkeys.domain.principal import Caller, operator
from flowkeys.service.keys.input import NewKey
from tests.support import databases
from tests.support.databases import Shell

Spoil = Callable[..., None]


@pytest.fixture
def spoil(data_dir: Path) -> Spoil:
    """Run statements on the database, as somebody who can write to it does."""

    def run(*statements: str) -> None:
        with Shell(data_dir) as database:
            for statement in statements:
                database.execute(statement)

    return run


@pytest.fixture(scope="session")
def seven(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory whose log has seven rows, of which the fourth says that a key was made."""

    async def work() -> None:
        runtime = await bootstrap.open_runtime(load(data_dir=folder, **databases.settings(folder)))
        caller = Caller(operator((await runtime.workspaces.default()).id))
        await runtime.workspaces.create("other")
        key = (await runtime.keyring.create(caller, NewKey(name="one"))).key
        await runtime.keyring.disable(caller, key.id)
        await runtime.keyring.enable(caller, key.id)
        await runtime.keyring.revoke(caller, key.id)
        await runtime.close()

    folder = databases.copy(empty, tmp_path_factory.mktemp("seven") / "data")
    asyncio.run(work())
    return folder


@pytest.fixture
def data_dir(seven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory of the test's own, whose log has seven rows."""
    folder = databases.copy(seven, tmp_path / "data")
    monkeypatch.setenv("FLOWKEYS_DATA_DIR", str(folder))
    for name, value in databases.environment(folder).items():
        monkeypatch.setenv(name, value)
    yield folder
    databases.let_go(folder)


@pytest.fixture
def logged(data_dir: Path) -> int:
    """The number of the log's last row."""
    with Shell(data_dir) as database:
        (found,) = database.execute("SELECT max(seq) FROM audit").fetchone()
    assert found == 7
    return int(found)


# IMPORT SHELL
