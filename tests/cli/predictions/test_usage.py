"""``flowkeys usage``."""

import csv
import io
import json
from pathlib import Path

import pytest

from flowkeys.cli.predictions.usage import bar
from tests.cli.conftest import Cli
from tests.support.flows import bound_key, make_chatflow, make_customer, make_key
from tests.support.server import Api, Running


@pytest.fixture
def used(server: Running, owner: Api) -> tuple[dict, dict]:
    """Return a key that was used three times and refused once, and its chatflow."""
    chatflow = make_chatflow(owner, "used by a command")
    key = bound_key(owner, chatflow, "used by a command")
    caller = server.api(key["apiKey"])
    for _ in range(3):
        assert caller.get(f"/auth/verify/chatflow/{chatflow['id']}").status_code == 200
    assert caller.get("/auth/verify?permission=apikeys:view").status_code == 403
    return key, chatflow


def test_a_key_and_a_chatflow_over_http(used: tuple[dict, dict], server: Running, run: Cli) -> None:
    """As a table, as JSON, and as CSV; what was just done is in it."""
    key, chatflow = used
    there = {"FLOWKEYS_URL": server.url, "FLOWKEYS_API_KEY": server.owner().token or ""}
    shown = run("usage", "--key", key["id"], **there)
    assert (shown.code, shown.err.strip()) == (0, "4 calls, 3 ok, 1 refused or failed")
    assert shown.out.splitlines()[0].split()[:4] == ["UTC", "CALLS", "OK", "OTHER"]
    assert "█" not in shown.out, "there is no terminal"
    steps = run("usage", "--key", key["id"], "--json", **there).json
    assert steps[-1]["outcomes"] == {"ok": 3, "permission_missing": 1}
    rows = list(csv.DictReader(io.StringIO(run("usage", "--key", key["id"], "--csv", **there).out)))
    assert (rows[-1]["calls"], rows[-1]["ok"], rows[-1]["permission_missing"]) == ("4", "3", "1")
    flow = run("usage", "--chatflow", chatflow["id"], "--from", "2d", "--step", "day", "--json", **there).json
    assert sum(step["calls"] for step in flow) == 3, "the refused one asked for no chatflow"
    workspace = run("usage", **there)
    assert "KEYS" in workspace.out
    assert "used by a command" in workspace.out


def test_a_customer_over_http(server: Running, owner: Api, run: Cli) -> None:
    """By its external id; a key that was another's before brings nothing along. A line is a document."""
    key = make_key(owner, "of nobody")
    caller = server.api(key["apiKey"])
    assert caller.get("/auth/verify").status_code == 200
    customer = make_customer(owner, "Usage Ltd", externalId="usage-4711")
    assert owner.put(f"/apikey/{key['id']}", json={"customerId": customer["id"]}).status_code == 200
    for _ in range(2):
        assert caller.get("/auth/verify").status_code == 200
    there = {"FLOWKEYS_URL": server.url, "FLOWKEYS_API_KEY": server.owner().token or ""}
    lines = run("usage", "--customer", "usage-4711", "--jsonl", **there).out.splitlines()
    steps = [json.loads(line) for line in lines]
    assert (len(steps), steps[-1]["outcomes"]) == (24, {"ok": 2})


def test_the_data_directory(data_dir: Path, run: Cli) -> None:
    """The operator sees what is stored; nothing is no error, and every hour is there."""
    assert json.loads(run("keys", "create", "k", "--json").out)["id"]
    found = run("usage", "--json").json
    assert (len(found["data"]), found["total"]["calls"], found["keys"]) == (24, 0, [])
    assert run("usage", "--key", "k").code == 0
    assert run("customers", "create", "Acme").code == 0
    assert len(run("usage", "--customer", "Acme", "--json").json) == 24


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--step", "week"], "hour or day"),
        (["--from", "yesterday"], "how long ago"),
        (["--from", "200d", "--step", "hour"], "90 days"),
        (["--from", "5y"], "how long ago"),
        (["--from", "1h", "--to", "2h"], "ends before it begins"),
        (["--key", "a", "--chatflow", "b"], "Give one of"),
        (["--customer", "a", "--chatflow", "b"], "Give one of"),
        (["--csv", "--json"], "Give one of"),
        (["--csv", "--jsonl"], "Give one of"),
    ],
)
def test_what_cannot_be_is_said(data_dir: Path, run: Cli, arguments: list[str], said: str) -> None:
    """In a sentence that says what to write."""
    assert json.loads(run("keys", "create", "k", "--json").out)["id"]
    result = run("usage", *arguments)
    assert result.code != 0
    assert said in result.err


def test_bars_are_as_long_as_what_they_stand_for() -> None:
    """The longest fills its place, what is little shows, and none is none."""
    assert bar(10, 10, 4) == "████"
    assert bar(5, 10, 4) == "██"
    assert bar(1, 1000, 4) == "▏"
    assert bar(0, 10, 4) == ""
