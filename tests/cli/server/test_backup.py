"""``flowkeys backup`` and ``flowkeys restore``: on real files, beside a real server, with real kills."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.support.server import Running
from tests.support.template import upgrade_to

pytestmark = pytest.mark.of_sqlite("copies of the file; PostgreSQL has its own tools")


def made(run: Cli, *names: str) -> list[str]:
    """Make keys, and return their ids."""
    return [run("keys", "create", name, "--json").json["id"] for name in names]


def keys(run: Cli) -> dict[str, str]:
    """Return the status of each key."""
    return {key["keyName"]: key["status"] for key in run("keys", "list", "--json").json}


def test_a_backup_is_made_while_a_server_writes(run: Cli, own: Running, tmp_path: Path) -> None:
    """It is one whole file for its owner alone, with what it is beside it; what comes later is not in it."""
    own.key("before")
    file = tmp_path / "copy.db"
    done = run("backup", file, "--json", FLOWKEYS_DATA_DIR=str(own.data_dir)).json
    own.key("after")
    assert (file.stat().st_mode & 0o777, (tmp_path / "copy.db.json").stat().st_mode & 0o777) == (0o600, 0o600)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "data") == [
        "copy.db",
        "copy.db.json",
    ]
    told = json.loads((tmp_path / "copy.db.json").read_bytes())
    assert {"file": str(file), **told} == done
    assert (told["sha256"], told["bytes"], told["keys"]) == (
        sha256(file.read_bytes()).hexdigest(),
        file.stat().st_size,
        1,
    )
    assert len(told["secretIds"]) == 1
    with closing(sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)) as raw:
        assert raw.execute("SELECT name FROM api_key").fetchall() == [("before",)]
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        seq, seal = raw.execute("SELECT seq, seal FROM audit ORDER BY seq DESC").fetchone()
    assert told["auditHead"] == f"{seq}:{seal.hex()}"


def test_a_backup_is_written_over_when_somebody_says_so(local: Cli, tmp_path: Path) -> None:
    """Else what is there stays as it is, and so it does where there is nothing to copy."""
    file = tmp_path / "copy.db"
    file.write_text("mine")
    refused = local("backup", file)
    assert (refused.code, file.read_text()) == (3, "mine")
    assert "--force" in refused.err
    assert local("backup", file, "--force").code == 0
    assert file.read_bytes().startswith(b"SQLite format 3")
    assert "is a folder" in local("backup", tmp_path).err
    assert "no folder" in local("backup", tmp_path / "none" / "copy.db").err
    assert "the database itself" in local("backup", tmp_path / "data" / "flowkeys.db", "--force").err
    empty = local("backup", tmp_path / "other.db", FLOWKEYS_DATA_DIR=str(tmp_path / "nothing"))
    assert (empty.code, (tmp_path / "other.db").exists()) == (3, False)


KILLED = """
import os, signal, sys
from pathlib import Path
from flowkeys.storage.sqlite.backups import making
making.PAGES = 8
steps = []
def progress(what, done, whole):
    steps.append(what)
    if what == sys.argv[3] and 0 < done:
        os.kill(os.getpid(), signal.SIGKILL)
making.make(Path(sys.argv[1]), Path(sys.argv[2]), 0, progress, force=False)
"""


def test_a_backup_that_is_killed_leaves_no_file_of_its_name(
    local: Cli, data_dir: Path, tmp_path: Path
) -> None:
    """Given kill -9 while pages are copied, and while they are read again, the next one is made as ever."""
    file = tmp_path / "copy.db"
    for moment in ("Copying", "Reading"):
        command = [sys.executable, "-c", KILLED, data_dir / "flowkeys.db", file, moment]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        assert not file.exists()
        assert not file.with_name("copy.db.json").exists()
    assert local("backup", file).code == 0
    assert list(tmp_path.glob(".*")) == []


def test_a_backup_is_restored(local: Cli, data_dir: Path, tmp_path: Path) -> None:
    """What was there is kept under a dated name, and what is restored goes on: keys, audit log and all."""
    (one,) = made(local, "one")
    file = tmp_path / "copy.db"
    local("backup", file)
    made(local, "two")
    refused = local("restore", file)
    assert (refused.code, "--force" in refused.err) == (3, True)
    assert keys(local) == {"one": "active", "two": "active"}
    done = local("restore", file, "--force", "--json").json
    assert keys(local) == {"one": "active"}
    assert local("keys", "show", one).code == 0
    assert done["warnings"] == []
    kept = Path(done["kept"])
    assert kept.name.startswith("flowkeys.db.before-restore-2")
    with closing(sqlite3.connect(kept)) as raw:
        assert raw.execute("SELECT name FROM api_key ORDER BY name").fetchall() == [("one",), ("two",)]
    assert ((data_dir / "flowkeys.db").stat().st_mode & 0o777) == 0o600
    # And back: nothing was lost.
    assert local("restore", kept, "--force").code == 0
    assert keys(local) == {"one": "active", "two": "active"}


def test_what_somebody_has_open_is_not_replaced(run: Cli, own: Running, tmp_path: Path) -> None:
    """Not even with --force: the server would go on in the file that is gone."""
    file = tmp_path / "copy.db"
    environment = {"FLOWKEYS_DATA_DIR": str(own.data_dir)}
    assert run("backup", file, **environment).code == 0
    # In another process: POSIX does not tell a process of its own locks.
    command = [sys.executable, "-m", "flowkeys.cli", "restore", file, "--force"]
    program = "import sys; from flowkeys.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command[1:3] = ["-c", program]
    refused = subprocess.run(
        command, env={**os.environ, **environment}, check=False, capture_output=True, text=True
    )
    assert (refused.returncode, "is in use" in refused.stderr) == (3, True), refused
    assert list(own.data_dir.glob("*before*")) == []


def spoilt(file: Path, how: str) -> None:
    """Do something to a backup."""
    data = bytearray(file.read_bytes())
    if how == "cut":
        del data[len(data) // 2 :]
    elif how == "text":
        data[:] = b"not a database, and long enough to be looked at" * 50
    elif how == "changed":
        data[-1] ^= 1
    file.write_bytes(data)
    if how in ("newer", "log", "foreign"):
        statement = {
            "newer": "UPDATE alembic_version SET version_num = '9999'",
            "log": "UPDATE audit SET actor_name = 'somebody' WHERE seq = 2",
            "foreign": "DROP TABLE alembic_version",
        }[how]
        with closing(sqlite3.connect(file)) as raw, raw:
            raw.execute(statement)
        Path(f"{file}.json").unlink()


@pytest.mark.parametrize(
    ("how", "said", "may_be_forced"),
    [
        ("changed", "not the file that its manifest speaks of", True),
        ("cut", "manifest", False),
        ("text", "manifest", False),
        ("newer", "schema 9999", False),
        ("log", "Row 2 was changed", True),
        ("foreign", "none of flowkeys", False),
    ],
)
def test_what_is_wrong_with_a_backup_is_named(
    how: str, said: str, may_be_forced: bool, local: Cli, data_dir: Path, tmp_path: Path
) -> None:
    """Given one that was damaged or changed, nothing is replaced, unless it can be used and --force says."""
    made(local, "one")
    file = tmp_path / "copy.db"
    local("backup", file)
    spoilt(file, how)
    (data_dir / "flowkeys.db").rename(tmp_path / "away.db")
    refused = local("restore", file, "--json")
    assert (refused.code, said in refused.failure["detail"]) == (3, True), refused.err
    assert not (data_dir / "flowkeys.db").exists()
    forced = local("restore", file, "--json", "--force")
    assert forced.code == (0 if may_be_forced else 3)
    if may_be_forced:
        assert any(said in warning for warning in forced.json["warnings"])
    assert not list(data_dir.glob(".*"))


def test_the_secret_is_no_part_of_a_backup(local: Cli, data_dir: Path, tmp_path: Path) -> None:
    """Given a data directory with another one, or none, it says which is missing."""
    made(local, "one")
    file = tmp_path / "copy.db"
    done = local("backup", file, "--json").json
    secret = (data_dir / "secret").read_text().splitlines()[-1]
    assert secret.encode() not in file.read_bytes()
    other = {"FLOWKEYS_DATA_DIR": str(tmp_path / "other")}
    refused = local("restore", file, **other)
    assert (refused.code, done["secretIds"][0] in refused.err) == (3, True)
    assert local("restore", file, FLOWKEYS_SECRET=secret, **other).code == 0
    assert len(local("keys", "list", "--json", FLOWKEYS_SECRET=secret, **other).json) == 1


def test_an_older_schema_is_brought_up_to_date_by_the_next_start(run: Cli, tmp_path: Path) -> None:
    """And can be copied before, which is when a backup is wanted most."""
    environment = {"FLOWKEYS_DATA_DIR": str(tmp_path / "data")}
    (tmp_path / "data").mkdir()
    upgrade_to(tmp_path / "data" / "flowkeys.db", "0020")
    file = tmp_path / "copy.db"
    assert run("backup", file, "--json", **environment).json["revision"] == "0020"
    done = run("restore", file, "--force", "--json", **environment).json
    assert "0020" in done["warnings"][0]
    assert run("keys", "list", "--json", **environment).json == []


def test_a_damaged_database_is_replaced(local: Cli, data_dir: Path, tmp_path: Path) -> None:
    """It is kept with all that belongs to it."""
    made(local, "one")
    file = tmp_path / "copy.db"
    local("backup", file)
    (data_dir / "flowkeys.db").write_bytes(b"nothing that anybody could read" * 1000)
    done: Any = local("restore", file, "--force", "--json").json
    assert Path(done["kept"]).read_bytes().startswith(b"nothing")
    assert keys(local) == {"one": "active"}


def test_a_restore_that_is_refused_leaves_the_database_as_it_was(
    local: Cli, data_dir: Path, tmp_path: Path
) -> None:
    """In the mode of its journal, too, in which readers and the writer do not wait for each other."""
    made(local, "one")
    file = tmp_path / "none.db"
    file.write_bytes(b"no database")
    assert local("restore", file, "--force").code == 3
    findings = json.loads(local("doctor", "--json").out)["findings"]
    told = [one for one in findings if one["check"] == "database"]
    assert [one["verdict"] for one in told] == ["ok"], told
    assert ": 1 key, 0 chatflows, 0 messages" in told[0]["message"]
