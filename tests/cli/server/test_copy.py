"""``flowkeys copy``: a whole installation from a file to PostgreSQL and back, with real keys and servers."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.cli.conftest import Cli
from tests.durability.process import Served
from tests.storage.moving.rows import fill
from tests.support.flows import bound_key, make_chatflow
from tests.support.postgres import Postgres
from tests.support.server import Running

_FROM_A_FILE = pytest.mark.of_sqlite(
    "it begins and ends with a file, and has PostgreSQL between the two anyhow"
)


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    """A database of PostgreSQL's with our schema and nothing in it, which nobody takes behind it."""
    found = postgres.take()
    yield found
    postgres.drop(found)


@_FROM_A_FILE
def test_an_installation_moves_to_postgres_and_back(
    run: Cli, start: Callable[..., Running], url: str, tmp_path: Path
) -> None:
    """With the same secret keys verify and open chatflows; what was revoked stays so; the chain is whole."""
    before = start("data")
    with before.owner() as api:
        chatflow = make_chatflow(api)
        flow = chatflow["id"]
        good, gone = bound_key(api, chatflow, "good"), bound_key(api, chatflow, "gone")
        api.delete(f"/apikey/{gone['id']}")
    with before.api(good["apiKey"]) as caller:
        said = caller.post(f"/prediction/{flow}", json={"question": "Hello"}).json()["text"]
    before.stop()
    folder = tmp_path / "data"
    with closing(sqlite3.connect(folder / "flowkeys.db")) as raw:
        raw.execute("PRAGMA foreign_keys=ON")
        assert all(fill(raw, 1, only_empty=True).values())
    here = {"FLOWKEYS_DATA_DIR": str(folder)}
    there = run("copy", "--from", f"sqlite:///{folder}/flowkeys.db", "--to", url, "--json", **here).json
    assert (there["warnings"], there["auditLog"]["whole"], there["resumedRows"]) == ([], True, 0)
    assert there["tables"]["token"]["rows"] >= 2
    moved = start("data", database=url)
    with moved.api(good["apiKey"]) as caller:
        assert caller.post(f"/prediction/{flow}", json={"question": "Hello"}).json()["text"] == said
    with moved.api(gone["apiKey"]) as caller:
        assert caller.post("/apikey/verify", json={}).json()["code"] == "revoked_key"
    late = moved.key("late")
    with moved.owner() as api:
        api.delete(f"/apikey/{good['id']}")
    moved.stop()
    assert run("audit", "verify", "--json", FLOWKEYS_DATABASE=url, **here).json["whole"] is True
    told = run("copy", "--from", url, "--to", f"sqlite:///{tmp_path}/back.db", **here)
    assert (told.code, "compared one by one" in told.out, "The audit log is whole" in told.out) == (
        0,
        True,
        True,
    )
    assert "server secret" in told.err
    back = start("data", database=str(tmp_path / "back.db"))
    for key, code in ((late, "valid"), (good, "revoked_key"), (gone, "revoked_key")):
        with back.api(key["apiKey"]) as caller:
            assert caller.post("/apikey/verify", json={}).json().get("code") == code, key
    back.stop()
    whole = run("audit", "verify", "--json", FLOWKEYS_DATABASE=str(tmp_path / "back.db"), **here).json
    assert whole["whole"] is True


KILLED = """
import os, signal, sys
from flowkeys.storage.moving import run
from flowkeys.cli.main import main
run.ROWS = 3
copy = run.copy
def killed(source, target, progress, **asked):
    def told(what, done, whole):
        if what == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGKILL)
    return copy(source, target, told, **asked)
run.copy = killed
sys.exit(main(sys.argv[2:]))
"""


@_FROM_A_FILE
def test_a_copy_that_is_killed_goes_on_and_ends_the_same(
    local: Cli, data_dir: Path, url: str, tmp_path: Path
) -> None:
    """Given kill -9 between two commits, both ways; meanwhile nothing starts on what is half there."""
    for number in range(8):
        local("keys", "create", f"key {number}")
    file, again = f"sqlite:///{data_dir}/flowkeys.db", f"sqlite:///{tmp_path}/again.db"
    digests = []
    for origin, target in ((file, url), (url, again)):
        for moment in ("Copying audit", "Comparing token"):
            command = [sys.executable, "-c", KILLED, moment, "copy", "--from", origin, "--to", target]
            assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        if target == url:
            for command in (("keys", "list"), ("migrate",), ("audit", "verify")):
                refused = local(*command, FLOWKEYS_DATABASE=url)
                assert (refused.code, "has not ended" in refused.err) == (3, True), refused
            assert "has not ended" in local("doctor", FLOWKEYS_DATABASE=url).out
        done = local("copy", "--from", origin, "--to", target, "--json").json
        assert (done["resumedRows"] > 8, done["beganAnew"]) == (True, False)
        digests.append(done["tables"])
    assert digests[0] == digests[1]
    keys = local("keys", "list", "--json", FLOWKEYS_DATABASE=again).json
    assert len(keys) == 8
    assert len(local("keys", "list", "--json", FLOWKEYS_DATABASE=url).json) == 8


@pytest.mark.parametrize("to", ["postgres", "sqlite"])
def test_a_running_server_is_copied_as_a_snapshot_only(
    to: str, local: Cli, data_dir: Path, url: str, tmp_path: Path
) -> None:
    """With --snapshot, what is there at that moment. One that was killed here is known to be gone."""
    file = f"sqlite:///{data_dir}/flowkeys.db" if to == "postgres" else f"sqlite:///{tmp_path}/again.db"
    origin, target = (file, url) if to == "postgres" else (url, file)
    local("keys", "create", "one", FLOWKEYS_DATABASE=origin)
    served = Served(tmp_path, "", database=origin).start()
    try:
        refused = local("copy", "--from", origin, "--to", target)
        assert (refused.code, f"process {served.pid} on" in refused.err) == (3, True), refused.err
        done = local("copy", "--from", origin, "--to", target, "--snapshot", "--json").json
        keys = local("keys", "list", "--json", FLOWKEYS_DATABASE=target).json
        assert [key["keyName"] for key in keys] == ["one"]
        assert "server" not in done["tables"]
        served.kill()
        again = local("copy", "--from", origin, "--to", target)
        assert (again.code, "rows of its own" in again.err) == (3, True)
    finally:
        served.end()


def test_what_was_left_unsealed_is_sealed_or_said(
    local: Cli, data_dir: Path, url: str, tmp_path: Path
) -> None:
    """Of a process that was killed between a commit and its seal: sealed with the secret, else refused."""
    local("keys", "create", "one", FLOWKEYS_DATABASE=url)
    with psycopg.connect(url) as raw:
        raw.execute(
            "INSERT INTO audit_unsealed"
            "(workspace_id, at, actor_type, actor_name, action, subject, subject_id)"
            " SELECT id, 1, 'operator', 'operator', 'key.revoke', 'key', 'x' FROM workspace"
        )
    command = ("copy", "--from", url, "--to", f"sqlite:///{tmp_path}/again.db", "--json")
    elsewhere = local(*command, FLOWKEYS_DATA_DIR=str(tmp_path / "elsewhere"))
    assert (elsewhere.code, "wait to be sealed" in elsewhere.failure["detail"]) == (3, True)
    done = local(*command).json
    assert done["auditLog"]["whole"] is True
    with closing(sqlite3.connect(tmp_path / "again.db")) as raw:
        assert raw.execute("SELECT action FROM audit ORDER BY seq DESC").fetchone() == ("key.revoke",)
    # Where the secret is not, that is said, and so is which one.
    secret = next(name for name in (data_dir / "secret").read_text().split() if len(name) > 40)
    bare = {"FLOWKEYS_DATA_DIR": str(tmp_path / "elsewhere")}
    told = local("copy", "--from", url, "--to", f"sqlite:///{tmp_path}/bare.db", **bare)
    assert (told.code, "Keys were made under the secret" in told.err, secret in told.err) == (0, True, False)


@pytest.mark.parametrize(
    ("origin", "target", "code", "said"),
    [
        ("sqlite:///a.db", "sqlite:///b.db", 2, "flowkeys backup"),
        ("postgresql://a/b", "postgresql://a/c", 2, "pg_dump"),
        ("mysql://a/b", "sqlite:///b.db", 2, "--from: give a path"),
        ("sqlite:///none.db", "postgresql://u:hunter2@127.0.0.1:9/flowkeys", 3, "There is no database"),
        ("postgresql://u:hunter2@127.0.0.1:9/flowkeys", "sqlite:///b.db", 7, "refused"),
    ],
)
def test_what_cannot_be_copied_is_said(
    origin: str,
    target: str,
    code: int,
    said: str,
    local: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In one sentence, without a password, and nothing is left behind."""
    monkeypatch.chdir(tmp_path)
    refused = local("copy", "--from", origin, "--to", target, "--json")
    assert (refused.code, said in refused.failure["detail"]) == (code, True), refused.err
    assert "hunter2" not in refused.err
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
