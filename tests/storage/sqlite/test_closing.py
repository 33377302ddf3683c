"""Whatever fails while a data directory is opened or closed, no connection to its database is left open."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowkeys import bootstrap
from flowkeys.config import load
from tests.support.template import begin


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """All connections that are made from now on; Python 3.13 warns of those that nobody closes."""
    connections: list[sqlite3.Connection] = []
    real = sqlite3.connect

    def noted(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connections.append(real(*arguments, **options))
        return connections[-1]

    monkeypatch.setattr(sqlite3, "connect", noted)
    return connections


def is_open(connection: sqlite3.Connection) -> bool:
    """Tell whether a connection can be used."""
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return False
    return True


@pytest.mark.parametrize("missing", ["change", "workspace"])
async def test_what_cannot_be_opened_is_closed(
    missing: str, opened: list[sqlite3.Connection], tmp_path: Path
) -> None:
    """The database has no such table: one is needed for workspaces, one for the feed of changes."""
    settings = load(data_dir=tmp_path / "data")
    begin(settings.data_dir)
    with closing(sqlite3.connect(settings.database_file)) as raw:
        raw.execute(f"ALTER TABLE {missing} RENAME TO away")
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it is called
        await bootstrap.open_runtime(settings)
    assert len(opened) > 1
    assert [connection for connection in opened if is_open(connection)] == []


@pytest.mark.parametrize("failing", ["usage.stop", "engine.aclose", "parser.aclose", "imports.aclose"])
async def test_what_fails_at_the_end_keeps_nothing_open(
    failing: str, opened: list[sqlite3.Connection], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is raised when everything else has been closed."""
    settings = load(data_dir=tmp_path / "data")
    begin(settings.data_dir)
    runtime = await bootstrap.open_runtime(settings)
    part, method = failing.split(".")

    async def fail() -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(type(getattr(runtime, part)), method, lambda _: fail())
    with pytest.raises(OSError, match="the disk is full"):
        await runtime.close()
    assert len(opened) > 1
    assert [connection for connection in opened if is_open(connection)] == []
