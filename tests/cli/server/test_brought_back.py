"""A database that is older than what took access away: no key comes back, and it is said."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.support.databases import Shell
from tests.support.server import Running

pytestmark = pytest.mark.of_sqlite("the journal of revocations is beside the file")

Start = Callable[..., Running]
NAME = "revocations.journal"


def made(run: Cli, *names: str, **more: Any) -> list[str]:
    """Make keys, and return their ids."""
    return [run("keys", "create", name, "--json").json["id"] for name in names]


def keys(run: Cli) -> dict[str, str]:
    """Return the status of each key."""
    return {key["keyName"]: key["status"] for key in run("keys", "list", "--status", "all", "--json").json}


def copy(data_dir: Path) -> Path:
    """Copy the database by hand; no server runs."""
    to = data_dir.parent / "older.db"
    with Shell(data_dir) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(data_dir / "flowkeys.db", to)
    return to


def put_back(data_dir: Path, older: Path) -> None:
    """Restore it as somebody does who knows no command for it."""
    for name in ("flowkeys.db-wal", "flowkeys.db-shm"):
        (data_dir / name).unlink(missing_ok=True)
    shutil.copy(older, data_dir / "flowkeys.db")


def test_a_revoked_key_stays_refused_after_an_older_backup(run: Cli, start: Start, tmp_path: Path) -> None:
    """Given `flowkeys restore` of a backup from before: it is refused, and the logs say why."""
    own = start()
    leaked = own.key("leaked")
    kept = own.key("kept")
    environment = {"FLOWKEYS_DATA_DIR": str(own.data_dir)}
    assert run("backup", tmp_path / "copy.db", **environment).code == 0
    with own.owner() as owner:
        assert owner.delete(f"/apikey/{leaked['id']}").status_code == 200
    own.stop()
    restored = run("restore", tmp_path / "copy.db", "--force", **environment)
    assert (restored.code, "older than 1 event" in restored.err) == (0, True)
    again = start()
    (warning,) = again.runtime.warnings
    assert "did not know 1 of its events" in warning
    assert leaked["id"] in warning
    with again.owner() as owner:
        verified = {
            key["keyName"]: again.api(key["apiKey"]).get("/auth/verify").status_code for key in (leaked, kept)
        }
        assert verified == {"leaked": 401, "kept": 200}
    told = run("audit", "list", "--action", "audit.older", "--json", **environment).json
    assert leaked["id"] in json.dumps(told)


def test_a_copy_by_hand_is_noticed_once(local: Cli, data_dir: Path) -> None:
    """What was settled is over: who enables a key afterwards has it enabled."""
    made(local, "revoked", "disabled", "enabled again", "rotated", "cut", "longer", "other")
    made_after = copy(data_dir)
    local("keys", "revoke", "revoked", "--yes")
    local("keys", "disable", "disabled")
    local("keys", "disable", "enabled again")
    local("keys", "enable", "enabled again")
    local("keys", "rotate", "rotated", "--grace", "0", "--json")
    assert local("keys", "update", "cut", "--expires-at", "2099-01-01").code == 0
    made(local, "made after")
    put_back(data_dir, made_after)
    said = local("keys", "list", "--status", "all", "--json")
    assert {key["keyName"]: key["status"] for key in said.json} == {
        "revoked": "revoked",
        "disabled": "disabled",
        "enabled again": "active",
        "rotated": "disabled",
        "cut": "disabled",
        "longer": "active",
        "other": "active",
    }
    assert "Warning" in said.err
    assert "A backup was restored" in said.err
    again = local("keys", "enable", "rotated")
    assert "A backup was restored" not in again.err
    assert keys(local)["rotated"] == "active"
    # The older one once more, and what was settled before is not in it.
    put_back(data_dir, made_after)
    assert keys(local)["revoked"] == "revoked"
    assert local("audit", "verify").code == 0


@pytest.mark.parametrize("how", ["changed", "cut", "torn"])
def test_what_was_done_to_the_journal_is_named(how: str, local: Cli, data_dir: Path) -> None:
    """Given a line that is not as it was written, it is named, and the others hold."""
    made(local, "one", "two", "three")
    older = copy(data_dir)
    for name in ("one", "two", "three"):
        local("keys", "revoke", name, "--yes")
    journal = data_dir / NAME
    assert journal.stat().st_mode & 0o777 == 0o600
    first, second, third = journal.read_text().splitlines(keepends=True)
    second = second.replace("revoked", "enabled") if how == "changed" else ""
    journal.write_text(first + second + (third[:50] if how == "torn" else third))
    put_back(data_dir, older)
    said = local("keys", "list", "--status", "all", "--json")
    line = {"changed": "line 2 was changed", "cut": "line 2 was changed, or lines before it were taken away"}
    assert line.get(how, "line 2 cannot be read") in said.err
    (finding,) = (
        one for one in json.loads(local("doctor", "--json").out)["findings"] if one["check"] == NAME
    )
    assert (finding["verdict"], finding["message"].startswith("line 2 ")) == ("warn", True)
    assert keys(local)["one"] == "revoked"


def test_a_process_that_ended_before_it_wrote_is_made_up_for(local: Cli, data_dir: Path) -> None:
    """Given a last line that was lost behind its commit, the next write brings it."""
    made(local, "one", "two", "three")
    local("keys", "revoke", "one", "--yes")
    local("keys", "revoke", "two", "--yes")
    journal = data_dir / NAME
    journal.write_text(journal.read_text().splitlines(keepends=True)[0])
    made(local, "four")
    assert [json.loads(line)["action"] for line in journal.read_text().splitlines()] == ["key.revoke"] * 2


def test_what_cannot_be_written_is_said_and_keeps_nobody_from_revoking(local: Cli, data_dir: Path) -> None:
    """Given a journal that is a folder, keys are revoked, and each command says what is missing."""
    made(local, "one", "two")
    (data_dir / NAME).mkdir()
    revoked = local("keys", "revoke", "one", "--yes")
    assert (revoked.code, keys(local)["one"]) == (0, "revoked")
    assert f"{data_dir / NAME} cannot be read" in revoked.err


def test_a_log_whose_end_was_cut_is_found_without_a_head(local: Cli, data_dir: Path) -> None:
    """Given the rows of a revocation deleted in SQL, `audit verify` says so."""
    made(local, "one", "two")
    local("keys", "revoke", "one", "--yes")
    assert local("audit", "verify").code == 0
    with Shell(data_dir) as raw:
        raw.execute("DELETE FROM audit WHERE action = 'key.revoke'")
    found = local("audit", "verify", "--json")
    fault = json.loads(found.out)["fault"]
    assert (found.code, fault["kind"]) == (3, "cut")
    assert "an older backup was restored" in fault["message"]
    assert "key.revoke" in fault["message"]
