"""``flowkeys doctor``: what is wrong, and what to do about it."""

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from flowkeys import bootstrap
from tests.cli.conftest import Cli, Result
from tests.support.databases import ON_POSTGRES, Shell
from tests.support.flows import unknown
from tests.support.programs.ports import free_port
from tests.support.server import Running
from tests.support.valkey import ValkeyServer


@pytest.fixture
def port() -> str:
    """A port that is free."""
    return str(free_port())


def findings(result: Result, check: str, verdict: str) -> list[str]:
    """Return the messages and the advice of a check."""
    # A server in this process says the head of its audit log to the same output, at a moment of its own.
    said = [line for line in result.out.splitlines() if "audit_head" not in line]
    report: dict[str, Any] = json.loads("\n".join(said))
    return [
        f"{item['message']} {item['advice']}"
        for item in report["findings"]
        if (item["check"], item["verdict"]) == (check, verdict)
    ]


def test_a_sound_installation_is_fine(local: Cli, port: str) -> None:
    """Given a data directory as the server makes it, nothing warns and the exit code is 0."""
    local("keys", "create", "one")
    result = local("doctor", "--json", FLOWKEYS_PORT=port)
    report = result.json
    assert (report["warn"], report["fail"]) == (0, 0)
    assert {item["check"] for item in report["findings"]} >= {
        "configuration", "data directory", "disk", "database", "secret", "chatflows", "port",
    }  # fmt: skip


def test_the_report_for_people_has_a_line_each(local: Cli, port: str) -> None:
    """Given a mistyped variable, its line says WARN and the next what may be meant."""
    result = local("doctor", FLOWKEYS_PORT=port, FLOWKEYS_PROT="1")
    assert result.code == 0
    lines = result.out.splitlines()
    place = next(number for number, line in enumerate(lines) if "FLOWKEYS_PROT" in line)
    assert lines[place].startswith("WARN ")
    assert "FLOWKEYS_PORT" in lines[place + 1]
    assert "\x1b" not in result.out


def test_the_examination_changes_nothing(run: Cli, tmp_path: Path, port: str) -> None:
    """Given no data directory, none is made."""
    folder = tmp_path / "nothing" / "here"
    result = run("doctor", "--json", FLOWKEYS_DATA_DIR=str(folder), FLOWKEYS_PORT=port)
    assert result.code == 0
    assert not folder.parent.exists()


def test_a_wrong_configuration_fails_without_its_values(local: Cli) -> None:
    """Given a setting that cannot be read, the exit code is 3 and a secret beside it is not shown."""
    result = local("doctor", "--json", FLOWKEYS_PORT="many", FLOWKEYS_SECRET="s" * 40)
    assert result.code == 3
    assert "port" in findings(result, "configuration", "fail")[0]
    assert "s" * 40 not in result.out + result.err


def test_model_keys_that_others_may_read_fail(local: Cli, data_dir: Path) -> None:
    """Given config.toml with a key and mode 0644, the advice is the chmod command."""
    path = data_dir / "config.toml"
    path.write_text('[credentials.a]\nbase_url = "https://example.com"\napi_key = "sk-hidden"\n', "utf-8")
    path.chmod(0o644)
    result = local("doctor", "--json")
    assert result.code == 3
    assert f"chmod 600 {path}" in findings(result, "configuration", "fail")[0]
    assert "sk-hidden" not in result.out


def test_a_configuration_file_that_is_not_there_fails(local: Cli, tmp_path: Path) -> None:
    """Given FLOWKEYS_CONFIG with a typing mistake, it is not passed over in silence."""
    result = local("doctor", "--json", FLOWKEYS_CONFIG=str(tmp_path / "confg.toml"))
    assert "confg.toml" in findings(result, "configuration", "fail")[0]


def test_a_credential_without_its_variable_fails(local: Cli, data_dir: Path) -> None:
    """Given api_key_env that names a variable which is not set, the credential is named."""
    text = '[credentials.shop]\nbase_url = "https://example.com"\napi_key_env = "SHOP_KEY"\n'
    (data_dir / "config.toml").write_text(text, "utf-8")
    assert "shop" in findings(local("doctor", "--json"), "credentials", "fail")[0]


def test_a_data_directory_that_others_may_read_warns(local: Cli, data_dir: Path) -> None:
    """Given mode 0755, the advice is the chmod command."""
    data_dir.chmod(0o755)
    result = local("doctor", "--json")
    assert f"chmod 700 {data_dir}" in findings(result, "data directory", "warn")[0]


def test_a_file_where_the_directory_should_be_fails(run: Cli, tmp_path: Path) -> None:
    """Given a file, the message says so; no traceback."""
    (tmp_path / "file").write_text("", "utf-8")
    result = run("doctor", "--json", FLOWKEYS_DATA_DIR=str(tmp_path / "file"))
    assert result.code == 3
    assert "no folder" in findings(result, "data directory", "fail")[0]


def test_a_full_disk_fails(local: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given 1 MiB of room, it is said before the database says it."""
    usage = shutil.disk_usage("/")._replace(free=1024 * 1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert "1.0 MiB" in findings(local("doctor", "--json"), "disk", "fail")[0]


@pytest.mark.of_sqlite("the file is overwritten")
@pytest.mark.parametrize("damage", ["no database at all " * 100, ""], ids=["garbage", "emptied"])
def test_a_damaged_database_is_told(local: Cli, data_dir: Path, damage: str) -> None:
    """Given a file that was overwritten, the database line is not OK, and the file is left as it was."""
    for name in ("flowkeys.db-wal", "flowkeys.db-shm"):
        (data_dir / name).unlink(missing_ok=True)
    path = data_dir / "flowkeys.db"
    path.write_text(damage, "utf-8")
    result = local("doctor", "--json")
    assert findings(result, "database", "fail") or findings(result, "database", "warn")
    assert path.read_text("utf-8") == damage


def test_a_lost_secret_fails_with_the_way_out(local: Cli, data_dir: Path) -> None:
    """Given keys and another secret, the exact command that gives those keys up is in the report."""
    local("keys", "create", "one")
    (data_dir / "secret").unlink()
    result = local("doctor", "--json")
    assert result.code == 3
    assert "flowkeys keys revoke --made-under" in findings(result, "secret", "fail")[0]
    assert not (data_dir / "secret").exists()


def test_an_old_secret_can_be_retired_when_no_key_needs_it(local: Cli, data_dir: Path) -> None:
    """Given a new secret before the old one, the report counts who needs the old one still.

    It does not advise to take out one that was made here: a wrong line in front would ask for that too.
    """
    key = local("keys", "create", "one", "--json").json
    path = data_dir / "secret"
    path.write_text("n" * 40 + "\n" + path.read_text("utf-8"), "utf-8")
    said = findings(local("doctor", "--json"), "secret", "ok")
    assert any("needed by 1 key, moved" in text for text in said)
    local("keys", "verify", FLOWKEYS_TOKEN=key["apiKey"])
    result = local("doctor", "--json")
    assert findings(result, "secret", "warn") == []
    assert any("needed by no key any more" in text for text in findings(result, "secret", "ok"))


@pytest.mark.parametrize("spoil", ["status = 'inactive'", "permissions = 'logs:view'"])
def test_keys_that_cannot_be_read_are_named(spoil: str, local: Cli, data_dir: Path) -> None:
    """Given a row that was changed by hand, its key is named here, and by a list of it: no traceback."""
    keys = [local("keys", "create", name, "--json").json for name in ("one", "two")]
    assert findings(local("doctor", "--json"), "keys", "ok")
    with Shell(data_dir) as raw:
        raw.execute(f"UPDATE api_key SET {spoil} WHERE id = ?", (keys[0]["id"],))
    result = local("doctor", "--json")
    assert result.code == 3
    (message,) = findings(result, "keys", "fail")
    assert keys[0]["id"] in message
    listed = local("keys", "list", "--status", "all")
    assert (listed.code, listed.err.count("\n")) == (7, 1), listed.err
    assert keys[0]["id"] in listed.err
    assert local("keys", "show", keys[1]["id"]).code == 0


def test_a_policy_that_was_spoilt_by_hand_is_named(local: Cli, data_dir: Path) -> None:
    """Given a row that cannot be read, the doctor fails and says whose; of a good one it says nothing."""
    local("policy", "set", "--max-lifetime-days", "90", "--allowed-ip", "10.0.0.0/8")
    assert findings(local("doctor", "--json"), "policy", "fail") == []
    no_number = [] if ON_POSTGRES else ["max_lifetime_days = 'long'"]  # where a number is a number
    for spoil in ("allowed_ips = 'x'", "allowed_ips = '[]'", *no_number):
        with Shell(data_dir) as raw:
            raw.execute("UPDATE policy SET allowed_ips = NULL, max_lifetime_days = NULL")
            raw.execute(f"UPDATE policy SET {spoil}")
        result = local("doctor", "--json")
        assert result.code == 3, spoil
        (message,) = findings(result, "policy", "fail")
        assert "workspace default" in message
        assert "from every network" in message


def test_of_many_keys_that_cannot_be_read_some_are_named(local: Cli, data_dir: Path) -> None:
    """Given a mistake that spoilt them all, the report says how many more there are."""
    for number in range(7):
        local("keys", "create", f"key {number}")
    with Shell(data_dir) as raw:
        raw.execute("UPDATE api_key SET status = 'on'")
    messages = findings(local("doctor", "--json"), "keys", "fail")
    assert len(messages) == 6
    assert messages[-1].startswith("2 more cannot be read.")


def test_chatflows_that_cannot_run_and_public_ones_are_listed(local: Cli, tmp_path: Path) -> None:
    """Given one of each, both are warnings that name the chatflow."""
    (tmp_path / "export.json").write_text(unknown("browserAgentflow"), "utf-8")
    local("flows", "add", "Broken", "--import", tmp_path / "export.json")
    local("flows", "add", "Open", "--reply", "hi", "--public")
    warnings = findings(local("doctor", "--json"), "chatflows", "warn")
    assert any("Broken" in text and "browserAgentflow" in text for text in warnings)
    assert any("Open" in text and "--closed" in text for text in warnings)


def test_processes_that_count_each_by_itself_are_told(local: Cli, data_dir: Path) -> None:
    """Where limits are stored and several serve, it warns; where it was chosen how, it says who they are."""
    local("keys", "create", "limited", "--rate-limit", "1/second")
    now = bootstrap.clock()
    with Shell(data_dir) as raw:
        for number in (1, 2):
            row = (f"{number}", f"host-{number}", number, "", 1, None, now, now)
            raw.execute("INSERT INTO server VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        (message,) = findings(local("doctor", "--json"), "processes", "warn")
        assert "2 processes count them, each by itself (host-1, host-2)" in message
        assert "FLOWKEYS_LIMITS=per-process" in message
        raw.execute("UPDATE server SET counting = 'per-process'")
    (message,) = findings(local("doctor", "--json"), "processes", "ok")
    assert "2 processes serve the database (host-1, host-2)" in message


def test_a_port_of_another_program_fails(local: Cli) -> None:
    """Given a port that something else listens on, the advice names the settings."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = local("doctor", "--json", FLOWKEYS_PORT=str(other.getsockname()[1]))
    assert "FLOWKEYS_PORT" in findings(result, "port", "fail")[0]


def test_a_port_of_ours_is_fine(local: Cli, server: Running) -> None:
    """Given a running server, that it answers is good news."""
    result = local("doctor", "--json", FLOWKEYS_PORT=str(server.port))
    assert "answers" in findings(result, "port", "ok")[0]


def test_it_examines_this_machine_only(remote: Cli) -> None:
    """Given FLOWKEYS_URL, the command says where to run it."""
    assert remote("doctor").code == 3


def test_whether_there_is_an_owner_is_told_and_is_no_fault(local: Cli, port: str) -> None:
    """Given nobody who could sign in, the report says how somebody can; the API works without people."""
    result = local("doctor", "--json", FLOWKEYS_PORT=port)
    (message,) = findings(result, "people", "ok")
    assert "flowkeys serve prints a link" in message


@pytest.mark.parametrize(
    "url", ["https://keys.example.com", "http://keys.example.com:8080", "http://10.0.0.7"]
)
def test_a_proxy_that_nobody_told_of_warns(url: str, local: Cli, port: str) -> None:
    """Given a public URL and no trusted proxy, the advice names the setting; the exit code stays 0."""
    result = local("doctor", "--json", FLOWKEYS_PORT=port, FLOWKEYS_PUBLIC_URL=url)
    assert result.code == 0
    (message,) = findings(result, "proxy", "warn")
    assert url in message
    assert "FLOWKEYS_TRUSTED_PROXIES" in message


@pytest.mark.parametrize(
    "settings",
    [
        {"FLOWKEYS_PUBLIC_URL": "https://keys.example.com", "FLOWKEYS_TRUSTED_PROXIES": "127.0.0.1"},
        {"FLOWKEYS_PUBLIC_URL": "http://localhost:8080"},
        {"FLOWKEYS_PUBLIC_URL": "http://keys.localhost"},
        {"FLOWKEYS_PUBLIC_URL": "https://127.0.0.2"},
        {"FLOWKEYS_PUBLIC_URL": "http://[::1]:8080"},
        {"FLOWKEYS_PUBLIC_URL": "http://keys.example.com:{port}", "FLOWKEYS_HOST": "0.0.0.0"},  # noqa: S104
    ],
    ids=lambda settings: " ".join(settings.values()),
)
def test_where_no_proxy_is_missing_nothing_warns(settings: dict[str, str], local: Cli, port: str) -> None:
    """Given a known proxy, an address of this machine, or the server's own port, all is well."""
    named = {name: value.format(port=port) for name, value in settings.items()}
    assert local("doctor", "--json", FLOWKEYS_PORT=port, **named).json["warn"] == 0


def test_valkey_is_looked_at(local: Cli, port: str, valkey_server: ValkeyServer) -> None:
    """What it is, whether it may forget, and that it cannot be reached; a password is never shown."""
    local("keys", "create", "one")

    def told(url: str, verdict: str) -> list[str]:
        result = local("doctor", "--json", FLOWKEYS_PORT=port, FLOWKEYS_VALKEY=url)
        assert "sesame" not in result.out + result.err
        return findings(result, "valkey", verdict)

    assert "Valkey 8" in told(valkey_server.url, "ok")[0]
    assert told(valkey_server.url, "warn") == []
    with valkey_server.client() as client:
        client.config_set("maxmemory", 100_000_000)
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert "noeviction" in told(valkey_server.url, "warn")[0]
        finally:
            client.config_set("maxmemory", 0)
            client.config_set("maxmemory-policy", "noeviction")
    assert "cannot be asked" in told("valkey://:sesame@127.0.0.1:9", "warn")[0]
