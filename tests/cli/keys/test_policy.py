"""``flowkeys policy`` and ``flowkeys keys expiring``, on the server's machine and over HTTP."""

from tests.cli.conftest import Cli


def test_a_policy_is_shown_changed_and_checked(cli: Cli, name: str) -> None:
    """What is given is changed, none takes it away, and each key that breaks it has its command beside it."""
    try:
        assert cli("policy", "show", "--json").json["maxLifetimeDays"] is None
        made = cli("keys", "create", name, "--json").json
        changed = cli("policy", "set", "--max-lifetime-days", "90", "--expiry-required", "--json").json
        assert (changed["maxLifetimeDays"], changed["expiryRequired"]) == (90, True)
        networks = cli("policy", "set", "--allowed-ip", "127.0.0.0/8,::1,10.0.0.1", "--json")
        assert networks.json["allowedIps"] == ["127.0.0.0/8", "::1", "10.0.0.1"]
        assert "90 days" in cli("policy", "show").out
        refused = cli("keys", "create", f"{name} 2")
        assert refused.code == 6
        assert "expiryRequired" in refused.err
        found = cli("policy", "check", "--json").json
        (broken,) = [each for each in found["data"] if each["key"]["id"] == made["id"]]
        assert [breach["policy"] for breach in broken["breaches"]] == ["expiryRequired"]
        (line,) = [line for line in cli("policy", "check").out.splitlines() if made["id"] in line]
        command = line[line.index("flowkeys keys update") :].split()
        assert cli(*command[1:]).code == 0, "what is advised is not refused"
        assert made["id"] not in cli("policy", "check").out
        for wrong in (["--max-lifetime-days", "many"], [], ["--rotate-after-days", "0"]):
            assert cli("policy", "set", *wrong).code != 0
    finally:
        nothing = ["--max-lifetime-days", "none", "--no-expiry-required", "--allowed-ip", "none"]
        assert cli("policy", "set", *nothing).code == 0
    shown = cli("policy", "show", "--json").json
    assert (shown["maxLifetimeDays"], shown["expiryRequired"], shown["allowedIps"]) == (None, False, [])


def test_keys_that_end_soon_are_listed(cli: Cli, name: str) -> None:
    """The next to end first; those that end later, never or not any more are left out."""
    ids = [
        cli("keys", "create", name, *(["--expires-in", end] if end else []), "--json").json["id"]
        for end in ("10d", "2d", "20d", None)
    ]

    def found(*options: str) -> list[str]:
        return [key["id"] for key in cli("keys", "expiring", *options, "--json").json if key["id"] in ids]

    assert found() == [ids[1], ids[0]]
    assert found("--within", "3d") == [ids[1]]
    assert found("--within", "3w") == [ids[1], ids[0], ids[2]]
    cli("keys", "revoke", ids[1], "--yes")
    assert found() == [ids[0]]
    assert cli("keys", "expiring", "--within", "soon").code == 6
    assert name in cli("keys", "expiring").out
