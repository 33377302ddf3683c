"""Servers in processes of their own."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.durability.process import Serve, Served
from tests.durability.python_flows import SETTINGS
from tests.support import databases
from tests.support.data_dir import make_owner


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A data directory to copy, so that not every test makes a schema; and its owner's token."""
    folder = tmp_path_factory.mktemp("template") / "data"
    return folder, make_owner(folder)


def served(folder: Path, template: tuple[Path, str], **settings: Any) -> Served:
    """Start a server over a copy of the template; who is told a database has only its secret of it."""
    data_dir, token = folder / "data", template[1]
    if "database" in settings:
        shutil.copytree(template[0], data_dir)
        token = make_owner(data_dir, database=settings["database"])
    else:
        databases.copy(template[0], data_dir)
    return Served(folder, token, **settings).start()


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory, template: tuple[Path, str]) -> Iterator[Served]:
    """A server that runs Python objects, for tests that leave it as it is."""
    server = served(tmp_path_factory.mktemp("running"), template, **SETTINGS)
    yield server
    server.end()
    databases.let_go(server.data_dir)


@pytest.fixture
def serve(tmp_path: Path, template: tuple[Path, str]) -> Iterator[Serve]:
    """Start a server; it is gone after the test."""
    started: list[Served] = []

    def make(**settings: Any) -> Served:
        started.append(served(tmp_path / str(len(started)), template, **settings))
        return started[-1]

    yield make
    for item in started:
        item.end()
        databases.let_go(item.data_dir)
