"""``flowkeys flows``, on a data directory and over HTTP."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.support.flows import coding, exported, unknown


def test_a_new_chatflow_is_closed_and_says_what_to_do(cli: Cli, name: str) -> None:
    """Given no key, the next steps name a key, a binding and a call to try."""
    result = cli("flows", "add", name, "--reply", "hi")
    flow_id = result.out.split()[-1]
    assert "closed" in result.err
    assert f"flowkeys keys create NAME --chatflow {flow_id}" in result.err
    assert f"/api/v1/prediction/{flow_id} -H 'Authorization: Bearer" in result.err


def test_the_api_s_own_form_is_printed(cli: Cli, name: str) -> None:
    """With --json the chatflow is printed as the API would, and nothing else."""
    made = cli("flows", "add", name, "--reply", "hi", "--json").json
    assert (made["name"], made["type"], made["runnable"]) == (name, "AGENTFLOW", True)
    assert cli("flows", "show", name, "--json").json == made


def test_keys_are_bound_at_once(cli: Cli, name: str) -> None:
    """Given --key, the chatflow answers that key from its first moment."""
    key = cli("keys", "create", name, "--json").json
    made = cli("flows", "add", name, "--reply", "hi", "--key", name, "--json").json
    assert made["apiKeyIds"] == [key["id"]]


def test_a_public_chatflow_comes_with_a_warning(cli: Cli, name: str) -> None:
    """Whoever opens a door is told so, also with --json."""
    result = cli("flows", "add", name, "--reply", "hi", "--public", "--json")
    assert result.json["isPublic"] is True
    assert "Warning" in result.err
    assert "without a limit" in result.err
    limited = cli("flows", "update", name, "--public", "--rate-limit", "10/second")
    assert "as often as its limits let them" in limited.err
    assert "without a limit" not in limited.err


def test_a_public_chatflow_can_be_closed(cli: Cli, name: str) -> None:
    """`flows update --closed` ends being public; no key is bound by it."""
    cli("flows", "add", name, "--reply", "hi", "--public")
    closed = cli("flows", "update", name, "--closed", "--json").json
    assert (closed["isPublic"], closed["apiKeyIds"]) == (False, [])


def test_binding_adds_a_key_beside_others(cli: Cli, name: str) -> None:
    """Given a bound key, binding another keeps it; unbinding one leaves the other."""
    cli("flows", "add", name, "--reply", "hi")
    first, second = (cli("keys", "create", f"{name} {n}", "--json").json["id"] for n in (1, 2))
    cli("flows", "bind", name, first)
    assert cli("flows", "bind", name, f"{name} 2", "--json").json["apiKeyIds"] == [first, second]
    assert cli("flows", "unbind", name, first, "--json").json["apiKeyIds"] == [second]
    left = cli("flows", "unbind", name, second, "--json").json
    assert (left["apiKeyIds"], left["isPublic"]) == ([], False)


def test_unbinding_what_is_not_bound_says_so(cli: Cli, name: str) -> None:
    """It is no error, but it is probably a mistake."""
    cli("flows", "add", name, "--reply", "hi")
    cli("keys", "create", name)
    result = cli("flows", "unbind", name, name)
    assert result.code == 0
    assert "not bound" in result.err


def test_a_removed_chatflow_is_gone_and_its_key_stays(cli: Cli, name: str) -> None:
    """Removing needs --yes where nobody can be asked."""
    cli("flows", "add", name, "--reply", "hi")
    cli("keys", "create", name, "--chatflow", name)
    assert cli("flows", "remove", name).code == 2
    assert cli("flows", "remove", name, "--yes", "--json").json == {"raw": [], "affected": 1}
    assert cli("flows", "show", name).code == 4
    assert cli("keys", "show", name, "--json").json["chatFlows"] == []


def test_an_export_is_written_byte_for_byte(cli: Cli, name: str, tmp_path: Path) -> None:
    """Given an export of Flowise, import and export give the same bytes, whitespace and escapes included."""
    source, target = tmp_path / "in.json", tmp_path / "out.json"
    content = exported().replace('"edges"', ' "edges"').replace("}", "}\n", 1) + "\n"
    source.write_bytes(content.encode())
    cli("flows", "add", name, "--import", source)
    assert cli("flows", "export", name).out == content
    assert cli("flows", "export", name, "--output", target).code == 0
    assert target.read_bytes() == content.encode()


def test_chatflows_are_listed_with_who_may_call_them(cli: Cli, name: str, tmp_path: Path) -> None:
    """A table shows what is public, closed or bound, and what cannot run."""
    export = tmp_path / "unknown.json"
    export.write_text(unknown(), "utf-8")
    cli("flows", "add", f"{name} public", "--reply", "hi", "--public")
    cli("flows", "add", f"{name} broken", "--import", export)
    lines = cli("flows", "list", "--search", name).out.splitlines()
    assert any("public: anyone" in line and "yes" in line for line in lines)
    assert any("closed" in line and " no " in line for line in lines)


def test_a_chatflow_that_cannot_run_says_why(cli: Cli, name: str, tmp_path: Path) -> None:
    """Given a node kind that this server lacks, the import works and names it."""
    export = tmp_path / "unknown.json"
    export.write_text(unknown("browserAgentflow"), "utf-8")
    result = cli("flows", "add", name, "--import", export)
    assert result.code == 0
    assert "browserAgentflow" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="nothing that answers"),
        pytest.param(["--reply", "a", "--python", "m:a"], id="two things that answer"),
        pytest.param(["--openai", "https://example.com/v1"], id="no model"),
        pytest.param(["--reply", "a", "--model", "m"], id="a model for nothing"),
        pytest.param(["--reply", "a", "--public", "--key", "k"], id="public and bound"),
    ],
)
def test_a_chatflow_has_one_source(local: Cli, arguments: list[str]) -> None:
    """Options that do not belong together are refused before anything is made."""
    assert local("flows", "add", "x", *arguments).code == 2
    assert local("flows", "list", "--json").json == []


def test_an_update_says_what_to_change(local: Cli) -> None:
    """Given nothing to change, the command is refused."""
    assert local("flows", "update", "x").code == 2


def test_code_is_shown_and_approved_and_no_import_does_that(cli: Cli, name: str, tmp_path: Path) -> None:
    """Given an export with code, `approve` shows it and asks; `--withdraw` takes it back."""
    export = tmp_path / "export.json"
    export.write_text(coding(f"return '{name}'"))
    made = cli("flows", "add", name, "--import", export, "--json").json
    assert "not approved" in " ".join(made["problems"])
    approved = cli("flows", "approve", name, "--yes", "--json")
    assert f"return '{name}'" in approved.err
    assert [piece["approved"] for piece in approved.json] == [True]
    assert "not approved" not in " ".join(cli("flows", "show", name, "--json").json["problems"])
    assert "no code that waits" in cli("flows", "approve", name, "--yes").out
    assert [
        piece["approved"] for piece in cli("flows", "approve", name, "--withdraw", "--yes", "--json").json
    ] == [False]
