"""Quotas by ``flowkeys keys`` and ``flowkeys customers``, on a data directory and over HTTP."""

import pytest

from tests.cli.conftest import Cli

CALLS = {"calls": 1000, "period": "month"}
TOKENS = {"tokens": 50_000, "period": "30d"}
BOTH = ["--quota", "1000/month", "--quota", "50000 tokens/30d"]


def written(made: dict) -> list[dict]:
    """Return quotas without what is used of them."""
    return [
        {name: value for name, value in quota.items() if name in {"calls", "tokens", "period"}}
        for quota in made["quotas"]
    ]


@pytest.mark.parametrize("what", ["keys", "customers"])
def test_quotas_are_given_shown_and_taken_away(cli: Cli, name: str, what: str) -> None:
    """At the making, kept by other changes, changed as a whole; what is no quota is said."""
    made = cli(what, "create", name, *BOTH, "--json").json
    assert written(made) == [CALLS, TOKENS]
    shown = cli(what, "show", made["id"]).out
    assert "1,000 calls/month: 0 used, 1,000 left, from " in shown
    assert "50,000 tokens/30d: 0 used, 50,000 left" in shown
    assert written(cli(what, "update", made["id"], "--name", f"{name} 2", "--json").json) == [CALLS, TOKENS]
    wrong = cli(what, "update", made["id"], "--quota", "often")
    assert wrong.code != 0
    assert "Write a quota as" in wrong.err
    assert written(cli(what, "update", made["id"], "--quota", "1000/month", "--json").json) == [CALLS]
    assert cli(what, "update", made["id"], "--quota", "", "--json").json["quotas"] == []
    assert "quotas" in cli(what, "show", made["id"]).out
    assert cli(what, "create", name, "--quota", "").code != 0
