"""Opening SQLite files."""

import os
import sqlite3
from pathlib import Path

import pytest

from flowkeys.storage.sqlite.connection import connect


def descriptors(path: Path) -> list[str]:
    """Return what this process has open of a file."""
    here = Path("/proc/self/fd") if Path("/proc/self/fd").is_dir() else Path("/dev/fd")
    found = []
    for each in here.iterdir():
        try:
            if os.path.samestat(os.fstat(int(each.name)), path.stat()):
                found.append(each.name)
        except OSError:  # the descriptor of the listing itself
            continue
    return found


@pytest.mark.parametrize("read_only", [True, False])
def test_what_is_no_database_stays_closed(read_only: bool, tmp_path: Path) -> None:
    """Whoever tries again and again until it is mended does not run out of descriptors."""
    path = tmp_path / "flowkeys.db"
    path.write_bytes(b"garbage" * 1000)
    raised = []
    for _ in range(10):
        with pytest.raises(sqlite3.DatabaseError) as error:
            connect(path, read_only=read_only)
        raised.append(error)  # as whoever logs it keeps the connection's frame
    assert descriptors(path) == []
    assert len(raised) == 10


def test_a_database_stays_open(tmp_path: Path) -> None:
    """So that the test above would see it."""
    path = tmp_path / "flowkeys.db"
    raw = connect(path)
    assert descriptors(path)
    raw.close()
    assert descriptors(path) == []
