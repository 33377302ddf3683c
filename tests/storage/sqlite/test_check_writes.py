"""Whether changes can be stored is found out by writing only where there is doubt."""

import sqlite3
from pathlib import Path

import pytest

from flowkeys.storage.sqlite import database as sqlite
from flowkeys.storage.sqlite import migrate
from flowkeys.storage.sqlite.connection import connect


async def test_a_write_on_trial_is_made_only_on_a_disk_that_is_almost_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who watches health each second does not write each second; a trial changes nothing that is used."""
    path = tmp_path / "keys.db"
    migrate.upgrade(path)
    store, other = sqlite.SqliteStore(path), connect(path)
    try:
        before = _version(other)
        await store.check_writes()
        assert _version(other) == before
        monkeypatch.setattr(sqlite, "LEAST_FREE_BYTES", 1 << 62)
        await store.check_writes()
        assert _version(other) != before
        assert other.execute("PRAGMA user_version").fetchone() == (0,)
    finally:
        other.close()
        store.close()


def _version(raw: sqlite3.Connection) -> int:
    (version,) = raw.execute("PRAGMA data_version").fetchone()
    return int(version)
