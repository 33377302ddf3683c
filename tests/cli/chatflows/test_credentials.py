"""`flowkeys credentials` and `flowkeys variables`, on the data directory and over HTTP alike."""

import json
from pathlib import Path

import pytest

from flowkeys.domain.ids import new_id
from tests.cli.conftest import Cli, Typed

SECRET = "sk-nobody-sees-this"


def test_the_life_of_a_credential(cli: Cli, name: str, tmp_path: Path) -> None:
    """Its secret is piped in, or in a file, and never comes out; another base URL takes it away."""
    made = cli("credentials", "create", name, "--json", stdin=f"{SECRET}\n")
    assert made.json["baseUrl"] == "https://api.openai.com/v1"
    assert made.json["problem"] is None
    listed, shown = cli("credentials", "list"), cli("credentials", "show", name)
    for said in (made, listed, shown, cli("credentials", "show", made.json["id"], "--json")):
        assert name in said.out
        assert SECRET not in said.out + said.err

    moved = cli("credentials", "update", name, "--base-url", "https://models.example.com/v1")
    assert "It cannot be used" in moved.err
    file = tmp_path / "secret"
    file.write_text(SECRET)
    other = f"{name} 2"
    again = cli("credentials", "update", name, "--from", file, "--name", other, "--json").json
    assert (again["name"], again["problem"]) == (other, None)
    assert cli("credentials", "show", name, "--json").failure["code"] == "not_found"

    assert cli("credentials", "delete", other).code == 2, "nobody is there to ask"
    assert cli("credentials", "delete", other, "--yes").code == 0
    assert other not in cli("credentials", "list").out


def test_a_kind_of_several_secrets_takes_an_object(cli: Cli, name: str) -> None:
    """Piped in; a bare text names what is asked for."""
    more = ("--kind", "httpBasicAuth", "--base-url", "https://erp.example.com", "--json")
    bare = cli("credentials", "create", name, *more, stdin="x").failure
    assert "basicAuthUsername, basicAuthPassword" in bare["errors"][0]["message"]
    given = json.dumps({"basicAuthUsername": "u", "basicAuthPassword": SECRET})
    made = cli("credentials", "create", name, *more, stdin=given).json
    assert made["credentialName"] == "httpBasicAuth"
    assert cli("credentials", "delete", made["id"], "--yes").code == 0


def test_what_is_typed_is_not_shown(local: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person is asked for each secret, by its name."""
    monkeypatch.setattr("getpass.getpass", lambda _: SECRET)  # which wants a terminal
    made = local("credentials", "create", "typed", "--kind", "httpApiKey", "--base-url", "https://a.example.com",
                 "--json", stdin=Typed())  # fmt: skip
    assert made.json["name"] == "typed"
    assert made.err.startswith("key:value:")
    assert SECRET not in made.out + made.err


def test_secrets_are_on_no_command_line(local: Cli) -> None:
    """What is one is refused there, and what is none is taken."""
    azure = (
        "create",
        "azure",
        "--kind",
        "azureOpenAIApi",
        "--base-url",
        "https://x.openai.azure.com/openai/v1",
    )
    refused = local("credentials", *azure, "--member", f"azureOpenAIApiKey={SECRET}", stdin=SECRET)
    assert refused.code == 2
    assert "typed, piped in or read from a file" in refused.err
    assert SECRET not in refused.err
    member = "azureOpenAIApiDeploymentName=gpt"
    assert local("credentials", *azure, "--member", member, stdin=SECRET).code == 0


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (("--kind", "nosuch"), SECRET, "There are: openAIApi"),
        ((), "", "Pipe it in"),
        ((), "{not json", "like a JSON object"),
        (("--base-url", "http://10.0.0.1/"), SECRET, "baseUrl"),
        (("--from", "/nowhere/at/all"), "", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said(cli: Cli, arguments: tuple[str, ...], stdin: str, said: str) -> None:
    """And nothing is made."""
    failed = cli("credentials", "create", "wrong", *arguments, "--json", stdin=stdin)
    assert said in json.dumps(failed.failure)
    assert cli("credentials", "show", "wrong", "--json").failure["code"] == "not_found"
    assert cli("credentials", "update", "wrong").code == 2


def test_the_life_of_a_variable(cli: Cli, tmp_path: Path) -> None:
    """Made and changed by the same command, from wherever its value is."""
    name = f"of_{new_id()[:8]}"
    assert "Made" in cli("variables", "set", name, "Rome").err
    file = tmp_path / "value"
    file.write_text("several\nlines\n")
    changed = cli("variables", "set", name, "--from", file, "--json").json
    assert (changed["name"], changed["type"], changed["value"]) == (name, "static", "several\nlines")
    assert cli("variables", "set", name, "--from", "-", "--json", stdin="piped\n").json["value"] == "piped"
    assert f"{name}  static  piped" in cli("variables", "list").out
    assert cli("variables", "set", name, "--runtime", "--json").json["type"] == "runtime"
    (listed,) = [item for item in cli("variables", "list", "--json").json if item["name"] == name]
    assert listed["value"] == ""
    for arguments in ((), ("a", "--runtime"), ("a", "--from", str(file))):
        assert cli("variables", "set", name, *arguments).code == 2
    assert cli("variables", "delete", name).code == 2, "nobody is there to ask"
    assert cli("variables", "delete", name, "--yes").code == 0
    assert cli("variables", "delete", name, "--yes", "--json").code == 2
    assert cli("variables", "delete", name, "--yes").code == 4
    refused = cli("variables", "set", "1x", "y", "--json").failure
    assert refused["errors"][0]["field"] == "name"
