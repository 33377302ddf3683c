"""A PostgreSQL that is older than what took access away, as its own tools leave it: no key comes back."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowkeys.storage.postgres.connecting import connect
from tests.cli.conftest import Cli
from tests.support.postgres import BIN, Postgres
from tests.support.server import Running
from tests.support.waiting import until

SECRET = "0123456789abcdef" * 3
NAME = "revocations.journal"


@pytest.fixture
def machines(tmp_path: Path, postgres_url: str) -> Iterator["Machines"]:
    """Two machines over one database, each with a data directory."""
    made = Machines(tmp_path, postgres_url)
    yield made
    made.stop()


class Machines:
    """Servers over one database, by the names of their machines."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.running: dict[str, Running] = {}

    def start(self, name: str) -> Running:
        """Start the server of a machine."""
        made = Running(self.folder / name, database=self.url, secret=SECRET).start()
        self.running[name] = made
        return made

    def stop(self, *names: str) -> None:
        """Stop servers; all of them unless some are named."""
        for name in names or tuple(self.running):
            self.running.pop(name).stop()

    def journal(self, name: str) -> list[Any]:
        """Return the lines of a machine's journal that end something."""
        path = self.folder / name / NAME
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if line["effect"] != "mark"]

    def environment(self, name: str) -> dict[str, str]:
        """Return what commands on a machine need."""
        return {
            "FLOWKEYS_DATA_DIR": str(self.folder / name),
            "FLOWKEYS_DATABASE": self.url,
            "FLOWKEYS_SECRET": SECRET,
        }

    def dump(self) -> Path:
        """Copy the database with PostgreSQL's own tool."""
        to = self.folder / "older.dump"
        tool("pg_dump", "--format=custom", f"--file={to}", self.url)
        return to

    def restore(self, dump: Path) -> None:
        """Put it back as docs/operations.md says."""
        how = "--clean", "--if-exists", "--single-transaction"
        tool("pg_restore", *how, f"--dbname={self.url}", dump)


def tool(name: str, *arguments: object) -> None:
    """Run a program of PostgreSQL's."""
    path = BIN / name if (BIN / name).exists() else shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed, and not in the wheel")
    ended = subprocess.run(
        [path, *map(str, arguments)], check=False, text=True, capture_output=True, stdin=subprocess.DEVNULL
    )
    assert ended.returncode == 0, ended.stderr


def verified(server: Running, *keys: dict[str, Any]) -> list[int]:
    """Return how each key is answered."""
    return [server.api(key["apiKey"]).get("/auth/verify").status_code for key in keys]


def test_a_revoked_key_stays_refused_on_whichever_machine_is_started(machines: Machines, run: Cli) -> None:
    """Given yesterday's pg_dump, what was revoked since is revoked again, and the machine says so.

    The other machine was told of it by the feed, and does not end what somebody enabled meanwhile.
    """
    one, two = machines.start("one"), machines.start("two")
    leaked, kept, paused = (one.key(name) for name in ("leaked", "kept", "paused"))
    older = machines.dump()
    with one.owner() as owner:
        assert owner.delete(f"/apikey/{leaked['id']}").status_code == 200
        assert owner.post(f"/apikey/{paused['id']}/disable").status_code == 200
    assert [line["action"] for line in machines.journal("one")] == ["key.revoke", "key.disable"]
    until(lambda: len(machines.journal("two")) == 2, "the other machine to have kept it")
    assert verified(two, leaked, kept, paused) == [401, 200, 401]
    machines.stop()
    machines.restore(older)
    listed = run("revocations", "--json", **machines.environment("two"))
    assert listed.code == 3
    assert {(one["name"], one["status"], one["effect"]) for one in json.loads(listed.out)["missing"]} == {
        ("leaked", "active", "revoked"),
        ("paused", "active", "disabled"),
    }
    doctor = run("doctor", "--json", **machines.environment("two"))
    (finding,) = (one for one in json.loads(doctor.out)["findings"] if one["check"] == NAME)
    assert finding["verdict"] == "warn"
    assert run("audit", "verify", **machines.environment("two")).code == 3
    one = machines.start("one")
    (warning,) = one.runtime.warnings
    assert "did not know 2 of its events" in warning
    assert leaked["id"] in warning
    assert verified(one, leaked, kept, paused) == [401, 200, 401]
    with one.owner() as owner:
        assert owner.post(f"/apikey/{paused['id']}/enable").status_code == 200
    two = machines.start("two")
    assert verified(two, leaked, kept, paused) == [401, 200, 200]
    machines.stop()
    environment = machines.environment("two")
    assert run("revocations", "--json", **environment).json["missing"] == []
    assert run("audit", "verify", **environment).code == 0
    told = run("audit", "list", "--action", "audit.older", "--json", **environment).json
    assert leaked["id"] in json.dumps(told)


def test_a_backup_that_is_restored_beside_a_server_lets_no_revoked_key_in(machines: Machines) -> None:
    """Given tables that are replaced while a server runs, it ends again what had ended, and goes on."""
    one = machines.start("one")
    leaked, kept = one.key("leaked"), one.key("kept")
    older = machines.dump()
    with one.owner() as owner:
        assert owner.delete(f"/apikey/{leaked['id']}").status_code == 200
    assert verified(one, kept) == [200]
    before = one.runtime.feed.epoch
    machines.restore(older)
    until(lambda: one.runtime.feed.epoch != before, "the server to notice that its tables were replaced")
    until(lambda: verified(one, leaked, kept) == [401, 200], "the server to have compared it")
    with connect(machines.url) as raw:
        found = raw.execute("SELECT status FROM api_key WHERE id = %s", (leaked["id"],)).fetchone()
    assert found == ("revoked",)


def test_no_key_is_looked_up_in_a_database_that_was_not_compared(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a comparison that cannot be made, every key is refused as in an outage, and let in behind it."""
    one = machines.start("one")
    leaked, kept = one.key("leaked"), one.key("kept")
    older = machines.dump()
    with one.owner() as owner:
        assert owner.delete(f"/apikey/{leaked['id']}").status_code == 200
    feed, compare = one.runtime.feed, one.runtime.feed.compare

    async def away(who: str) -> None:
        from flowkeys.domain.errors import Unavailable

        raise Unavailable(f"not now: {who}")

    monkeypatch.setattr(feed, "compare", away)
    machines.restore(older)
    until(lambda: verified(one, leaked, kept) == [503, 503], "the server to notice")
    monkeypatch.setattr(feed, "compare", compare)
    until(lambda: verified(one, leaked, kept) == [401, 200], "the server to have compared it")


def test_a_new_machine_keeps_what_was_revoked_before_and_another_s_journal_can_be_used(
    machines: Machines, run: Cli
) -> None:
    """Given a new machine, its journal begins with the audit log; and it takes a file of another's."""
    one = machines.start("one")
    early, late, kept = (one.key(name) for name in ("early", "late", "kept"))
    older = machines.dump()
    with one.owner() as owner:
        assert owner.delete(f"/apikey/{early['id']}").status_code == 200
    machines.start("new")
    assert [line["action"] for line in machines.journal("new")] == ["key.revoke"]
    machines.stop("new")
    with one.owner() as owner:
        assert owner.delete(f"/apikey/{late['id']}").status_code == 200
    machines.stop()
    machines.restore(older)
    environment = machines.environment("new")
    copied = machines.folder / "copied.journal"
    shutil.copy(machines.folder / "one" / NAME, copied)
    applied = run("revocations", "--journal", copied, "--apply", "--json", **environment)
    assert set(applied.json["endedAgain"]) == {early["id"], late["id"]}
    new = machines.start("new")
    assert verified(new, early, late, kept) == [401, 401, 200]


def test_rows_that_a_crash_left_to_be_sealed_again_are_no_older_database(
    machines: Machines, run: Cli, postgres: Postgres
) -> None:
    """Given sealing that was lost, and done again in another order, nothing is ended again."""
    del postgres
    one = machines.start("one")
    first, second = one.key("first"), one.key("second")
    with one.owner() as owner:
        for key in (first, second):
            assert owner.post(f"/apikey/{key['id']}/disable").status_code == 200
            assert owner.post(f"/apikey/{key['id']}/enable").status_code == 200
        rotated = owner.post(f"/apikey/{first['id']}/rotate", json={"graceSeconds": 0})
        assert rotated.status_code < 300, rotated.text
    machines.stop()
    with connect(machines.url) as raw:
        columns = (
            "workspace_id, at, actor_type, actor_id, actor_name, action, subject, subject_id, address,"
            " request_id, before, after"
        )
        raw.execute(
            f"WITH gone AS (DELETE FROM audit WHERE seq > (SELECT max(seq) - 3 FROM audit) RETURNING *)"
            f" INSERT INTO audit_unsealed ({columns}) SELECT {columns} FROM gone ORDER BY seq DESC"
        )
        raw.execute("UPDATE audit_end SET seq = (SELECT max(seq) FROM audit)")
    environment = machines.environment("one")
    listed = run("keys", "list", "--status", "all", "--json", **environment)
    assert {key["keyName"]: key["status"] for key in listed.json}["first"] == "active"
    assert "older" not in listed.err
    assert run("revocations", **environment).code == 0
