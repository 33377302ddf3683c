"""``flowkeys workspaces``, and ``--workspace`` of other commands."""

from tests.cli.conftest import Cli


def test_workspaces_are_made_and_listed(local: Cli) -> None:
    """The default one is there from the start; a name is taken once."""
    made = local("workspaces", "create", "Shop", "--json").json
    assert [item["name"] for item in local("workspaces", "list", "--json").json] == ["default", "Shop"]
    assert local("workspaces", "create", "Shop").code == 6
    assert made["id"] in local("workspaces", "list").out


def test_a_command_sees_its_workspace_only(local: Cli) -> None:
    """Given a key in one workspace, another does not know it, by name or by id."""
    local("workspaces", "create", "Shop")
    made = local("keys", "create", "one", "--workspace", "Shop", "--json").json
    assert local("keys", "list", "--json").json == []
    assert local("keys", "show", made["id"]).code == 4
    assert local("keys", "show", "one", "--workspace", made["workspaceId"], "--json").json["id"] == made["id"]


def test_an_unknown_workspace_is_not_found(local: Cli) -> None:
    """Given a mistyped name, no workspace is made of it."""
    assert local("keys", "create", "one", "--workspace", "Shpo").code == 4


def test_over_http_the_key_decides(remote: Cli) -> None:
    """Given FLOWKEYS_URL, --workspace and the commands for workspaces are refused, and say why."""
    assert remote("keys", "list", "--workspace", "default").code == 3
    assert remote("workspaces", "list").code == 3
