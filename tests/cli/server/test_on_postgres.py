"""The commands on the server's machine, where the data is in PostgreSQL."""

import json
import os
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cli.conftest import Cli
from tests.support.postgres import Postgres


@pytest.fixture
def local(run: Cli, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Commands on a data directory whose data is in an empty database."""
    monkeypatch.setenv("FLOWKEYS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FLOWKEYS_DATABASE", postgres_url)
    return run


def test_what_commands_make_is_there_and_the_doctor_and_the_chain_say_so(
    local: Cli, postgres_url: str, tmp_path: Path
) -> None:
    """Keys are made, found, revoked; what was done is sealed; a row spoilt by hand is named.

    What somebody wrote to the journal of revocations is named.
    """
    made = local("keys", "create", "Billing 100%", "--json").json
    local("keys", "create", "other", "--json")
    assert [key["keyName"] for key in local("keys", "list", "--search", "ING 100%", "--json").json] == [
        "Billing 100%"
    ]
    assert local("keys", "revoke", made["id"], "--yes").code == 0
    verified = local("audit", "verify", "--json").json
    assert (verified["whole"], verified["rows"]) == (True, local("audit", "verify", "--json").json["rows"])
    assert verified["rows"] >= 4
    journal = tmp_path / "data" / "revocations.journal"
    assert _of(local, journal.name) == [("ok", "1 event; the database knows what they ended")]
    with journal.open("a") as file:
        file.write("of a file that is gone\n")
    assert local("audit", "verify").code == 0
    assert _of(local, journal.name) == [("warn", "line 3 cannot be read.")]
    journal.unlink()
    ((verdict, said),) = _of(local, journal.name)
    assert (verdict, "is not there" in said) == ("warn", True)
    assert _of(local, "database")[0][0] == "ok"
    assert "2 keys" in _of(local, "database")[0][1]
    assert _of(local, "keys") == [("ok", "all can be read")]
    with psycopg.connect(postgres_url) as raw:
        raw.execute("UPDATE api_key SET permissions = 'no list' WHERE id = %s", (made["id"],))
        raw.execute("UPDATE audit SET actor_name = 'somebody' WHERE seq = 2")
    ((verdict, said),) = _of(local, "keys")
    assert (verdict, made["id"] in said) == ("fail", True)
    fault = local("audit", "verify", "--json")
    assert fault.code == 3
    assert '"changed"' in fault.out


def test_a_database_that_is_away_is_said_to_be(local: Cli) -> None:
    """With what to look at, and without the password."""
    away = {"FLOWKEYS_DATABASE": "postgresql://keys:hunter2@127.0.0.1:9/flowkeys"}
    for command in (("keys", "list"), ("doctor",), ("audit", "verify"), ("migrate",)):
        result = local(*command, **away)
        assert result.code != 0, command
        assert "hunter2" not in result.out + result.err
    assert "refused" in local("doctor", **away).out


def test_a_database_without_a_schema_is_no_fault(local: Cli, postgres: Postgres) -> None:
    """The doctor says who makes it, and the chain is not looked for where none is."""
    url = postgres.create()
    empty = {"FLOWKEYS_DATABASE": url}
    told = local("doctor", "--json", **empty)
    findings = {each["check"]: each for each in json.loads(told.out)["findings"]}
    assert "no schema yet" in findings["database"]["message"]
    assert (told.code, findings["secret"]["verdict"].lower()) == (0, "ok")
    assert "FLOWKEYS_DATABASE" in local("audit", "verify", **empty).err
    postgres.drop(url)


def test_a_user_without_rights_is_told_what_to_do(local: Cli, postgres: Postgres) -> None:
    """Who may not make tables, and who may not read them."""
    url, name = postgres.create(), f"weak_{os.getpid()}"
    postgres.execute(f"CREATE ROLE {name} LOGIN")
    weak = {"FLOWKEYS_DATABASE": url.replace("postgres@", f"{name}@", 1)}
    for made in (False, True):
        if made:
            assert local("migrate", FLOWKEYS_DATABASE=url).code == 0
        told = local("keys", "list", **weak)
        assert told.code == 3
        assert "permission denied" in told.err
        assert "flowkeys migrate" in told.err
        assert "LINE 1" not in told.err
    postgres.drop(url)
    postgres.execute(f"DROP ROLE {name}")


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_backups_are_made_by_tools_of_its_own(command: str, run: Cli, tmp_path: Path) -> None:
    """They are named, without a password."""
    url = "postgresql://me:hunter2@db.example/flowkeys"
    said = run(command, tmp_path / "copy", FLOWKEYS_DATABASE=url, FLOWKEYS_DATA_DIR=str(tmp_path))
    assert (said.code, "hunter2" in said.err) == (2, False)
    assert {"backup": "pg_dump", "restore": "pg_restore"}[command] in said.err


def _of(local: Cli, check: str) -> list[tuple[str, Any]]:
    findings = json.loads(local("doctor", "--json").out)["findings"]
    return [(each["verdict"].lower(), each["message"]) for each in findings if each["check"] == check]
