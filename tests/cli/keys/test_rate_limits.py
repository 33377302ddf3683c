"""Rate limits by ``flowkeys keys`` and ``flowkeys flows``, on a data directory and over HTTP."""

from tests.cli.conftest import Cli

SECOND = {"limit": 10, "windowSeconds": 1, "burst": 20, "name": "second"}
DAY = {"limit": 1000, "windowSeconds": 86_400, "burst": 1000, "name": "day"}


def test_a_key_has_rate_limits(cli: Cli, name: str) -> None:
    """Given at its making, shown, kept by other changes, changed as a whole, and taken away again."""
    limits = ["--rate-limit", "10/second burst 20", "--rate-limit", "1000/day"]
    key = cli("keys", "create", name, *limits, "--json").json
    assert key["rateLimits"] == [SECOND, DAY]
    assert "10/second burst 20, 1000/day" in cli("keys", "show", key["id"]).out
    assert cli("keys", "show", key["id"], "--json").json["rateLimits"] == [SECOND, DAY]
    assert cli("keys", "update", key["id"], "--note", "n", "--json").json["rateLimits"] == [SECOND, DAY]
    wrong = cli("keys", "update", key["id"], "--rate-limit", "often")
    assert wrong.code != 0
    assert "Write a limit as" in wrong.err
    changed = cli("keys", "update", key["id"], "--rate-limit", "1000/day", "--json").json
    assert changed["rateLimits"] == [DAY]
    assert cli("keys", "update", key["id"], "--rate-limit", "", "--json").json["rateLimits"] == []
    assert cli("keys", "create", name, "--rate-limit", "").code != 0


def test_a_customer_has_rate_limits(cli: Cli, name: str) -> None:
    """Of all of its keys together: given at its making, shown, kept, changed as a whole, and taken away."""
    limits = ["--rate-limit", "10/second burst 20", "--rate-limit", "1000/day"]
    made = cli("customers", "create", name, *limits, "--json").json
    assert made["rateLimits"] == [SECOND, DAY]
    assert "10/second burst 20, 1000/day" in cli("customers", "show", name).out
    kept = cli("customers", "update", name, "--meta", '{"a": 1}', "--json").json
    assert kept["rateLimits"] == [SECOND, DAY]
    assert "Write a limit as" in cli("customers", "update", name, "--rate-limit", "often").err
    assert cli("customers", "update", name, "--rate-limit", "1000/day", "--json").json["rateLimits"] == [DAY]
    assert cli("customers", "update", name, "--rate-limit", "", "--json").json["rateLimits"] == []
    assert cli("customers", "create", name, "--rate-limit", "").code != 0


def test_a_chatflow_has_rate_limits(cli: Cli, name: str) -> None:
    """Set, shown, kept by other changes, and taken away again."""
    cli("flows", "add", name, "--reply", "hi")
    assert cli("flows", "update", name, "--rate-limit", "1000/day", "--json").json["rateLimits"] == [DAY]
    assert cli("flows", "update", name, "--closed", "--json").json["rateLimits"] == [DAY]
    assert "1000/day" in cli("flows", "show", name).out
    assert "Write a limit as" in cli("flows", "update", name, "--rate-limit", "often").err
    assert cli("flows", "update", name, "--rate-limit", "", "--json").json["rateLimits"] == []
