"""``flowkeys keys revoke --made-under``: the way out when a secret is lost."""

from pathlib import Path

import pytest

from flowkeys.domain.keys.digest import secret_id
from tests.cli.conftest import Cli, Typed
from tests.support.databases import Shell


@pytest.fixture
def lost(local: Cli, data_dir: Path) -> str:
    """The id of a secret that is gone, with a key in each of two workspaces made under it."""
    local("workspaces", "create", "other")
    local("keys", "create", "one")
    local("keys", "create", "two", "--workspace", "other")
    path = data_dir / "secret"
    secret = path.read_text("utf-8").splitlines()[-1]
    path.unlink()
    return secret_id(secret)


def test_every_other_command_refuses_and_names_this_one(local: Cli, lost: str) -> None:
    """Given a lost secret, nothing pretends that the keys work; the sentence has the way out."""
    result = local("keys", "list")
    assert result.code == 3
    assert f"flowkeys keys revoke --made-under {lost}" in result.err


def test_the_keys_of_all_workspaces_are_given_up(local: Cli, lost: str, data_dir: Path) -> None:
    """Given --yes, every key of the secret is revoked, with its audit row, and the server works again."""
    assert local("keys", "revoke", "--made-under", lost, "--yes", "--json").json["affected"] == 2
    for workspace in ("default", "other"):
        keys = local("keys", "list", "--status", "all", "--workspace", workspace, "--json").json
        assert [key["status"] for key in keys] == ["revoked"]
    with Shell(data_dir) as database:
        (count,) = database.execute("SELECT count(*) FROM audit WHERE action = 'key.revoke'").fetchone()
    database.close()
    assert count == 2


def test_nothing_happens_before_a_yes(local: Cli, lost: str, data_dir: Path) -> None:
    """Given the answer no, no key is revoked, and no new secret takes the lost one's place."""
    assert local("keys", "revoke", "--made-under", lost, stdin=Typed("n\n")).code == 130
    assert not (data_dir / "secret").exists()


def test_a_secret_that_is_there_is_not_lost(local: Cli, data_dir: Path) -> None:
    """Given the present secret's id, working keys are not revoked by mistake."""
    made = local("keys", "create", "one", "--json").json
    present = secret_id((data_dir / "secret").read_text("utf-8").splitlines()[-1])
    assert local("keys", "revoke", "--made-under", present, "--yes").code == 6
    assert local("keys", "show", made["id"], "--json").json["status"] == "active"


def test_a_secret_of_no_key_is_not_found(local: Cli) -> None:
    """Given a mistyped id, the exit code is 4."""
    assert local("keys", "revoke", "--made-under", "00000000", "--yes").code == 4


@pytest.mark.parametrize("arguments", [[], ["KEY", "--made-under", "00000000"]])
def test_a_key_or_a_secret_is_named(local: Cli, arguments: list[str]) -> None:
    """Both, or none of them, is a mistake."""
    assert local("keys", "revoke", *arguments).code == 2
