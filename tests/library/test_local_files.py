"""Files of the database that are replaced or removed while another program verifies over them.

What is committed comes from processes of their own: within one, SQLite shares what it opened.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flowkeys.verify import Unavailable, Verifier
from tests.library.conftest import by_hand, code, eventually
from tests.support.server import Running

pytestmark = pytest.mark.of_sqlite(
    "`Verifier.local` reads the file; on PostgreSQL applications ask the server, as test_remote does"
)

_UPDATE = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=10) as connection:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("UPDATE api_key SET status = ? WHERE id = ?", sys.argv[2:])
connection.close()
"""
BESIDE = ("flowkeys.db-wal", "flowkeys.db-shm")


def set_status(data_dir: Path, status: str, key_id: str) -> None:
    """Change a key in another process, which is the database's last user but for the verifier."""
    command = [sys.executable, "-c", _UPDATE, str(data_dir / "flowkeys.db"), status, key_id]
    subprocess.run(command, check=True)


def said(verifier: Verifier, made: dict) -> str:
    """Return what is said of a key, in a word."""
    try:
        return code(verifier.verify(token=made["apiKey"]))
    except Unavailable:
        return "unavailable"


@pytest.fixture
def stopped(tmp_path: Path) -> tuple[Path, dict]:
    """The data directory of a server that is stopped, and a key in it."""
    server = Running(tmp_path / "data").start()
    made = server.key()
    server.stop()
    return server.data_dir, made


def test_a_copy_that_was_written_over_it_is_followed(stopped: tuple[Path, dict], tmp_path: Path) -> None:
    """The database is the same file then, and those beside it are others: commits are seen all the same."""
    data_dir, made = stopped
    by_hand(data_dir, f"VACUUM INTO '{tmp_path / 'copy.db'}'")
    set_status(data_dir, "active", made["id"])
    with Verifier.local(data_dir) as verifier:
        assert said(verifier, made) == "valid"
        shutil.copyfile(tmp_path / "copy.db", data_dir / "flowkeys.db")
        for name in BESIDE:
            (data_dir / name).unlink(missing_ok=True)
        eventually(lambda: said(verifier, made), "valid")
        for status, wanted in (("disabled", "disabled_key"), ("active", "valid"), ("revoked", "revoked_key")):
            set_status(data_dir, status, made["id"])
            eventually(lambda: said(verifier, made), wanted)


def test_files_that_a_last_user_removed_are_not_followed(stopped: tuple[Path, dict]) -> None:
    """This process has read the database itself, which ended its locks: another takes itself for the last."""
    data_dir, made = stopped
    set_status(data_dir, "active", made["id"])
    with Verifier.local(data_dir) as verifier:
        assert said(verifier, made) == "valid"
        (data_dir / "flowkeys.db").read_bytes()
        set_status(data_dir, "disabled", made["id"])
        assert [name for name in BESIDE if (data_dir / name).exists()] == []
        eventually(lambda: said(verifier, made), "disabled_key")
        set_status(data_dir, "active", made["id"])
        eventually(lambda: said(verifier, made), "valid")


def test_what_is_open_is_kept_while_its_files_are(stopped: tuple[Path, dict]) -> None:
    """Those that come with the first user may be opened again once; after that nothing is."""
    data_dir, made = stopped
    with Verifier.local(data_dir) as verifier:
        set_status(data_dir, "disabled", made["id"])
        eventually(lambda: said(verifier, made), "disabled_key")
        source = verifier._source
        eventually(lambda: (said(verifier, made), source._look(), source._files is not None)[2], True)
        opened = source._lookups
        for status, wanted in (("active", "valid"), ("disabled", "disabled_key")):
            set_status(data_dir, status, made["id"])
            eventually(lambda: said(verifier, made), wanted)
        assert source._lookups is opened
